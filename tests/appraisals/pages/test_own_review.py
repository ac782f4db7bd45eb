"""A reviewer's own pages: the declaration, the private ratings, signing, and what stays afterwards."""

import re
from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.appraisals.services import lead, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.people.facts import Person
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests.appraisals.pages import reviewing
from tests.casts import Clock, counted
from tests.web import building
from tests.web.building import Cast
from tests.web.reading import faults
from tests.web.sites import SignIn

# Every page about a proposal that a reviewer could open.
PAGES = (
    "",
    "/history",
    "/versions/1",
    "/appraisal",
    "/appraisal/GEN",
    "/appraisal/recommendation",
    "/steps/finalise",
    "/reviews",
    "/review/GEN",
    "/review/sign",
    "/review/decline",
)


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/review{rest}"


@pytest.fixture
def asked(site: Site, cast: Cast) -> str:
    """Return a proposal that EVAL's appraiser is asked to review on gender."""
    number = building.assigned_proposal(site, cast, title="Labour inspection", countries=["ZM", "TZ"])
    reviewing.ask(site, cast, number, cast["eval"], "GEN")
    return number


@pytest.fixture
def declared(asked: str, site: Site, cast: Cast) -> str:
    """Return the same proposal once the reviewer has nothing to declare."""
    reviewing.declare(site, asked, cast["eval"])
    return asked


def _rated(site: Site, cast: Cast, number: str) -> None:
    reviewing.rate(site, number, cast["eval"], dict.fromkeys(reviewing.items_of(site, "GEN"), "2"))


# Before the declaration


def test_the_declaration_comes_before_everything_else(
    asked: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "eval")
    for rest in PAGES:
        answer = client.get(f"/proposals/{asked}{rest}")
        assert (answer.status_code, answer.location) == (303, _url(asked)), rest
    document = building.load(site, asked).versions[0].documents[0].id
    assert client.get(f"/proposals/{asked}/documents/{document}").status_code in (303, 404)
    sent = client.post(_url(asked, "/GEN"), data={"GEN-1-value": "2"})
    assert (sent.status_code, sent.location) == (303, _url(asked))
    page = client.get(_url(asked))
    assert "Say first whether you have a conflict of interest. Nothing was changed." in page.text
    assert not reviewing.own(site, asked, cast["eval"]).ratings


def test_it_shows_title_countries_donors_authors_and_nothing_else(
    asked: str, site: Site, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "eval")
    page = client.get(_url(asked)).text
    for words in (
        "Labour inspection",
        "Zambia, Tanzania",
        "Illustrative donor",
        "Ana Ruiz",
        "10 February 2010",
    ):
        assert words in page
    hidden = ("Under appraisal", "GEN", "Gender", "David Okoro", "Version", "version", "1 February", "Chiara")
    assert [word for word in hidden if word in page.partition("<main")[2]] == []
    assert faults(page) == []
    # A list would tell its state.
    assert asked not in client.get("/proposals").text
    work = client.get("/").text
    assert "Labour inspection" in work
    assert "a declaration comes first" in work
    assert "GEN" not in work.partition("<main")[2]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"answer": "nothing"}, ("nothing", "", False)),
        ({"answer": "conflict", "text": "My\r\nbrother."}, ("declared", "My\nbrother.", False)),
        ({"answer": "decline", "text": "On mission."}, ("", "On mission.", True)),
    ],
)
def test_each_answer_is_a_fact_of_its_own(
    asked: str,
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    given: dict[str, str],
    kept: tuple[str, str, bool],
) -> None:
    sign_in(client, "eval")
    # Sent twice, it is answered once.
    for _ in range(2):
        answer = client.post(_url(asked), data=given)
        assert (answer.status_code, answer.location) == (303, _url(asked))
    review = reviewing.own(site, asked, cast["eval"])
    assert (review.declaration, review.reason, review.declined_at is not None) == kept
    page = client.get(_url(asked))
    assert page.status_code == 200
    assert faults(page.text) == []
    goes_on = given["answer"] == "nothing"
    assert ("Go on to sign" in page.text) == goes_on
    assert (given.get("text", "").split("\r\n")[0] in page.text) or goes_on
    for rest in ("", "/history", "/appraisal"):
        assert client.get(f"/proposals/{asked}{rest}").status_code == (200 if goes_on else 404)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose an answer."),
        ({"answer": "perhaps"}, "Choose an answer."),
        ({"answer": "conflict", "text": " "}, "Say what the conflict of interest is."),
        ({"answer": "decline"}, "Give a reason."),
        ({"answer": "decline", "text": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_an_answer_that_lacks_something_is_given_back(
    asked: str,
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    given: dict[str, str],
    words: str,
) -> None:
    sign_in(client, "eval")
    page = client.post(_url(asked), data=given)
    assert page.status_code == 422
    assert words in page.text
    assert given.get("text", "").strip() in page.text
    assert faults(page.text) == []
    assert reviewing.own(site, asked, cast["eval"]).declared_at is None


def test_another_answer_from_a_second_window_is_kept_on_the_page_and_nowhere_else(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "eval")
    page = client.post(_url(declared), data={"answer": "conflict", "text": "My brother leads it."})
    assert page.status_code == 409
    for words in ("you have nothing to declare", "My brother leads it.", _url(declared, "/decline")):
        assert words in page.text
    assert reviewing.own(site, declared, cast["eval"]).declaration == "nothing"
    with site.database.begin() as db:
        reviews.decline(db, site.library, cast["eval"], site.now(), declared, "After all not.")
    page = client.post(_url(declared, "/GEN"), data={"GEN-1-value": "3", "GEN-1-comment": "Well done"})
    assert page.status_code == 409
    for words in ("You declined to review this proposal", "Well done", "Comment on GEN-1"):
        assert words in page.text


# Whom it concerns


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("eval", 200),
        # Of a unit that is asked.
        ("actemp", 200),
        ("desk", 403),
        ("reader", 403),
        ("chief", 403),
        ("auditor", 403),
        ("designer", 403),
        ("designer2", 404),
        ("admin", 404),
    ],
)
def test_whom_the_page_is_for(
    asked: str, site: Site, client: FlaskClient, sign_in: SignIn, key: str, status: int
) -> None:
    sign_in(client, key)
    assert client.get(_url(asked)).status_code == status
    if status != 200:
        for rest in ("/GEN", "/sign", "/decline"):
            assert client.get(_url(asked, rest)).status_code == status
        for rest in ("", "/GEN", "/sign", "/decline", "/confirm"):
            assert client.post(_url(asked, rest), data={"answer": "nothing"}).status_code == status
    assert len(building.load(site, asked).appraisals[0].reviews) == 1


def test_an_appraiser_takes_up_what_the_unit_is_asked(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    other = reviewing.hire(site, "actemp2", "Maria Sol", "ACT/EMP")
    sign_in(client, "actemp")
    page = client.get(_url(number)).text
    assert "Your unit, ACT/EMP, is asked to comment on this proposal by 8 February 2010." in page
    assert building.load(site, number).appraisals[0].reviews == ()
    assert client.post(_url(number), data={"answer": "nothing"}).status_code == 303
    review = reviewing.own(site, number, cast["actemp"])
    assert (review.checklists, review.due_on) == (("TRI", "CAP"), date(2010, 2, 8))
    assert "rate as many items as you wish, or give a comment alone" in client.get(_url(number)).text
    empty = client.post(_url(number, "/sign"), data={"comment": " "})
    assert empty.status_code == 422
    assert "Write the comment." in empty.text
    assert client.post(_url(number, "/sign"), data={"comment": "We agree."}).status_code == 303
    answer = next(
        entry for entry in building.load(site, number).appraisals[0].consultations if entry.unit == "ACT/EMP"
    )
    assert (answer.text, answer.answered_by) == ("We agree.", cast["actemp"].id)
    # Nothing is left to do for the others of the unit.
    building.sign_in_as(client, site, other)
    assert client.get(_url(number)).status_code == 404


def test_an_appraiser_may_decline_for_the_unit(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, "actemp")
    assert client.post(_url(number), data={"answer": "decline", "text": "No time."}).status_code == 303
    assert "No time." in client.get(_url(number)).text
    assert reviewing.own(site, number, cast["actemp"]).declaration == ""


def test_a_block_is_taken_up_once(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    other = reviewing.hire(site, "eval2", "Rosa Lind", "EVAL")
    sign_in(client, "eval")
    assert client.post(_url(number), data={"answer": "nothing"}).status_code == 303
    assert "your ratings of it become final when you sign" in client.get(_url(number)).text
    building.sign_in_as(client, site, other)
    page = client.get(_url(number)).text
    assert "EVA has a reviewer already, and one is enough to finalise it." in page
    assert 'name="answer"' not in page
    assert client.post(_url(number), data={"answer": "nothing"}).status_code == 403


# Working


@pytest.mark.thorough
def test_ratings_are_saved_for_nobody_else_to_see(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    before = building.load(site, declared)
    sign_in(client, "eval")
    page = client.get(_url(declared, "/GEN"))
    for words in ("Your review, checklist 1 of 1: Gender equality", "What the proposal says", "0 of 8 items"):
        assert words in page.text
    assert faults(page.text) == []
    given = {
        "GEN-1-value": "1",
        "GEN-1-comment": "No data by sex",
        "GEN-2-value": "3",
        "GEN-2-evidence": "p. 4",
    }
    answer = client.post(_url(declared, "/GEN"), data={**given, "next": "1"})
    assert (answer.status_code, answer.location) == (303, _url(declared))
    ratings = reviewing.own(site, declared, cast["eval"]).ratings
    assert {item: put.value for item, put in ratings.items()} == {"GEN-1": "1", "GEN-2": "3"}
    after = building.load(site, declared)
    assert (after.row_version, after.sequence, after.head) == (
        before.row_version,
        before.sequence,
        before.head,
    )
    assert "2 of 8" in client.get(_url(declared)).text
    for key in ("reader", "desk", "auditor", "chief", "designer"):
        sign_in(client, key)
        for rest in ("", "/appraisal", "/reviews", "/history", "/appraisal/GEN"):
            assert "No data by sex" not in client.get(f"/proposals/{declared}{rest}").text
        sent = client.post(_url(declared, "/GEN"), data={"GEN-1-value": "3"})
        assert sent.status_code == 403
    assert reviewing.own(site, declared, cast["eval"]).ratings["GEN-1"].value == "1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"GEN-1-value": "7"}, "Choose one of the values offered"),
        ({"GEN-1-value": "X"}, "Choose one of the values offered"),
        ({"GEN-1-value": "2", "GEN-1-comment": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_a_rating_that_cannot_be_kept_is_given_back(
    declared: str,
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    given: dict[str, str],
    words: str,
) -> None:
    sign_in(client, "eval")
    page = client.post(_url(declared, "/GEN"), data={**given, "GEN-2-comment": "Keep me"})
    assert page.status_code == 422
    assert words in page.text
    assert "Keep me" in page.text
    assert not reviewing.own(site, declared, cast["eval"]).ratings


def test_only_the_checklists_that_were_asked_are_there(
    declared: str, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(client, "eval")
    assert client.get(_url(declared, "/TRI")).status_code == 404
    assert client.post(_url(declared, "/TRI"), data={"TRI-1-value": "2"}).status_code == 404


def test_a_sheet_out_of_date_shows_both_and_saves_the_second_time(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    seen = reviewing.own(site, declared, cast["eval"]).row_version
    reviewing.rate(site, declared, cast["eval"], {"GEN-1": "2"}, "From another window")
    sign_in(client, "eval")
    typed = {"GEN-1-value": "3", "GEN-1-comment": "From this one", "seen": str(seen)}
    page = client.post(_url(declared, "/GEN"), data=typed)
    assert page.status_code == 409
    for words in ("changed in another window", "Saved meanwhile:", "From another window", "From this one"):
        assert words in page.text
    assert faults(page.text) == []
    assert reviewing.own(site, declared, cast["eval"]).ratings["GEN-1"].value == "2"
    assert client.post(_url(declared, "/GEN"), data={**typed, "seen": str(seen + 1)}).status_code == 303
    assert reviewing.own(site, declared, cast["eval"]).ratings["GEN-1"].value == "3"
    # The same form twice: there is nothing to say about it.
    assert client.post(_url(declared, "/GEN"), data={**typed, "seen": str(seen + 1)}).status_code == 303


def test_what_was_typed_survives_that_the_review_was_taken_back(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    with site.database.begin() as db:
        asked = reviewing.own(site, declared, cast["eval"]).id
        reviews.withdraw(db, site.library, cast["desk"], site.now(), declared, asked)
    sign_in(client, "eval")
    page = client.post(_url(declared, "/GEN"), data={"GEN-1-value": "3", "GEN-1-comment": "An hour of work"})
    assert page.status_code == 409
    for words in ("no longer asked to review this proposal", "An hour of work"):
        assert words in page.text
    assert "no longer asked" in client.get(_url(declared)).text
    assert client.get(f"/proposals/{declared}").status_code == 404


def test_nothing_is_rated_or_signed_on_hold(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    _rated(site, cast, declared)
    building.take(site, cast["desk"], declared, "hold", until=date(2010, 3, 1), note="Wait")
    sign_in(client, "eval")
    assert "on hold, so nothing can be rated" in client.get(_url(declared, "/GEN")).text
    assert "on hold until 1 March 2010" in client.get(_url(declared, "/sign")).text
    page = client.post(_url(declared, "/GEN"), data={"GEN-1-value": "3", "GEN-1-comment": "Typed before"})
    assert page.status_code == 403
    assert "Typed before" in page.text
    page = client.post(_url(declared, "/sign"), data={"comment": "Said before"})
    assert page.status_code == 422
    assert "Said before" in page.text
    assert reviewing.own(site, declared, cast["eval"]).signed_at is None


def _second_round(site: Site, cast: Cast) -> str:
    """Bring a proposal to a second version, with the workers consulted since it was reviewed."""
    number = building.assigned_proposal(site, cast)
    reviewing.reviewed(site, cast, number, cast["eval"], ("TRI",))
    building.take(site, cast["desk"], number, "return_incomplete", missing="Consult the workers.")
    workers = [{"who": "The congress of trade unions", "when": "2010-01-20", "how": "Meeting"}]
    constituents = {**building.load(site, number).content["constituents"], "workers": workers}
    with site.database.begin() as db:
        drafts.save_section(
            db, site.library, cast["designer"], site.now(), number, "constituents", constituents
        )
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    reviewing.ask(site, cast, number, cast["eval"], "TRI")
    reviewing.declare(site, number, cast["eval"])
    return number


def test_own_ratings_are_confirmed_together_only_where_nothing_changed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = _second_round(site, cast)
    sign_in(client, "eval")
    page = client.get(_url(number)).text
    assert "7 ratings were carried over and what they cite has not changed." in page
    assert f"{_url(number, '/TRI')}#TRI-1" in page
    seen = str(reviewing.own(site, number, cast["eval"]).row_version)
    assert client.post(_url(number, "/confirm"), data={"seen": seen}).status_code == 303
    assert "Ratings confirmed: 7." in client.get(_url(number)).text
    ratings = reviewing.own(site, number, cast["eval"]).ratings
    assert [item for item, put in ratings.items() if put.proposed] == ["TRI-1"]
    assert client.post(_url(number, "/confirm"), data={"seen": seen}).status_code == 409
    assert "TRI-1 was carried over" in re.sub("The rating of ", "", client.get(_url(number, "/sign")).text)
    kept = {f"TRI-1-{part}": getattr(ratings["TRI-1"], part) for part in ("value", "comment", "evidence")}
    others = {
        f"{item}-{part}": getattr(put, part)
        for item, put in ratings.items()
        for part in ("value", "comment", "evidence")
    }
    assert client.post(_url(number, "/TRI"), data={**others, **kept, "TRI-1-confirm": "y"}).status_code == 303
    assert not any(put.proposed for put in reviewing.own(site, number, cast["eval"]).ratings.values())


# Signing


def test_what_is_missing_is_listed_with_the_way_to_it(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    reviewing.rate(site, declared, cast["eval"], dict.fromkeys(reviewing.items_of(site, "GEN")[1:], "1"))
    sign_in(client, "eval")
    page = client.get(_url(declared, "/sign")).text
    assert "GEN-1 is not rated." in page
    assert "GEN-2 is rated 1 and needs a comment." in page
    assert f"{_url(declared, '/GEN')}#GEN-1" in page
    assert "Something is still missing; it is listed above." in page
    assert faults(page) == []
    refused = client.post(_url(declared, "/sign"), data={"comment": "Nearly done"})
    assert refused.status_code == 422
    assert "Nearly done" in refused.text
    assert reviewing.own(site, declared, cast["eval"]).signed_at is None


def test_a_signed_review_stays_as_it_is(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    _rated(site, cast, declared)
    sign_in(client, "eval")
    page = client.get(_url(declared, "/sign")).text
    assert "Once signed, the review stays as it is for ever." in page
    assert faults(page) == []
    seen = str(reviewing.own(site, declared, cast["eval"]).row_version)
    clock.advance(hours=1)
    given = {"comment": "Sound on the whole.", "seen": seen}
    for _ in range(2):
        answer = client.post(_url(declared, "/sign"), data=given)
        assert (answer.status_code, answer.location) == (303, _url(declared))
    review = reviewing.own(site, declared, cast["eval"])
    assert (review.comment, review.late, review.signed_at) == ("Sound on the whole.", False, clock.moment)
    page = client.get(_url(declared)).text
    for words in ("Sound on the whole.", "Signed", "8 of 8"):
        assert words in page
    assert "Go on to sign" not in page
    assert faults(page) == []
    sheet = client.get(_url(declared, "/GEN")).text
    assert "It stays as it is." in sheet
    assert 'type="radio"' not in sheet
    for rest, typed in (("/GEN", {"GEN-1-comment": "Too late"}), ("/sign", {"comment": "Too late"})):
        page = client.post(_url(declared, rest), data=typed).text
        assert "You signed this review on" in page
        assert "Too late" in page
    for rest in ("/decline", ""):
        answer = client.post(_url(declared, rest), data={"answer": "decline", "text": "Too late"})
        assert answer.status_code == 409
    assert client.get(_url(declared, "/sign")).status_code == 303
    assert reviewing.own(site, declared, cast["eval"]) == review


@pytest.mark.parametrize("rest", ["/GEN", "/sign"])
def test_a_page_of_the_version_before_writes_nothing_on_the_next(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, rest: str
) -> None:
    _rated(site, cast, declared)
    seen = str(reviewing.own(site, declared, cast["eval"]).row_version)
    building.take(site, cast["desk"], declared, "return_incomplete", missing="The budget by country.")
    building.take(site, cast["designer"], declared, "submit")
    building.take(site, cast["desk"], declared, "assign", lead=cast["reader"])
    reviewing.ask(site, cast, declared, cast["eval"], "GEN")
    reviewing.declare(site, declared, cast["eval"])
    # As often saved as the review of the version before.
    _rated(site, cast, declared)
    before = reviewing.own(site, declared, cast["eval"])
    sign_in(client, "eval")
    sent = {**reviewing.sheet(site, "GEN", "1", "Typed for long"), "comment": "Typed for long", "seen": seen}
    page = client.post(_url(declared, rest), data=sent)
    assert page.status_code == 409
    assert "Typed for long" in page.text
    assert reviewing.own(site, declared, cast["eval"]) == before


def test_signing_what_was_changed_in_another_window_asks_to_look_again(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    _rated(site, cast, declared)
    seen = reviewing.own(site, declared, cast["eval"]).row_version
    reviewing.rate(site, declared, cast["eval"], {"GEN-1": "3"})
    sign_in(client, "eval")
    page = client.post(_url(declared, "/sign"), data={"comment": "Sound.", "seen": str(seen)})
    assert page.status_code == 409
    assert "Look at it again before you sign." in page.text
    assert "Sound." in page.text
    assert reviewing.own(site, declared, cast["eval"]).signed_at is None
    answer = client.post(_url(declared, "/sign"), data={"comment": "Sound.", "seen": str(seen + 1)})
    assert answer.status_code == 303


def test_who_signs_after_the_lead_reads_that_it_was_too_late(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.rated_proposal(site, cast)
    reviewing.ask(site, cast, number, cast["eval"], "GEN", due_on=date(2010, 2, 5))
    reviewing.declare(site, number, cast["eval"])
    _rated(site, cast, number)
    clock.set(datetime(2010, 2, 8, 9, tzinfo=UTC))
    sign_in(client, "eval")
    assert "will be kept and marked late" in client.get(_url(number, "/sign")).text
    building.take(site, cast["reader"], number, "finalise")
    assert client.post(_url(number, "/sign"), data={"comment": "Late."}).status_code == 303
    page = client.get(_url(number)).text
    assert "The lead appraiser had closed the appraisal before, on 8 February 2010, 10:00." in page
    assert "Signed late" in page


def test_whoever_signed_sees_what_the_others_say(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    other = reviewing.hire(site, "gender", "Priya Raghunathan", "GENDER")
    reviewing.reviewed(site, cast, declared, other)
    sign_in(client, "eval")
    assert "Priya" not in client.get(f"/proposals/{declared}/appraisal").text
    assert client.get(f"/proposals/{declared}/appraisal/GEN").status_code == 403
    _rated(site, cast, declared)
    reviewing.sign(site, declared, cast["eval"])
    page = client.get(f"/proposals/{declared}/appraisal").text
    assert "Priya Raghunathan" in page
    assert client.get(f"/proposals/{declared}/appraisal/GEN").status_code == 200
    # Who else was asked and why somebody declined stays with those who look after it.
    assert client.get(f"/proposals/{declared}/reviews").status_code == 403


# What a reviewer may not see


def _seen(client: FlaskClient, number: str) -> dict[str, str]:
    """Return everything that the pages show to who is signed in, without what differs every time."""
    paths = [
        "/",
        "/proposals",
        "/records",
        *(f"/proposals/{number}{rest}" for rest in (*PAGES, "/review", "/steps/hold", "/steps/approve")),
    ]
    found = {}
    for path in paths:
        answer = client.get(path)
        text = re.sub(r'name="(request_key|csrf_token)" value="[^"]+"', "", answer.text)
        found[path] = f"{answer.status_code} {answer.location or ''} {text}"
    return found


def _others_act(site: Site, cast: Cast, number: str, same_unit: Person, other: Person) -> None:
    """Let others do all that they can: be asked, declare, rate, sign, answer, decline; and the lead rate."""
    third = reviewing.hire(site, "third", "Bart Conflicted", "SKILLS")
    fourth = reviewing.hire(site, "fourth", "Dora Declines", "SKILLS")
    reviewing.reviewed(site, cast, number, same_unit, ("GEN", "TRI"), "3")
    reviewing.reviewed(site, cast, number, other, ("GEN",), "3")
    for person in (third, fourth):
        reviewing.ask(site, cast, number, person, "GEN")
    reviewing.declare(site, number, third, "My brother's.")
    with site.database.begin() as db:
        reviews.decline(db, site.library, fourth, site.now(), number, "No time.")
        puts = {item: RatingPut("1", "Weak, says the lead.") for item in reviewing.items_of(site, "GEN")}
        lead.rate(db, site.library, cast["reader"], site.now(), number, puts)
        asked = {entry.unit: entry.id for entry in building.load(site, number).appraisals[0].consultations}
        for unit in ("ACTRAV", "PROGRAM"):
            lead.answer_consultation(
                db, site.library, cast["desk"], site.now(), number, asked[unit], "They said so."
            )


@pytest.mark.thorough
@pytest.mark.parametrize("roles", [(), ("coordinator",), ("manager",), ("auditor",), ("designer",)])
def test_nothing_that_others_do_changes_a_page_of_who_has_not_signed(
    site: Site, cast: Cast, client: FlaskClient, clock: Clock, roles: tuple[str, ...]
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    me = reviewing.hire(site, "me", "Nora Blind", "GENDER", *roles)  # type: ignore[arg-type]
    colleague = reviewing.hire(site, "colleague", "Colette Same", "GENDER")
    other = reviewing.hire(site, "other", "Otto Else", "NORMES")
    reviewing.ask(site, cast, number, me, "GEN")
    reviewing.declare(site, number, me)
    reviewing.rate(site, number, me, {"GEN-1": "2"})
    building.sign_in_as(client, site, me)
    moment = clock.moment
    before = _seen(client, number)
    _others_act(site, cast, number, colleague, other)
    later = clock.moment
    clock.set(moment)
    after = _seen(client, number)
    assert [path for path in before if before[path] != after[path]] == []
    for path, page in after.items():
        for words in ("Colette", "Otto", "Bart", "Dora", "Weak, says the lead", "They said so"):
            assert words not in page, path
    for path in (f"/proposals/{number}", f"/proposals/{number}/appraisal"):
        assert "Your review of " in after[path]
    clock.set(later)
    reviewing.rate(site, number, me, dict.fromkeys(reviewing.items_of(site, "GEN"), "2"))
    reviewing.sign(site, number, me)
    assert "Colette Same" in client.get(f"/proposals/{number}/appraisal").text


@pytest.mark.parametrize("step", ["finalise", "approve", "reassign", "request_revision"])
def test_a_refused_step_tells_a_blind_reviewer_nothing(
    site: Site, cast: Cast, client: FlaskClient, step: str
) -> None:
    number = building.assigned_proposal(site, cast)
    me = reviewing.hire(site, "me", "Nora Blind", "GENDER", "manager")
    other = reviewing.hire(site, "other", "Otto Else", "NORMES")
    for person in (me, other):
        reviewing.ask(site, cast, number, person, "GEN")
        reviewing.declare(site, number, person)
    building.sign_in_as(client, site, me)
    page = client.post(f"/proposals/{number}/steps/{step}", data={"note": "Because."})
    assert page.status_code == 403
    for words in ("Otto", "ALI-1", "ACT/EMP"):
        assert words not in page.text


def test_a_blind_reviewer_is_shown_no_step_that_is_other_peoples(
    site: Site, cast: Cast, client: FlaskClient
) -> None:
    number = building.assigned_proposal(site, cast)
    reviewer = reviewing.hire(site, "one", "Nora Berg", "SKILLS")
    both = reviewing.hire(site, "both", "Sam Novak", "SKILLS", "coordinator")
    offered = {}
    for person in (reviewer, both):
        reviewing.ask(site, cast, number, person, "RBM")
        reviewing.declare(site, number, person)
        building.sign_in_as(client, site, person)
        page = client.get(f"/proposals/{number}").text
        offered[person.id] = re.findall(r'app-unavailable__label">([^<]*)<', page)
        assert "Go to your review" in page

    assert offered[reviewer.id] == []
    # What a coordinator may do stays, with the one reason that tells nothing of the others.
    assert "Change the lead appraiser" in offered[both.id]
    assert not {"Finalise the appraisal", "Withdraw"} & set(offered[both.id])


def test_records_are_not_for_who_has_not_signed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.rated_proposal(site, cast)
    reviewing.ask(site, cast, number, cast["eval"], "GEN", due_on=date(2010, 2, 5))
    reviewing.declare(site, number, cast["eval"])
    clock.set(datetime(2010, 2, 8, 9, tzinfo=UTC))
    building.take(site, cast["reader"], number, "finalise")
    digest = building.load(site, number).appraisals[0].record
    sign_in(client, "eval")
    for path in (f"/records/{digest}", f"/records/{digest}.json", f"/records/{digest}/en.pdf"):
        assert client.get(path).status_code == 404
    assert digest not in client.get("/records").text


# The block of a unit, on the lead's pages


@pytest.mark.thorough
def test_the_lead_reads_a_block_and_is_not_asked_for_it(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    url = f"/proposals/{number}/appraisal"
    sign_in(client, "reader")
    page = client.get(f"{url}/EVA").text
    assert "EVAL finalises this checklist, not the lead appraiser" in page
    assert 'type="radio"' not in page
    assert "waits for EVAL" in client.get(url).text
    assert "0 of 9 rated · waits for EVAL" in page
    assert client.post(f"{url}/EVA", data={"EVA-1a-value": "2"}).status_code == 403
    reviewing.declare(site, number, cast["eval"])
    reviewing.rate(site, number, cast["eval"], dict.fromkeys(reviewing.items_of(site, "EVA"), "1"), "Weak.")
    assert "Weak." not in client.get(f"{url}/EVA").text
    reviewing.sign(site, number, cast["eval"])
    assert "Weak." in client.get(f"{url}/EVA").text
    assert "finalised by EVAL" in client.get(url).text
    # In the next round what EVAL said comes along, for EVAL and not for the lead to confirm.
    building.answer_bureaux(site, cast, number)
    items = [
        item
        for code in ("ALI", "TRI", "ILS", "GEN", "TUR", "CAP", "RBM")
        for item in reviewing.items_of(site, code)
    ]
    with site.database.begin() as db:
        puts = {item: RatingPut("2") for item in items}
        lead.rate(db, site.library, cast["reader"], site.now(), number, puts)
    building.take(site, cast["reader"], number, "request_revision", changes=(ChangeAsked("All of it."),))
    with site.database.begin() as db:
        change = building.load(site, number).changes[0].id
        drafts.answer_change(
            db, site.library, cast["designer"], site.now(), number, change, "done", "Section 3."
        )
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    page = client.get(url).text
    assert f"{len(items)} ratings were carried over" in page
    seen = building.load(site, number).appraisals[-1].row_version
    answer = client.post(f"{url}/confirm", data={"seen": str(seen)})
    assert answer.status_code == 303
    assert f"Ratings confirmed: {len(items)}." in client.get(url).text


# Work and statements


def test_what_is_due_first_stands_first_among_what_is_to_review(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    later = building.assigned_proposal(site, cast, title="Due later")
    sooner = building.assigned_proposal(site, cast, title="Due sooner")
    building.assigned_proposal(site, cast, title="For the unit")
    reviewing.ask(site, cast, later, cast["actemp"], "GEN", due_on=date(2010, 2, 12))
    reviewing.ask(site, cast, sooner, cast["actemp"], "GEN", due_on=date(2010, 2, 3))
    reviewing.declare(site, sooner, cast["actemp"])
    sign_in(client, "actemp")
    page = client.get("/").text
    assert page.index("Due sooner") < page.index("For the unit") < page.index("Due later")
    assert f"{sooner} · GEN" in page
    assert f"{later} · a declaration comes first" in page
    assert "ACT/EMP is asked for comments" in page
    assert "No appraisal is yours at present" not in page


@pytest.mark.thorough
def test_own_pages_take_as_many_statements_beside_thirty_reviewers_as_beside_three(
    declared: str, site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    everybody = [reviewing.hire(site, f"r{place}", f"Reviewer {place:02}", "SKILLS") for place in range(30)]
    sign_in(client, "eval")

    def statements() -> list[int]:
        found = []
        for path in (
            _url(declared),
            _url(declared, "/GEN"),
            _url(declared, "/sign"),
            f"/proposals/{declared}",
            "/",
        ):
            client.get(path)
            with counted() as sent:
                assert client.get(path).status_code == 200
            found.append(len(sent))
        return found

    for person in everybody[:3]:
        reviewing.reviewed(site, cast, declared, person)
    few = statements()
    for person in everybody[3:]:
        reviewing.reviewed(site, cast, declared, person)
    assert statements() == few
