"""The page of similar proposals and lessons: what it shows to whom, and what can be noted from it."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Table, insert
from werkzeug.test import TestResponse

from appraisal.appraisals.services import lead
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database import tables
from appraisal.lessons.services import lessons
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests.app.pages.test_proposals import counting
from tests.tampering import unwatched
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

LIST = """code,text,place,countries,theme,outcome,source
i-eval 1,Plan ahead.,Ghana,GH,Labour migration,,https://example.org/1
i-eval 2,Ask <first>.,South Asia,IN,,,Report 5
"""
THEME = "Labour migration"


def import_list(site: Site, cast: Cast, text: str = LIST) -> None:
    with site.database.begin() as db:
        lessons.import_lessons(db, cast["desk"], site.now(), text.encode(), "lessons.csv")


def url(number: str) -> str:
    return f"/proposals/{number}/similar"


def field(page: TestResponse, name: str) -> str:
    """Return the value of a hidden field."""
    found: list[str] = re.findall(rf'name="{name}" value="([^"]*)"', page.text)
    return found[0]


def test_an_author_notes_similar_proposals_in_the_form(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    other = building.approved_proposal(site, cast, theme=THEME, ratings={"TRI-4": "1"}, by="designer2")
    number = building.draft_proposal(site, cast, theme=THEME)
    sign_in(client, "designer")

    page = client.get(url(number))

    for words in (
        "same country",
        "same theme",
        "1 weak item in its last appraisal",
        "TRI-4",
        "Make TRI-4 good.",
        "Note these as checked for overlap",
        "Other ILO projects checked for overlap",
    ):
        assert words in page.text
    assert f'href="/proposals/{other}"' not in page.text
    for words in ("Not convincing yet.", "David Okoro", "900,000", "Ana Ruiz, due"):
        assert words not in page.text
    answer = client.post(url(number), data={"proposals": [other], "seen": field(page, "seen"), "note": "1"})
    assert answer.status_code == 303
    assert answer.location == f"{url(number)}#similar"
    overlap = building.load(site, number).content["alignment"]["overlap"]
    assert overlap.startswith("Illustrative entry.\nChecked for overlap on 1 February 2010: ")
    assert other in overlap


def test_nothing_ticked_is_said_and_nothing_written(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.submitted_proposal(site, cast, by="designer2")
    number = building.draft_proposal(site, cast)
    before = building.load(site, number)
    sign_in(client, "designer")

    page = client.post(url(number), data={"note": "1"})

    assert page.status_code == 422
    assert "Tick the proposals that you checked." in page.text
    assert "There is a problem" in page.text
    assert 'href="#proposals"' in page.text
    assert building.load(site, number) == before


def test_an_author_cites_a_lesson_where_it_stands(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    import_list(site, cast)
    number = building.draft_proposal(site, cast, theme="labour  migration")
    sign_in(client, "designer")
    page = client.get(url(number))
    assert "Plan ahead." in page.text
    assert "Report 5" not in page.text
    assert 'href="https://example.org/1"' in page.text

    answer = client.post(url(number), data={"lesson": "i-eval 1", "seen": field(page, "seen")})

    assert answer.location == f"{url(number)}#lessons"
    row = building.load(site, number).content["lessons"]["used"][-1]
    assert row == {"reference": "i-eval 1, https://example.org/1", "lesson": "Plan ahead."}
    page = client.get(url(number))
    assert "Say there what changed because of it." in page.text
    assert 'value="i-eval 1"' not in page.text
    assert re.search(r"app-tag--good[^>]*>\s*Cited", page.text)
    assert client.post(url(number), data={"lesson": "i-eval 1"}).status_code == 422
    assert client.post(url(number), data={"lesson": "i-eval 9"}).status_code == 404


def test_lessons_are_looked_for_by_words(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    import_list(site, cast)
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")

    page = client.get(url(number), query_string={"words": "south ask"})

    assert "Ask &lt;first&gt;." in page.text
    assert "Plan ahead." not in page.text
    answer = client.post(url(number), query_string={"words": "south ask"}, data={"lesson": "i-eval 2"})
    assert answer.location == f"{url(number)}?words=south+ask#lessons"
    assert "No lesson holds all of these words." in client.get(f"{url(number)}?words=nowhere").text


def test_a_stale_page_writes_nothing_and_says_so(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    import_list(site, cast)
    number = building.draft_proposal(site, cast, theme=THEME)
    sign_in(client, "designer")
    drawn = field(client.get(url(number)), "seen")
    with site.database.begin() as db:
        drafts.save_section(
            db, site.library, cast["designer"], site.now(), number, "lessons", {"search": "None."}
        )
    before = building.load(site, number)

    page = client.post(url(number), data={"lesson": "i-eval 1", "seen": drawn})

    assert page.status_code == 409
    assert f'href="{url(number)}"' in page.text
    assert building.load(site, number) == before


def test_the_lead_notes_in_the_ratings_that_ask_for_it(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    import_list(site, cast)
    other = building.approved_proposal(site, cast, lead="eval", theme=THEME, by="designer2")
    number = building.assigned_proposal(site, cast, theme=THEME)
    sign_in(client, "reader")
    with site.database.begin() as db:
        puts = {"ALI-6": RatingPut("3", "Very good.", "p. 4")}
        lead.rate(db, site.library, cast["reader"], site.now(), number, puts)
    page = client.get(url(number))
    assert "Note in ALI-6 what was checked" in page.text
    assert "Cite in RBM-8" in page.text
    assert f"/proposals/{number}/appraisal/ALI#ALI-6" in page.text

    noted = client.post(url(number), data={"proposals": other, "seen": field(page, "seen"), "note": "1"})
    cited = client.post(url(number), data={"lesson": "i-eval 1"})

    assert (noted.status_code, cited.status_code) == (303, 303)
    running = building.load(site, number).appraisal
    assert running is not None
    given = running.ratings["ALI-6"]
    assert (given.value, given.comment) == ("3", "Very good.")
    assert given.evidence.splitlines()[0] == "p. 4"
    assert other in given.evidence
    assert running.ratings["RBM-8"].evidence == "i-eval 1, https://example.org/1"
    assert "Cited" in client.get(url(number)).text


def test_why_nothing_can_be_noted_is_said(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    import_list(site, cast)
    number = building.revision_proposal(site, cast, theme=THEME)
    case = building.load(site, number)
    with site.database.begin() as db:
        author, now = cast["designer"], site.now()
        drafts.answer_change(db, site.library, author, now, number, case.changes[0].id, "done", "In 3")
    building.take(site, cast["designer"], number, "submit")
    sign_in(client, "designer")
    page = client.get(url(number))
    assert "cannot be edited in the state" in page.text
    assert '<button class="govuk-button govuk-button--secondary" type="submit" name="lesson"' not in page.text
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    sign_in(client, "reader")
    page = client.get(url(number))
    assert "The rating of ALI-6 was carried over and is not confirmed." in page.text
    assert client.post(url(number), data={"note": "1"}).status_code == 403


@pytest.mark.parametrize("who", ["desk", "chief", "auditor", "actemp"])
def test_other_readers_see_the_page_and_note_nothing(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    import_list(site, cast)
    other = building.approved_proposal(site, cast, theme=THEME, ratings={"TRI-4": "1"}, by="designer2")
    number = building.assigned_proposal(site, cast, theme=THEME)
    sign_in(client, who)
    if who == "actemp":
        client.post(f"/proposals/{number}/review", data={"answer": "nothing"})

    page = client.get(url(number))

    assert page.status_code == 200
    assert "Make TRI-4 good." in page.text
    assert f'href="/proposals/{other}"' in page.text
    assert 'name="lesson"' not in page.text
    assert 'name="note"' not in page.text
    assert client.post(url(number), data={"lesson": "i-eval 1"}).status_code == 403


@pytest.mark.parametrize("who", ["designer2", "admin", "eval"])
def test_who_may_not_read_a_proposal_finds_no_such_page(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, who: str
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, who)
    assert client.get(url(number)).status_code == 404
    assert client.post(url(number), data={"note": "1"}).status_code == 404


def test_a_proposal_that_says_nothing_is_compared_with_nothing(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    building.submitted_proposal(site, cast, by="designer2")
    with site.database.begin() as db:
        content = {"identification": {"title": "Begun"}}
        number = drafts.create_proposal(db, site.library, cast["designer"], site.now(), content).number
    sign_in(client, "designer")
    page = client.get(url(number))
    # Each heading has something below it, and nothing is said twice.
    similar = page.text.split('id="similar"')[1].split("</section>")[0]
    assert "there is nothing to compare" in similar
    assert "No lesson has a country" not in page.text
    assert "Look for lessons" in page.text
    assert 'name="note"' not in page.text


def test_pages_lead_here(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    assert f'href="{url(number)}"' in client.get(f"/proposals/{number}").text
    for section, anchor in (("alignment", "similar"), ("lessons", "lessons")):
        assert f'href="{url(number)}#{anchor}"' in client.get(f"/proposals/{number}/form/{section}").text
    assert url(number) not in client.get(f"/proposals/{number}/form/gender").text
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    sign_in(client, "reader")
    for code, anchor in (("ALI", "similar"), ("RBM", "lessons")):
        assert f'href="{url(number)}#{anchor}"' in client.get(f"/proposals/{number}/appraisal/{code}").text
    assert url(number) not in client.get(f"/proposals/{number}/appraisal/TRI").text


def test_the_page_takes_the_same_statements_for_three_and_for_thirty(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.draft_proposal(site, cast, theme=THEME)
    sign_in(client, "designer")
    copied = building.approved_proposal(site, cast, theme=THEME, ratings={"TRI-4": "1"}, by="designer2")

    def statements() -> int:
        with counting(site) as sent:
            assert client.get(url(number), query_string={"words": "lesson"}).status_code == 200
        return len(sent)

    import_list(site, cast, _lessons(3))
    _copy(site, copied, 3)
    few = statements()
    import_list(site, cast, _lessons(30))
    _copy(site, copied, 30)
    assert statements() == few


def _lessons(count: int) -> str:
    rows = [f"L{place},Lesson {place}.,,,{THEME},,Report {place}" for place in range(count)]
    return "\n".join(["code,text,place,countries,theme,outcome,source", *rows])


def _copy(site: Site, number: str, count: int) -> None:
    """Write copies of a decided proposal, each with its version, its appraisal and one weak item."""
    case = building.load(site, number)
    first = 1000 * count
    own: tuple[tuple[Table, str], ...] = (
        (tables.proposals, "id"),
        (tables.versions, "proposal_id"),
        (tables.appraisals, "proposal_id"),
    )
    with unwatched(site.database) as db:
        for table, key in own:
            row = dict(db.execute(table.select().where(table.c[key] == case.id)).mappings().one())
            for id in range(first, first + count):
                keys = {"id": id, key: id, "number": f"TC-2009-{id}" if key == "id" else row["number"]}
                keys |= {"version_id": id} if table is tables.appraisals else {}
                db.execute(insert(table).values(**{**row, **keys}))
        given = {"item": "TRI-4", "value": "1", "by": case.appraisals[0].lead, "at": site.now()}
        for id in range(first, first + count):
            db.execute(insert(tables.ratings).values(appraisal_id=id, **given))
