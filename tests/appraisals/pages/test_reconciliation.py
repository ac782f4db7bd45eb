"""The page of a reconciliation: what it puts side by side, what the lead sets there, and who sees it."""

import re
from collections.abc import Mapping
from datetime import date

import pytest
from flask.testing import FlaskClient
from lxml import html

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import lead, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.facts import Appraisal, RatingGiven
from appraisal.web.context import Site
from tests.casts import Clock, counted
from tests.web import building, panels
from tests.web.building import Cast
from tests.web.sites import SignIn

PARTS = ("value", "comment", "evidence", "reason")


def url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/reconciliation{rest}"


def running(site: Site, number: str) -> Appraisal:
    found = building.load(site, number).appraisal
    assert found is not None
    return found


def lead_rates(site: Site, cast: Cast, number: str, ratings: Mapping[str, RatingPut]) -> None:
    with site.database.begin() as db:
        lead.rate(db, site.library, cast["reader"], site.now(), number, ratings)


def typed(item: str, *given: str) -> dict[str, str]:
    """Return the fields of an item as a form sends them."""
    return {f"{item}-{part}": text for part, text in zip(PARTS, (*given, "", "", ""), strict=False)}


def items_on(page: str) -> list[str]:
    return re.findall(r'<section class="app-item" id="([A-Z]+-\w+)"', page)


def section(page: str, item: str) -> str:
    """Return the words of one item's section, with single blanks."""
    (found,) = html.document_fromstring(page).xpath(f"//section[@id='{item}']")
    return " ".join(found.text_content().split())


def missing_on(page: str) -> list[tuple[str, str]]:
    """Return the items that are said to need a reason, each with where it leads."""
    links = html.document_fromstring(page).xpath("//section[@aria-labelledby='missing']//a")
    return [(link.text_content(), link.get("href")) for link in links]


@pytest.fixture
def number(site: Site, cast: Cast) -> str:
    """A proposal with two signed reviews that differ on TRI-4 widely and on TRI-2 a little."""
    found = building.assigned_proposal(site, cast)
    values = {(1, "TRI-2"): "3", (1, "TRI-4"): "1", (2, "TRI-4"): "3"}
    panels.reviewed_by(site, cast, found, 2, rate=panels.rating(values))
    return found


# Who sees it.


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("reader", 200, 200),
        ("desk", 200, 200),
        ("auditor", 200, 200),
        ("chief", 403, 200),
        ("designer", 403, 200),
        ("designer2", 404, 404),
        ("admin", 404, 404),
    ],
)
def test_who_sees_what_reviewers_signed(
    site: Site,
    cast: Cast,
    client: FlaskClient,
    sign_in: SignIn,
    number: str,
    key: str,
    before: int,
    after: int,
) -> None:
    sign_in(client, key)
    assert client.get(url(number)).status_code == before
    finish(site, cast, number)
    page = client.get(url(number))
    assert page.status_code == after
    if after == 200:
        assert "Reviewer 1 on TRI-4." in page.text
        assert 'type="radio"' not in page.text
        assert "This appraisal is closed." in page.text


def finish(site: Site, cast: Cast, number: str) -> None:
    """Let the lead rate everything 2, explain every difference, and finalise."""
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number)
    given = {item: RatingPut("2", "", "", "The annexes.") for item in panels.items_of(site, number, ["TRI"])}
    lead_rates(site, cast, number, given)
    building.take(site, cast["reader"], number, "finalise")


def test_a_reviewer_sees_it_once_the_own_review_is_signed(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    third = panels.hire(site, 3)[2]
    panels.ask(site, cast, number, third, ["TRI"])
    building.sign_in_as(client, site, third)
    page = client.get(url(number))
    assert page.status_code == 403
    assert "Sign or decline your own review first." in page.text
    assert "Reviewer 1" not in page.text
    panels.sign(site, number, third, dict.fromkeys(panels.items_of(site, number, ["TRI"]), "2"))
    page = client.get(url(number))
    assert page.status_code == 200
    assert "Reviewer 1 (SKILLS)" in page.text


def test_a_review_in_hand_is_counted_and_not_shown(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    third = panels.hire(site, 3)[2]
    panels.ask(site, cast, number, third, ["TRI"])
    with site.database.begin() as db:
        private = {"TRI-1": RatingPut("3", "A private draft.")}
        reviews.rate(db, site.library, third, site.now(), number, private)
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert "2 signed reviews" in page
    assert "1 more was asked for and is not signed." in page
    assert "A private draft." not in page
    assert "Reviewer 3" not in page


@pytest.mark.parametrize(
    ("key", "status"),
    # Somebody of a unit that is asked is sent to the declaration first.
    [("desk", 403), ("auditor", 403), ("chief", 403), ("designer", 403), ("actemp", 303), ("admin", 404)],
)
def test_only_the_lead_sets_final_ratings(
    site: Site, client: FlaskClient, sign_in: SignIn, number: str, key: str, status: int
) -> None:
    sign_in(client, key)
    before = running(site, number)
    assert client.post(url(number), data=typed("TRI-1", "3")).status_code == status
    assert client.post(url(number, "/adopt")).status_code == status
    assert running(site, number) == before


# What it shows.


def test_disagreements_come_first_with_everybody_beside_their_rating(
    client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    sign_in(client, "desk")
    page = client.get(url(number)).text
    assert items_on(page) == ["TRI-4", "TRI-2", "TRI-1", "TRI-3", "TRI-5", "TRI-6", "TRI-7", "TRI-8"]
    assert "1 – Unsatisfactory 1 reviewer Reviewer 1 (SKILLS) Reviewer 1 on TRI-4." in section(page, "TRI-4")
    assert "3 – High 1 reviewer Reviewer 2 (SKILLS)" in section(page, "TRI-4")
    assert "Reviewers differ" in section(page, "TRI-2")
    assert "2 – Satisfactory 2 reviewers Reviewer 1 (SKILLS), Reviewer 2 (SKILLS)" in section(page, "TRI-1")
    assert "Reviewers agree" in section(page, "TRI-1")
    assert "Comment of Reviewer 2." in page


def test_lateness_is_said_and_asks_for_no_reason(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.assigned_proposal(site, cast)
    (only,) = panels.hire(site, 1)
    panels.ask(site, cast, number, only, ["TRI"], date(2010, 2, 3))
    clock.advance(days=4)
    panels.sign(site, number, only, dict.fromkeys(panels.items_of(site, number, ["TRI"]), "3"))
    lead_rates(site, cast, number, {"TRI-1": RatingPut("2", "", "", "Kept.")})
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert "Reviewer 1 (SKILLS) Late" in section(page, "TRI-1")
    assert missing_on(page) == []
    assert 'name="TRI-1-reason"' not in page
    client.post(url(number), data=typed("TRI-1", "2", "Seen."))
    given = running(site, number).ratings["TRI-1"]
    assert (given.comment, given.reason) == ("Seen.", "Kept.")


def test_without_signed_ratings_the_page_says_so(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.rated_proposal(site, cast)
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert "1 signed review" in page
    assert "We agree." in page
    assert "there is nothing to compare" in page
    assert items_on(page) == []


def test_what_people_wrote_is_escaped(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    third = panels.hire(site, 3)[2]
    panels.ask(site, cast, number, third, ["TRI"])
    ratings = dict.fromkeys(panels.items_of(site, number, ["TRI"]), "2")
    panels.sign(site, number, third, ratings, "<script>alert(1)</script>", "</textarea><b>bold</b>")
    lead_rates(site, cast, number, {"TRI-1": RatingPut("3", "<i>c</i>", "<i>e</i>", "<i>r</i>")})
    for key in ("reader", "desk"):
        sign_in(client, key)
        page = client.get(url(number)).text
        for words in ("<script>alert", "<b>bold", "<i>c", "<i>e", "<i>r"):
            assert words not in page


# Settling.


def test_the_lead_sets_rating_comment_evidence_and_reason(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    reader = cast["reader"].id
    sign_in(client, "reader")
    version = running(site, number).row_version
    given = {
        **typed("TRI-4", "2", "Weak powers.", "p. 14", "The minutes came\r\nafterwards."),
        **typed("TRI-1", "2"),
        **typed("TRI-2", ""),
        "seen": str(version),
    }
    answer = client.post(url(number, "?checklist=TRI&only=differing"), data=given)
    assert answer.status_code == 303
    assert answer.location == url(number, "?checklist=TRI&only=differing")
    after = running(site, number)
    assert after.ratings == {
        "TRI-4": RatingGiven(
            "TRI-4", "2", "Weak powers.", "p. 14", reason="The minutes came\nafterwards.", by=reader
        ),
        "TRI-1": RatingGiven("TRI-1", "2", by=reader),
    }
    assert after.row_version == version + 1
    page = client.get(url(number)).text
    assert "Differs from Reviewer 1 (SKILLS), Reviewer 2 (SKILLS)." in section(page, "TRI-4")


def test_what_still_needs_a_reason_is_summed_up_linked_and_holds_up_closing(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    lead_rates(
        site, cast, number, {"TRI-4": RatingPut("2"), "TRI-2": RatingPut("2"), "TRI-1": RatingPut("2")}
    )
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert missing_on(page) == [("TRI-4", "#TRI-4-reason"), ("TRI-2", "#TRI-2-reason")]
    assert "2 items still need a reason" in page
    assert "say why it differs from Reviewer 1 (SKILLS)." in section(page, "TRI-2")
    assert "To put right" not in section(page, "TRI-1")
    # From a page that does not show the item, the link leads to one that does.
    elsewhere = client.get(url(number, "?checklist=ALI")).text
    assert missing_on(elsewhere)[0] == ("TRI-4", url(number, "?checklist=TRI#TRI-4"))
    overview = client.get(f"/proposals/{number}/appraisal").text
    # The employers' bureau has not been heard, so these two are all that is signed.
    assert "2 signed reviews, 2 items differ" in overview
    assert "2 items still need a reason" in overview
    assert f'href="{url(number, "?checklist=TRI#TRI-4")}"' in overview
    assert "differs from a reviewer&#39;s rating and needs a reason." in overview
    page = client.get(url(number, "?only=unexplained")).text
    assert items_on(page) == ["TRI-4", "TRI-2"]
    client.post(url(number, "?only=unexplained"), data=typed("TRI-4", "2", "", "", "Because."))
    page = client.get(url(number, "?only=unexplained")).text
    assert items_on(page) == ["TRI-2"]
    client.post(url(number, "?only=unexplained"), data=typed("TRI-2", "3", "", "", "Because."))
    page = client.get(url(number, "?only=unexplained")).text
    assert "No reviewed item fits this." in page
    assert missing_on(page) == []


def test_each_checklist_says_how_its_reviews_differ(
    client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    sign_in(client, "reader")
    page = client.get(f"/proposals/{number}/appraisal/TRI").text
    assert "2 signed reviews, 2 items differ" in page
    assert f'href="{url(number, "?checklist=TRI")}"' in page
    assert "signed review" not in client.get(f"/proposals/{number}/appraisal/ALI").text
    sign_in(client, "chief")
    assert "signed review" not in client.get(f"/proposals/{number}/appraisal").text


def test_what_was_carried_over_is_confirmed_by_a_tick(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    lead_rates(site, cast, number, {"TRI-1": RatingPut("2", "Old."), "TRI-2": RatingPut("3", "Old.")})
    with site.database.begin() as db:
        leader = accounts.create_person(
            db,
            SYSTEM_ACTOR,
            site.now(),
            email="leader@example.org",
            name="Leader",
            roles=("appraiser",),
            unit="PARDEV",
        )
    building.take(site, cast["desk"], number, "reassign", lead=leader, note="Leave.")
    building.sign_in_as(client, site, leader)
    assert "Carried over: to be confirmed" in section(client.get(url(number)).text, "TRI-1")
    kept = {**typed("TRI-1", "2", "Old."), **typed("TRI-2", "3", "Old.")}
    client.post(url(number), data={**kept, "TRI-1-confirm": "y"})
    proposed = {item: given.proposed for item, given in running(site, number).ratings.items()}
    assert proposed == {"TRI-1": False, "TRI-2": True}


def test_a_page_out_of_date_keeps_what_was_typed_beside_what_was_saved(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    sign_in(client, "reader")
    seen = str(running(site, number).row_version)
    lead_rates(site, cast, number, {"TRI-4": RatingPut("1", "From another window", "", "Other reason")})
    given = {**typed("TRI-4", "3", "From this one", "p. 1", "My reason"), "seen": seen}
    page = client.post(url(number), data=given)
    assert page.status_code == 409
    shown = section(page.text, "TRI-4")
    for words in ("Saved meanwhile:", "From another window", "Other reason", "From this one", "My reason"):
        assert words in shown
    assert "was changed while you were typing" in page.text
    assert running(site, number).ratings["TRI-4"].comment == "From another window"
    again = {**given, "seen": str(running(site, number).row_version)}
    assert client.post(url(number), data=again).status_code == 303
    assert running(site, number).ratings["TRI-4"].reason == "My reason"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("TRI-4-value", "7", "Choose one of the values offered"),
        ("TRI-1-value", "X", "Choose one of the values offered"),
        ("TRI-4-reason", "x" * 5001, "At most 5000 characters; this has 5001"),
    ],
)
def test_what_cannot_be_kept_is_said_with_nothing_lost(
    site: Site, client: FlaskClient, sign_in: SignIn, number: str, field: str, value: str, words: str
) -> None:
    sign_in(client, "reader")
    given = {**typed("TRI-4", "2"), **typed("TRI-1", "2"), **typed("TRI-2", "2", "Keep me"), field: value}
    page = client.post(url(number), data=given)
    assert page.status_code == 422
    assert words in page.text
    assert f'href="#{field}"' in page.text
    assert "Keep me" in page.text
    assert not running(site, number).ratings


def test_on_hold_nothing_is_settled(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    building.take(site, cast["desk"], number, "hold", until=date(2010, 3, 1), note="Wait")
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert "on hold, so nothing can be rated" in page
    assert 'type="radio"' not in page
    assert client.post(url(number), data=typed("TRI-1", "2")).status_code == 403


# Taking over.


def test_the_lead_takes_over_what_all_agree_on(
    site: Site, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    sign_in(client, "reader")
    assert "All reviewers agree on 6 items that you have not rated." in client.get(url(number)).text
    seen = str(running(site, number).row_version)
    answer = client.post(url(number, "/adopt"), data={"seen": seen}, follow_redirects=True)
    assert "Ratings taken over: 6." in answer.text
    assert {item: given.value for item, given in running(site, number).ratings.items()} == dict.fromkeys(
        ["TRI-1", "TRI-3", "TRI-5", "TRI-6", "TRI-7", "TRI-8"], "2"
    )
    assert "There is no item that you have not rated and on which all reviewers agree." in answer.text
    assert client.post(url(number, "/adopt"), data={"seen": seen}).status_code == 409


# The block of EVAL.


def test_evals_ratings_are_shown_as_final_and_are_not_the_leads_to_change(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    with site.database.begin() as db:
        reviews.declare(db, site.library, cast["eval"], site.now(), number, conflict=None)
    ratings = dict.fromkeys(panels.items_of(site, number, ["EVA"]), "3")
    panels.sign(site, number, cast["eval"], ratings, "Evaluable.")
    sign_in(client, "reader")
    page = client.get(url(number)).text
    assert (
        "Final rating 3 – High Given by Elena Petrova for EVAL, signed on 1 February 2010. EVAL finalises this "
        "checklist, so the lead does not change it."
    ) in section(page, "EVA-2")
    assert 'name="EVA-2-value"' not in page
    before = running(site, number).ratings
    client.post(url(number), data=typed("EVA-2", "1", "No."))
    assert running(site, number).ratings == before


# Narrowing.


@pytest.mark.parametrize(
    ("query", "items"),
    [
        ("?only=differing", ["TRI-4", "TRI-2"]),
        ("?only=unexplained", []),
        ("?checklist=ALI", []),
        ("?checklist=NONE&only=odd&page=x", 8),
        ("?page=99", 8),
        ("?page=99999999999999999999", 8),
    ],
)
def test_rows_are_narrowed_by_what_the_address_knows(
    client: FlaskClient, sign_in: SignIn, number: str, query: str, items: list[str] | int
) -> None:
    sign_in(client, "desk")
    page = client.get(url(number, query))
    assert page.status_code == 200
    found = items_on(page.text)
    assert found == items if isinstance(items, list) else len(found) == items


def test_a_final_rating_that_differs_counts_as_a_difference(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    lead_rates(site, cast, number, {"TRI-8": RatingPut("3", "", "", "Better than they say.")})
    sign_in(client, "reader")
    assert items_on(client.get(url(number, "?only=differing")).text) == ["TRI-4", "TRI-2", "TRI-8"]


def test_long_lists_come_in_pages_and_nothing_is_lost_between(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    panels.reviewed_by(site, cast, number, 2, ["ALI", "TRI", "ILS", "GEN"])
    sign_in(client, "reader")
    first, second = (client.get(url(number, query)).text for query in ("", "?page=2"))
    assert (len(items_on(first)), len(items_on(second))) == (20, 11)
    assert items_on(first) + items_on(second) == panels.items_of(site, number, ["ALI", "TRI", "ILS", "GEN"])
    answer = client.post(url(number), data={**typed("ALI-1", "2"), "next": "1"})
    assert answer.location == url(number, "?page=2")
    # What was drawn on one page is kept whatever page it is sent from.
    client.post(url(number, "?page=2"), data=typed("ALI-2", "3", "", "", "Mine."))
    assert {item: given.value for item, given in running(site, number).ratings.items()} == {
        "ALI-1": "2",
        "ALI-2": "3",
    }


# Agreement.


@pytest.mark.parametrize(("key", "shown"), [("desk", True), ("auditor", True), ("reader", False)])
def test_agreement_is_for_coordinators_and_auditors(
    client: FlaskClient, sign_in: SignIn, number: str, key: str, shown: bool
) -> None:
    sign_in(client, key)
    page = client.get(url(number)).text
    assert ("Agreement between the reviewers" in page) == shown
    assert ("Krippendorff" in page) == shown
    if shown:
        (table,) = html.document_fromstring(page).xpath("//section[@aria-labelledby='agreement']//table")
        rows = [
            [" ".join(cell.text_content().split()) for cell in row.xpath(".//*[@class='app-table__value']")]
            for row in table.xpath(".//tbody/tr")
        ]
        assert rows[0] == ["Alignment", "not computable: nothing was rated by two people", "0", "0"]
        assert rows[1][0] == "Tripartism"
        assert rows[1][2:] == ["8", "8"]
        assert re.fullmatch(r"-0\.\d{3}", rows[1][1])


# Cost.


@pytest.mark.thorough
@pytest.mark.parametrize("key", ["reader", "desk"])
def test_three_and_thirty_reviewers_take_the_same_statements(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str
) -> None:
    sent = []
    sizes = []
    for count in (3, 30):
        number = building.assigned_proposal(site, cast)
        panels.reviewed_by(site, cast, number, count, rate=lambda place, item: "123"[place % 3])
        sign_in(client, key)
        with counted() as statements:
            page = client.get(url(number))
        assert page.status_code == 200
        sent.append(len(statements))
        sizes.append(len(page.data))
    assert sent[0] == sent[1]
    assert sizes[1] < 4 * sizes[0]
