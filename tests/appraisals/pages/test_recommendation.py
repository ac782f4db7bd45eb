"""The recommendation: following or lowering it, and writing conditions."""

import re
from datetime import date

from flask.testing import FlaskClient

from appraisal.proposals.facts import Appraisal
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


def test_a_recommendation_is_not_offered_before_it_is_computed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert "No recommendation can be computed before every item is rated." in page.text
    assert "<textarea" not in page.text


def test_low_ratings_ask_for_conditions(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.rated_proposal(site, cast)
    building.rate_all(site, cast["reader"], number, {"TRI-3": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert "As computed: Ready with conditions" in page.text
    assert "Not recommended" not in page.text
    assert "Each condition needs an owner, a due date and a gate" in page.text
    row = {
        "low-0-item": "TRI-3",
        "low-0-text": "Name a role for each",
        "low-0-owner": "Ana Ruiz",
        "low-0-due_on": "2010-04-01",
        "low-0-gate": "before_start",
    }
    own = {"own-0-item": "", "own-0-text": "Report on it", "own-0-owner": "", "own-0-due_on": ""}
    empty = {"own-1-item": "", "own-1-text": "", "own-1-owner": "", "own-1-due_on": "", "own-1-gate": ""}
    answer = client.post(_url(number, "/recommendation"), data={"chosen": "", **row, **own, **empty})
    assert answer.status_code == 303
    kept = [
        (entry.item, entry.text, entry.owner, entry.due_on, entry.gate, entry.by_hand)
        for entry in _running(site, number).conditions
    ]
    assert kept == [
        ("TRI-3", "Name a role for each", "Ana Ruiz", date(2010, 4, 1), "before_start", False),
        ("", "Report on it", "", None, None, True),
    ]
    drawn = client.get(_url(number, "/recommendation")).text
    assert "Name a role for each" in drawn
    assert "Report on it" in drawn


def test_lowering_keeps_choice_and_reason(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    given = {"chosen": "REVISE", "reason": "The budget does not hold"}
    assert client.post(_url(number, "/recommendation"), data=given).status_code == 303
    running = _running(site, number)
    assert (running.chosen, running.reason) == ("REVISE", "The budget does not hold")
    assert "The budget does not hold" in client.get(_url(number, "/recommendation")).text


def test_not_recommended_opens_only_where_a_revision_is_computed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-1": "1"})
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation"))
    assert 'value="NOT_RECOMMENDED"' in page.text
    assert 'value="READY"' not in page.text
    assert "Further conditions" not in page.text
    refused = client.post(_url(number, "/recommendation"), data={"chosen": "READY", "reason": "I like it"})
    assert refused.status_code == 422
    assert "I like it" in refused.text


def test_conditions_are_added_removed_and_judged(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    row = {"own-0-item": "TRI-3", "own-0-text": "Keep me", "own-0-due_on": "soon"}
    more = client.post(_url(number, "/recommendation"), data={**row, "add": "own"})
    assert more.status_code == 200
    assert 'name="own-1-text"' in more.text
    assert 'value="soon"' in more.text
    less = client.post(_url(number, "/recommendation"), data={**row, "remove": "own-0"})
    assert "Keep me" not in less.text
    wrong = client.post(_url(number, "/recommendation"), data=row)
    assert wrong.status_code == 422
    assert 'href="#own-0-due_on"' in wrong.text
    assert not _running(site, number).conditions


def test_a_condition_cannot_be_due_in_the_past_or_years_ahead(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "reader")
    row = {
        "low-0-item": "TRI-3",
        "low-0-text": "Name a role for each",
        "low-0-owner": "Ana Ruiz",
        "low-0-due_on": "2010-01-31",
        "low-0-gate": "before_start",
    }
    page = client.post(_url(number, "/recommendation"), data=row)
    assert page.status_code == 422
    assert page.text.count("A due date cannot lie in the past: choose today or a later day") == 2
    assert 'href="#low-0-due_on"' in page.text
    assert "Name a role for each" in page.text
    assert [entry.due_on for entry in _running(site, number).conditions] == [date(2010, 3, 3)]
    late = client.post(_url(number, "/recommendation"), data={**row, "low-0-due_on": "2013-02-02"})
    assert late.status_code == 422
    assert "A due date lies 3 years ahead at the most: choose 1 February 2013 or an earlier day." in late.text
    assert [entry.due_on for entry in _running(site, number).conditions] == [date(2010, 3, 3)]
    today = client.post(_url(number, "/recommendation"), data={**row, "low-0-due_on": "2010-02-01"})
    assert today.status_code == 303


def test_a_date_that_passes_before_the_appraisal_is_closed_is_told(
    site: Site, cast: Cast, clock: Clock, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    clock.advance(days=40)
    sign_in(client, "reader")
    page = client.get(_url(number, "/recommendation")).text
    assert "The due date of a condition lies in the past: TRI-3." in page
    assert client.post(f"/proposals/{number}/steps/finalise", data={"note": ""}).status_code in (403, 422)
    assert building.load(site, number).state == "under_appraisal"


def test_a_recommendation_out_of_date_keeps_what_was_typed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    given = {"chosen": "REVISE", "reason": "Typed for long", "seen": "1"}
    page = client.post(_url(number, "/recommendation"), data=given)
    assert page.status_code == 409
    assert "Typed for long" in page.text
    assert "saving again keeps it" in page.text


def _hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of the form that a page holds, by name."""
    found = re.findall(r'<input type="hidden" name="((?:low|own)-[^"]+|seen|shown)" value="([^"]*)">', page)
    return dict(found)


def _typed(place: str, text: str, **more: str) -> dict[str, str]:
    whole = {"item": "", "owner": "Ana Ruiz", "due_on": "2010-04-01", "gate": "before_start", **more}
    return {f"{place}-{name}": value for name, value in {"text": text, **whole}.items()}


def test_rows_keep_their_conditions_and_a_removed_row_withdraws_its_own(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    url = _url(number, "/recommendation")
    rows = {**_typed("own-0", "One"), **_typed("own-1", "Two", item="TRI-3"), **_typed("own-2", "Three")}
    assert client.post(url, data={"chosen": "", **rows}).status_code == 303
    hidden = _hidden(client.get(url).text)
    assert hidden["shown"] == "1:1 2:1 3:1"
    kept = {name: value for name, value in {**rows, **hidden}.items() if not name.startswith("own-1")}
    assert client.post(url, data={"chosen": "", **kept, "own-2-text": "Three, better"}).status_code == 303
    running = _running(site, number)
    assert [(entry.number, entry.text) for entry in running.conditions] == [(1, "One"), (3, "Three, better")]
    assert [(entry.number, entry.text) for entry in running.former_conditions] == [(2, "Two")]


def test_two_tabs_overwrite_nothing_of_each_other(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    url = _url(number, "/recommendation")
    both = {**_typed("own-0", "One"), **_typed("own-1", "Two")}
    client.post(url, data={"chosen": "", **both})
    first = {**both, **_hidden(client.get(url).text)}
    second = {**first, "own-0-text": "One, by the other tab", **_typed("own-2", "Three, by the other tab")}
    assert client.post(url, data={"chosen": "", **second}).status_code == 303
    stale = {name: value for name, value in first.items() if not name.startswith("own-1")}
    stale = {**stale, "own-0-text": "One, by this tab"}
    page = client.post(url, data={"chosen": "", **stale})
    assert page.status_code == 409
    for words in ("One, by this tab", "Saved meanwhile: 1. One, by the other tab", "Three, by the other tab"):
        assert words in page.text
    again = {**stale, **_typed("own-1", "Three, by the other tab"), **_hidden(page.text)}
    assert client.post(url, data={"chosen": "", **again}).status_code == 303
    running = _running(site, number)
    assert [(entry.number, entry.text) for entry in running.conditions] == [
        (1, "One, by this tab"),
        (3, "Three, by the other tab"),
    ]
    assert [(entry.number, entry.text) for entry in running.former_conditions] == [(2, "Two")]


def test_a_form_sent_twice_writes_each_condition_once(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    url = _url(number, "/recommendation")
    rows = {"chosen": "", **_typed("own-0", "One"), **_hidden(client.get(url).text)}
    assert client.post(url, data=rows).status_code == 303
    page = client.post(url, data=rows)
    assert page.status_code == 409
    assert client.post(url, data={**rows, **_hidden(page.text)}).status_code == 303
    assert [(entry.number, entry.text) for entry in _running(site, number).conditions] == [(1, "One")]


def test_no_text_is_lost_while_a_revision_is_computed_for_a_moment(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast, ratings={"TRI-3": "1"})
    sign_in(client, "reader")
    url = _url(number, "/recommendation")
    building.rate_all(site, cast["reader"], number, {"TRI-1": "1"})
    page = client.get(url).text
    assert "Conditions written so far stay as they are" in page
    client.post(url, data={"chosen": "REVISE", "reason": "Too weak", **_hidden(page)})
    building.rate_all(site, cast["reader"], number, {"TRI-3": "1"})
    assert [(entry.number, entry.text) for entry in _running(site, number).conditions] == [
        (1, "Make TRI-3 good.")
    ]
    assert "Make TRI-3 good." in client.get(url).text


def test_closing_without_conditions_asks_for_each_that_goes(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    client.post(_url(number, "/recommendation"), data={"chosen": "", **_typed("own-0", "Report on it")})
    step = f"/proposals/{number}/steps/finalise"
    page = client.get(step).text
    assert page.count("1. Report on it") == 2
    seen = str(building.load(site, number).row_version)
    refused = client.post(step, data={"note": "", "seen": seen})
    assert refused.status_code == 422
    assert "Confirm each of them, or none: 1." in refused.text
    assert client.post(step, data={"note": "", "seen": seen, "withdrawn": "1"}).status_code == 303
    assert building.load(site, number).state == "awaiting_decision"
