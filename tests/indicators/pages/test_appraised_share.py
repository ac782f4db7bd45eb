"""The page of indicator 2.1: the figure, what is behind it, who sees how much, and publishing."""

import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from appraisal.database import tables
from appraisal.indicators.rules.appraised_share import Share, further_needed, short_of
from appraisal.web.context import Site
from tests.casts import Clock, counted
from tests.tampering import unwatched
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE = "/indicators/2.1"


def words(client: FlaskClient, path: str = PAGE) -> str:
    """Return the words of a page, without what is drawn."""
    answer = client.get(path)
    assert answer.status_code == 200
    plain = re.sub(r"<svg.*?</svg>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


@pytest.fixture
def approved(site: Site, cast: Cast) -> dict[str, str]:
    """Approve in every way there is, and return the numbers by the way."""
    return {
        "mechanism": building.approved_proposal(site, cast, title="Skills in Lusaka"),
        "second": building.approved_proposal(site, cast, title="Skills in Ndola", funding="RBSA"),
        "conditions": building.approved_proposal(site, cast, title="With conditions", ratings={"ALI-4": "1"}),
        "override": building.overridden_proposal(site, cast, title="Against advice"),
        "outside": building.outside_approval(site, cast, title="Came by letter"),
        "undated": building.outside_approval(site, cast, title="Day unknown", undated=True),
        "regular": building.approved_proposal(site, cast, title="Regular budget", funding="RBTC"),
        "rejected": building.rejected_proposal(site, cast, title="Turned down"),
        "draft": building.draft_proposal(site, cast, title="Unwritten thoughts"),
    }


@pytest.mark.parametrize("asked", [str(10**30), "9" * 19, "-5", "0", "x", "9" * 5000])
def test_any_page_of_a_list_may_be_asked_for(
    client: FlaskClient, sign_in: SignIn, cast: Cast, asked: str
) -> None:
    sign_in(client, "auditor")
    lists = ("2.1/proposals?group=outside", "2.1/finance-list?opened=1", "2.2/rows/counted?biennium=2010-11")
    for path in lists:
        assert client.get(f"/indicators/{path}&page={asked}&opened={asked}").status_code == 200


@pytest.mark.thorough
def test_the_figure_stands_beside_its_milestone(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    page = words(client)
    assert "60.0%" in page
    assert "3 of 5" in page
    assert "Milestone not met" in page
    assert "Proposals short of the milestone of 75% (2010–11): 1." in page
    assert "that would reach it: 3." in page
    assert "Incomplete 1 approval has no date" in page
    assert "Not entered. It may stand in: GB.307/TC/1 (March 2010), GB.309/TC/2 (November 2010)." in page
    assert "With overrides counted 3" not in page
    # Donors of the sample bear the word in their names.
    assert "Illustrative" not in page[: page.index("Broken down")]


@pytest.mark.thorough
def test_every_reading_is_shown_with_its_parts(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    page = re.sub(r"(Through the mechanism|All approvals|Share) (?=[\d,.]+)", "", words(client))
    assert "With overrides counted 4 5 80.0%" in page
    assert "XBTC only 2 4 50.0%" in page
    assert "RBSA only 1 1 100.0%" in page
    assert "Weighted by US$ 2,700,000 4,500,000 60.0%" in page
    assert "83.3%: 5 approved of 6 decided on" in page


@pytest.mark.thorough
@pytest.mark.parametrize("key", ["auditor", "desk", "chief"])
def test_readers_of_everything_find_every_proposal(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], key: str
) -> None:
    sign_in(client, key)
    text = client.get(PAGE).text
    for name in ("mechanism", "second", "conditions", "override", "outside", "undated", "regular"):
        assert f'href="/proposals/{approved[name]}"' in text
    assert "registered afterwards" in text
    for name in ("rejected", "draft"):
        assert approved[name] not in text


def test_a_designer_sees_titles_but_opens_only_their_own(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], site: Site, cast: Cast
) -> None:
    own = building.approved_proposal(site, cast, by="designer2", title="My own")
    sign_in(client, "designer2")
    text = client.get(PAGE).text
    assert f'href="/proposals/{own}"' in text
    assert "Skills in Lusaka" in text
    assert f'href="/proposals/{approved["mechanism"]}"' not in text


@pytest.mark.parametrize("key", ["admin", "eval"])
def test_others_see_figures_and_numbers_and_no_content(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], key: str
) -> None:
    sign_in(client, key)
    text = client.get(PAGE).text
    assert approved["mechanism"] in text
    assert "3 of 5" in text
    assert f'href="/proposals/{approved["mechanism"]}"' not in text
    assert "Skills in Lusaka" not in text
    assert "900,000" not in text


def test_drafts_are_not_counted_among_the_states(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    page = words(client)
    states = page[page.index("Where all proposals stand") : page.index("What is counted")]
    assert "Draft" not in states
    assert re.search(r"Rejected (Proposals )?1", states)


def test_conditions_are_listed_once_they_are_overdue(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], clock: Clock
) -> None:
    sign_in(client, "auditor")
    assert "overdue" not in words(client)
    clock.advance(days=40)
    page = words(client)
    assert "1 condition of these approvals is overdue." in page
    assert f"{approved['conditions']}, condition 1, due on 3 March 2010" in page


def test_a_biennium_without_data_says_so(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    page = words(client, PAGE + "?biennium=2012-13")
    assert "no data" in page
    assert "0 of 0" in page
    assert "Milestone not met" not in page
    assert "No milestone was set" in words(client, PAGE + "?biennium=2016-17")


@pytest.mark.thorough
def test_todays_biennium_is_shown_first_and_the_others_are_linked(
    client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    sign_in(client, "auditor")
    clock.set(datetime(2015, 12, 31, 22, 30, tzinfo=UTC))
    assert "Biennium 2014–15" in words(client)
    clock.set(datetime(2015, 12, 31, 23, 30, tzinfo=UTC))  # New Year in Geneva
    text = client.get(PAGE).text
    assert "Biennium 2016–17" in text
    for biennium in ("2010-11", "2012-13", "2014-15"):
        assert f'href="{PAGE}?biennium={biennium}"' in text


@pytest.mark.parametrize("given", ["2011-12", "2010", "2010-2011", "x", "２０１０-11"])
def test_what_is_no_biennium_is_not_found(client: FlaskClient, sign_in: SignIn, given: str) -> None:
    sign_in(client, "desk")
    assert client.get(PAGE, query_string={"biennium": given}).status_code == 404
    assert client.post(PAGE + "/publish", data={"biennium": given}).status_code == 404


@pytest.mark.thorough
def test_a_published_report_keeps_its_list_and_is_compared_with_today(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    answer = client.post(PAGE + "/publish", data={"biennium": "2010-11"})
    assert answer.status_code == 303
    assert "The same today" in words(client)
    later = building.approved_proposal(site, cast, title="Came later")
    page = words(client)
    assert f"Differs today {later}" in page
    assert "60.0%" in page
    assert "66.7%" in page
    file = re.search(r'href="(/indicators/2.1/reports/([0-9a-f]{64})\.json)"', client.get(PAGE).text)
    assert file is not None
    found = client.get(file[1])
    assert found.mimetype == "application/json"
    assert hashlib.sha256(found.data).hexdigest() == file[2]
    assert client.get(PAGE + "/reports/" + "0" * 64 + ".json").status_code == 404


def test_a_report_is_published_once(client: FlaskClient, sign_in: SignIn, approved: dict[str, str]) -> None:
    sign_in(client, "desk")
    for said in ("The report for 2010–11 is published.", "Nothing has changed since the last report"):
        client.post(PAGE + "/publish", data={"biennium": "2010-11"})
        assert said in words(client)
    assert len(re.findall(r"/reports/[0-9a-f]{64}\.json", client.get(PAGE).text)) == 1


def test_every_line_of_a_breakdown_leads_to_its_proposals(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    text = client.get(PAGE).text
    found = re.search(r'href="(/indicators/2.1/proposals\?[^"]*donor=[^"]*)">3<', text)
    assert found is not None
    page = client.get(found[1].replace("&amp;", "&")).text
    for name in ("mechanism", "second", "conditions"):
        assert approved[name] in page
    for name in ("override", "outside", "undated", "regular"):
        assert approved[name] not in page


def test_the_figure_as_of_a_day_is_what_was_known_at_its_end(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, clock: Clock
) -> None:
    first = building.approved_proposal(site, cast, title="Known then")
    known = site.now().date()
    clock.advance(days=2)
    later = building.outside_approval(site, cast, title="Learned later")
    clock.advance(days=2)
    sign_in(client, "auditor")
    page = client.get(f"{PAGE}?biennium=2010-11&as_of={known}").text
    assert "100.0%" in page
    assert "As it was known at the end of" in page
    assert (first in page, later in page) == (True, False)
    assert "50.0%" in words(client, PAGE + "?biennium=2010-11")
    # What lies ahead is not known yet, and what is no day is none: both are said.
    page = words(client, PAGE + "?biennium=2010-11&as_of=2031-01-01")
    assert ("50.0%" in page, "This day is still to come: the figure is that of today" in page) == (True, True)
    assert "Write a date as year-month-day" in words(client, PAGE + "?biennium=2010-11&as_of=soon")


def test_breakdowns_are_for_those_who_read_all(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "designer2")
    assert "Broken down" not in client.get(PAGE).text
    path = PAGE + "/proposals?biennium=2010-11&group=mechanism"
    assert approved["mechanism"] in client.get(path).text
    assert client.get(path + "&donor=Norway").status_code == 404


def test_long_lists_come_in_pages(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appraisal.indicators.pages.appraised_share.PAGE", 2)
    monkeypatch.setattr("appraisal.indicators.pages.appraised_share.SHOWN", 2)
    sign_in(client, "desk")
    path = PAGE + "/proposals?biennium=2010-11&group=mechanism"
    assert f'href="{path.replace("&", "&amp;")}">All 3</a>' in client.get(PAGE).text
    first, second = client.get(path).text, client.get(path + "&page=2").text
    assert [approved[name] in first for name in ("mechanism", "second", "conditions")] == [True, True, False]
    assert [approved[name] in second for name in ("mechanism", "second", "conditions")] == [
        False,
        False,
        True,
    ]
    assert ('rel="next"' in first, 'rel="prev"' in first) == (True, False)
    assert ('rel="next"' in second, 'rel="prev"' in second) == (False, True)
    assert client.get(PAGE + "/proposals?group=everything").status_code == 404


@pytest.mark.parametrize("key", ["designer", "reader", "chief", "auditor", "admin"])
def test_only_coordinators_publish(client: FlaskClient, sign_in: SignIn, key: str) -> None:
    sign_in(client, key)
    assert "Publish the report" not in client.get(PAGE).text
    assert client.post(PAGE + "/publish", data={"biennium": "2010-11"}).status_code == 403


def test_reports_with_their_titles_are_for_those_who_read_all(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "desk")
    client.post(PAGE + "/publish", data={"biennium": "2010-11"})
    sign_in(client, "admin")
    text = client.get(PAGE).text
    assert "The same today" in text
    assert ".json" not in text
    digest = re.search(r"([0-9a-f]{16})…", text)
    assert digest is not None
    assert client.get(f"{PAGE}/reports/{digest[1]}.json").status_code == 403


@pytest.mark.thorough
def test_breakdowns_are_drawn_with_their_figures_beside_them(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    for place in range(13):
        building.approved_proposal(site, cast, unit=f"UNIT {place}")
    building.approved_proposal(site, cast, unit="UNIT 12")
    building.outside_approval(site, cast, unit="UNIT 12")
    sign_in(client, "auditor")
    text = client.get(PAGE).text
    (picture, _) = re.findall(r"<svg[^>]*>\s*<title>By responsible unit</title>.*?</svg>", text, re.DOTALL)
    drawn = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    assert drawn[:4] == ["Through the mechanism", "Other approvals", "UNIT 12", "2 of 3 (66.7%)"]
    assert drawn[-2:] == ["2 others", "2 of 2 (100.0%)"]
    assert len(drawn) == 2 + 2 * 12
    assert "style=" not in picture
    for place in range(13):
        assert f"UNIT {place}</span>" in text


def test_the_baseline_and_the_target_stand_in_the_picture(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    text = client.get(PAGE).text
    trend = text[text.index("against baseline, milestones and target") :]
    picture = trend[: trend.index("</svg>")]
    assert ">2008–09</text>" in picture
    assert ">not entered</text>" in picture
    assert ">2014–15: 100% (target)</text>" in picture


def test_the_axis_of_a_picture_is_written_as_the_language_does(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str]
) -> None:
    sign_in(client, "auditor")
    client.post("/language", data={"language": "es", "next": "/"})
    ticks = re.findall(r'text-anchor="end" font-size="12"[^>]*>([^<]*)</text>', client.get(PAGE).text)
    assert ticks
    assert {tick[-2:] for tick in ticks} == {"\N{NO-BREAK SPACE}%"}


def test_illustrative_data_is_marked_as_such(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    table = tables.proposals
    with unwatched(site.database) as db:
        db.execute(update(table).where(table.c.number == number).values(illustrative=True))
        db.execute(update(tables.tallies).values(illustrative=True))
    sign_in(client, "auditor")
    text = client.get(PAGE).text
    for title in re.findall(r"<h2[^>]*>(.*?)</h2>", text, flags=re.DOTALL):
        if not any(
            word in title
            for word in ("What is counted", "Published reports", "Important", "a day of the past")
        ):
            assert "Illustrative" in title
    # Both pictures and four breakdowns, wide and narrow.
    assert text.count("<title>Illustrative: ") == text.count("<title>") - 1 == 12


@pytest.mark.thorough
def test_the_number_of_statements_does_not_grow(
    client: FlaskClient, sign_in: SignIn, approved: dict[str, str], site: Site, cast: Cast
) -> None:
    sign_in(client, "desk")
    client.post(PAGE + "/publish", data={"biennium": "2010-11"})
    client.get(PAGE)
    with counted() as few:
        client.get(PAGE)
    for _ in range(3):
        building.approved_proposal(site, cast)
        client.post(PAGE + "/publish", data={"biennium": "2010-11"})
    client.get(PAGE)
    with counted() as many:
        client.get(PAGE)
    assert len(many) == len(few) < 20


@pytest.mark.parametrize(
    ("numerator", "denominator", "milestone", "short", "further"),
    [
        (102, 116, "90", 3, 24),
        (90, 100, "90", 0, 0),
        (0, 0, "75", 0, 0),
        (0, 1, "75", 1, 3),
        (9, 10, "100", 1, None),
        (10, 10, "100", 0, 0),
    ],
)
def test_what_is_missing_to_a_milestone(
    numerator: int, denominator: int, milestone: str, short: int, further: int | None
) -> None:
    share = Share(numerator, denominator)
    assert short_of(share, Decimal(milestone)) == short
    assert further_needed(share, Decimal(milestone)) == further
    if further:
        reached = Share(numerator + further, denominator + further)
        assert reached.exact is not None
        assert reached.exact >= Decimal(milestone)
