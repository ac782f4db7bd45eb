"""The page of what changed between two versions: what it says, to whom, and how it is marked."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.web.context import Site
from tests import casts
from tests.app.pages.test_proposals import counting
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

INDICATORS = [
    {"serves": "1", "text": "Inspectors trained to count the gap in pay", "target": "40"},
    {"serves": "1", "text": "Leaflets printed"},
]
BEFORE = {
    "results": {"indicators": INDICATORS},
    "gender": {"marker": "1"},
    "budget": {"lines": [{"output": "1.1", "text": "Workshops", "amount": "30000"}]},
}


def save(site: Site, cast: Cast, number: str, section: str, **given: Any) -> None:
    """Write some fields of a section; the others stay."""
    kept = building.load(site, number).content[section]
    with site.database.begin() as db:
        drafts.save_section(
            db, site.library, cast["designer"], site.now(), number, section, {**kept, **given}
        )


def submit_again(site: Site, cast: Cast, number: str) -> None:
    """Answer every required change and submit."""
    asked = [change for change in building.load(site, number).changes if change.answer is None]
    with site.database.begin() as db:
        for change in asked:
            drafts.answer_change(
                db, site.library, cast["designer"], site.now(), number, change.id, "done", "In section two."
            )
    building.stage_of(site, cast).wait(minutes=1)
    building.take(site, cast["designer"], number, "submit")


def revised_proposal(site: Site, cast: Cast) -> str:
    """Bring a proposal to its second version: changed words, rows, countries, a choice, files and money."""
    number = building.revision_proposal(
        site,
        cast,
        title="Pay equity",
        summary="The gap in pay is wide.",
        countries=["ZM", "TZ"],
        content=BEFORE,
    )
    contributions = building.load(site, number).content["identification"]["contributions"]
    save(
        site,
        cast,
        number,
        "identification",
        summary="The gap in pay remains <b>wide</b>.",
        countries=["ZM", "KE"],
        contributions=[{**contributions[0], "amount": "950000"}],
    )
    changed = {**INDICATORS[0], "target": "120"}
    added = {"serves": "1", "text": "Agreements with a clause on equal remuneration"}
    save(site, cast, number, "results", indicators=[changed, added])
    save(site, cast, number, "gender", marker="2")
    with site.database.begin() as db:
        letter = (number, "support_letter", "letter.pdf", casts.PDF)
        drafts.attach_document(db, site.library, site.files, cast["designer"], site.now(), *letter)
    submit_again(site, cast, number)
    return number


def address(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/versions/2/difference{rest}"


def plain(page: str) -> str:
    """Return a page as one reads it, without the words that are for screen readers only."""
    heard = re.sub(r'<span class="govuk-visually-hidden">.*?</span>', "", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", heard))


@pytest.mark.thorough
def test_the_page_says_what_changed(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = revised_proposal(site, cast)
    sign_in(client, "desk")
    page = client.get(address(number)).text
    text = plain(page)
    assert "From version 1 to version 2" in text
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", page))
    assert {**figures, "Items that cite them": ""} == {
        "Fields changed": "5",
        "Rows changed": "4",
        "Documents changed": "1",
        "Items that cite them": "",
    }
    assert re.search(r"<del[^>]*>.*?is<span.*?</del>\s*<ins[^>]*>.*?remains", page, re.DOTALL)
    assert "&lt;b&gt;" in page
    assert "<b>wide" not in page
    for words in ("Tanzania Removed", "Kenya Added", "1: significant objective 2: principal objective"):
        assert words in text, words
    assert "Row 1 What happened Changed" in text
    assert "Former row 2 What happened Removed" in text
    assert "Row 2 What happened Added" in text
    assert "40 120" in text
    assert "900,000 950,000" in text
    assert "Letter of support" in text
    # What did not change is not there.
    assert "Budget lines" not in re.sub(r"(?s)<section aria-labelledby=\"items\">.*?</section>", "", page)


def test_what_was_removed_and_added_is_said_in_words_too(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = revised_proposal(site, cast)
    sign_in(client, "desk")
    page = client.get(address(number)).text
    marked = re.findall(
        r"<(del|ins) class=\"app-(removed|added)\">(<span class=\"govuk-visually-hidden\">\[\w+)", page
    )
    assert len(marked) == len(re.findall(r"<(?:del|ins)\b", page)) > 10
    for element, name, heard in marked:
        assert (element, name) in {("del", "removed"), ("ins", "added")}
        assert heard.endswith(name)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in ids


def test_required_changes_stand_beside_their_answers(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = revised_proposal(site, cast)
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    building.answer_bureaux(site, cast, number)
    building.rate_all(site, cast["reader"], number, {"TRI-1": "1"})
    later = ChangeAsked("Write who pays afterwards.", "CAP-6")
    building.take(site, cast["reader"], number, "request_revision", changes=(later,))
    submit_again(site, cast, number)
    sign_in(client, "desk")
    first, second, both = (
        client.get(f"/proposals/{number}/versions/{rest}").text
        for rest in ("2/difference", "3/difference", "3/difference?against=1")
    )
    for words, places in {
        "Consult the workers&#39; organizations.": (first, both),
        "Write who pays afterwards.": (second, both),
    }.items():
        assert [words in page for page in (first, second, both)] == [
            page in places for page in (first, second, both)
        ]
    assert "In section two." in first
    assert "Nothing changed between these two versions." in second
    assert "Kenya" in both
    assert f"/proposals/{number}/versions/3/difference?against=1" in second


def test_items_that_cite_what_changed_with_the_rating_carried_over(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = revised_proposal(site, cast)
    sign_in(client, "desk")
    before = plain(client.get(address(number)).text)
    assert "GEN-4" in before
    assert "Carried over" not in before
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    for key, sees in {
        "desk": True,
        "reader": True,
        "auditor": True,
        "designer": False,
        "chief": False,
    }.items():
        sign_in(client, key)
        page = client.get(address(number)).text
        assert "GEN-4" in page, key
        assert ("Carried over: to be confirmed" in page) is sees, key
        assert (f"/proposals/{number}/appraisal/GEN#GEN-4" in page) is sees, key
    sign_in(client, "reader")
    building.rate_all(site, cast["reader"], number)
    assert "Carried over: to be confirmed" not in client.get(address(number)).text


def test_who_reads_the_versions_reads_their_difference(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = revised_proposal(site, cast)
    assert client.get(address(number)).status_code == 302
    for key, status in {
        "designer": 200,
        "desk": 200,
        "reader": 200,
        "actemp": 200,
        "chief": 200,
        "auditor": 200,
        "designer2": 404,
        "eval": 404,
        "admin": 404,
    }.items():
        sign_in(client, key)
        assert client.get(address(number)).status_code == status, key
        assert client.get(f"/proposals/{number}/versions/2").status_code == status, key


def test_no_difference_without_an_earlier_version(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = revised_proposal(site, cast)
    sign_in(client, "desk")
    assert client.get(address(number, "?against=1")).status_code == 200
    for rest in (
        "?against=2",
        "?against=3",
        "?against=0",
        "?against=-1",
        "?against=x",
        "?against=²",
    ):
        assert client.get(address(number, rest)).status_code == 404, rest
    for version in ("1", "3", "99999999999999999999999"):
        assert client.get(f"/proposals/{number}/versions/{version}/difference").status_code == 404
    assert client.get("/proposals/TC-2010-0099/versions/2/difference").status_code == 404


def test_pages_lead_to_it(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = revised_proposal(site, cast)
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    sign_in(client, "reader")
    for place in ("", "/versions/2", "/appraisal"):
        assert f'href="{address(number)}"' in client.get(f"/proposals/{number}{place}").text, place
    assert "/difference" not in client.get(f"/proposals/{number}/versions/1").text


def test_statements_do_not_grow_with_what_changed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    little = building.revision_proposal(site, cast)
    submit_again(site, cast, little)
    much = revised_proposal(site, cast)
    building.take(site, cast["desk"], much, "assign", lead=cast["reader"])
    sign_in(client, "desk")
    counts = []
    for number in (little, much):
        with counting(site) as sent:
            assert client.get(address(number)).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("language", ["fr", "es"])
def test_the_page_is_drawn_in_every_language(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, language: str
) -> None:
    number = revised_proposal(site, cast)
    sign_in(client, "desk")
    client.post("/language", data={"language": language, "next": "/"})
    assert f'lang="{language}"' in client.get(address(number)).text


def test_space_alone_that_changed_is_seen(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast, summary="One paragraph. And another.")
    save(site, cast, number, "identification", summary="One paragraph.\nAnd another.")
    submit_again(site, cast, number)
    sign_in(client, "desk")
    page = plain(client.get(address(number)).text)
    assert "One paragraph.␣ ¶ And another." in page
