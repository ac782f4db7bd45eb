"""Rating a checklist: what it shows, what is saved, what was carried over, and two at once."""

from datetime import date

import pytest
from flask.testing import FlaskClient

from appraisal.accounts.services import accounts
from appraisal.appraisals.services.lead import RatingPut, rate
from appraisal.proposals.facts import Appraisal
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def _running(site: Site, number: str) -> Appraisal:
    running = building.load(site, number).appraisal
    assert running is not None
    return running


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/appraisal{rest}"


def _second_round(site: Site, cast: Cast) -> str:
    """Bring a proposal to its second appraisal, with the workers consulted since the first."""
    number = building.revision_proposal(site, cast)
    case = building.load(site, number)
    workers = [{"who": "The congress of trade unions", "when": "2010-01-20", "how": "Meeting"}]
    constituents = {**case.content["constituents"], "workers": workers}
    with site.database.begin() as db:
        author, now = cast["designer"], site.now()
        drafts.answer_change(db, site.library, author, now, number, case.changes[0].id, "done", "Section 3")
        drafts.save_section(db, site.library, author, now, number, "constituents", constituents)
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    return number


def test_a_checklist_shows_what_the_proposal_says(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    page = client.get(_url(number, "/TRI"))
    for words in (
        "Checklist 2 of 7: Tripartism",
        "1 December 2009",
        "consultation.pdf",
        "Nothing was entered.",
        "X is not offered: a gating item is always relevant.",
        "Gating item: a 1 here makes the whole criterion “Not met”.",
        "GB.306/TC/1, para. 33",
    ):
        assert words in page.text
    assert 'value="X"' not in page.text


@pytest.mark.parametrize(("learning", "offered"), [(True, False), (False, True)])
def test_not_relevant_is_offered_where_the_form_says_so(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, learning: bool, offered: bool
) -> None:
    number = building.assigned_proposal(site, cast, learning_component=learning)
    sign_in(client, "reader")
    page = client.get(_url(number, "/TUR"))
    assert ('name="TUR-2-value" type="radio" value="X"' in page.text) == offered
    answer = client.post(_url(number, "/TUR"), data={"TUR-2-value": "X", "TUR-2-comment": "No training"})
    assert answer.status_code == (303 if offered else 422)


def test_rating_saves_what_changed_and_goes_on(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    given = {"TRI-1-value": "1", "TRI-1-comment": "", "TRI-2-value": "3", "TRI-2-evidence": "p. 4\r\np. 5"}
    answer = client.post(_url(number, "/TRI"), data={**given, "next": "1", "seen": "1"})
    assert answer.status_code == 303
    assert answer.location == _url(number, "/ILS")
    ratings = _running(site, number).ratings
    assert {item: put.value for item, put in ratings.items()} == {"TRI-1": "1", "TRI-2": "3"}
    assert ratings["TRI-2"].evidence == "p. 4\np. 5"
    page = client.get(_url(number, "/TRI"))
    assert "TRI-1 is rated 1 and needs a comment." in page.text
    assert "1 of 8 items complete" in page.text


def test_after_the_last_checklist_comes_the_overview(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    assert client.post(_url(number, "/RBM"), data={"next": "1"}).location == _url(number)
    assert client.post(_url(number, "/RBM")).location == _url(number, "/RBM")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"TRI-1-value": "7"}, "Choose one of the values offered"),
        ({"TRI-1-value": "X"}, "Choose one of the values offered"),
        ({"TRI-1-value": "2", "TRI-1-comment": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_what_cannot_be_kept_is_said_with_nothing_lost(
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    given: dict[str, str],
    words: str,
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    page = client.post(_url(number, "/TRI"), data={**given, "TRI-2-comment": "Keep me"})
    assert page.status_code == 422
    assert words in page.text
    assert "Keep me" in page.text
    assert not _running(site, number).ratings


def test_nothing_is_rated_on_hold(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.assigned_proposal(site, cast)
    building.take(site, cast["desk"], number, "hold", until=date(2010, 3, 1), note="Wait")
    sign_in(client, "reader")
    assert "on hold, so nothing can be rated" in client.get(_url(number, "/TRI")).text
    page = client.post(_url(number, "/TRI"), data={"TRI-1-value": "2"})
    assert page.status_code == 403
    assert "1 March 2010" in page.text


def test_a_checklist_out_of_date_shows_both_and_saves_the_second_time(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    with site.database.begin() as db:
        there = {"TRI-1": RatingPut("2", "From another window")}
        rate(db, site.library, cast["reader"], site.now(), number, there)
    sign_in(client, "reader")
    typed = {"TRI-1-value": "3", "TRI-1-comment": "From this one"}
    page = client.post(_url(number, "/TRI"), data={**typed, "seen": "1"})
    assert page.status_code == 409
    for words in ("Saved meanwhile:", "From another window", "From this one"):
        assert words in page.text
    assert _running(site, number).ratings["TRI-1"].value == "2"
    assert client.post(_url(number, "/TRI"), data={**typed, "seen": "2"}).status_code == 303
    assert _running(site, number).ratings["TRI-1"].value == "3"


@pytest.mark.parametrize("page", ["appraisal/TRI", "reconciliation", "appraisal/recommendation"])
def test_a_page_of_the_version_before_saves_nothing_on_the_next(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, page: str
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "reader")
    seen = str(_running(site, number).row_version)
    building.take(site, cast["desk"], number, "return_incomplete", missing="The budget by country.")
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    before = _running(site, number)
    rating = {"TRI-1-value": "3", "TRI-1-comment": "Typed for long"}
    typed = {**rating, "chosen": "REVISE", "reason": "Typed for long"}
    answer = client.post(f"/proposals/{number}/{page}", data={**typed, "seen": seen})
    assert answer.status_code == 409
    assert "Typed for long" in answer.text
    assert _running(site, number) == before


def test_carried_over_ratings_are_confirmed_together_only_where_nothing_changed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = _second_round(site, cast)
    sign_in(client, "reader")
    page = client.get(_url(number))
    assert "ratings were carried over and what they cite has not changed." in page.text
    assert f"{_url(number, '/TRI')}#TRI-1" in page.text
    assert "Carried over: to be confirmed" in client.get(_url(number, "/TRI")).text
    seen = {"seen": str(_running(site, number).row_version)}
    assert client.post(_url(number, "/confirm"), data=seen).status_code == 303
    left = [put.item for put in _running(site, number).ratings.values() if put.proposed]
    assert left == ["TRI-1"]
    assert client.post(_url(number, "/confirm"), data=seen).status_code == 409


def test_saving_a_checklist_confirms_only_what_was_changed_or_ticked(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = _second_round(site, cast)
    kept = {
        f"{put.item}-{part}": text
        for put in _running(site, number).ratings.values()
        if put.item.startswith("TRI")
        for part, text in (("value", put.value), ("comment", put.comment), ("evidence", put.evidence))
    }
    sign_in(client, "reader")
    typed = {**kept, "TRI-1-confirm": "y", "TRI-2-comment": "Read again"}
    assert client.post(_url(number, "/TRI"), data=typed).status_code == 303
    ratings = _running(site, number).ratings
    confirmed = {item for item, put in ratings.items() if item.startswith("TRI") and not put.proposed}
    assert confirmed == {"TRI-1", "TRI-2"}


def test_definitions_are_read_in_the_language_of_the_person(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    with site.database.begin() as db:
        accounts.set_language(db, cast["reader"].id, "fr")
    sign_in(client, "reader")
    assert "Insuffisant" in client.get(_url(number, "/TRI")).text
