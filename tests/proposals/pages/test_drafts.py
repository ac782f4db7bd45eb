"""Writing a proposal: sections, rows, what is missing, documents, authors, and required changes."""

import re
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from appraisal.database import tables
from appraisal.proposals.rules import form
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.vocabulary.limits import ROWS_LIMIT
from appraisal.web.context import Site
from tests.casts import PDF
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

# One contribution as a browser sends it.
ROW = {
    "contributions-0-donor": "Finland",
    "contributions-0-private": "no",
    "contributions-0-fund": "XBTC",
    "contributions-0-modality": "direct",
    "contributions-0-amount": "1 250 000.50",
    "contributions-0-currency": "usd",
}


@pytest.fixture
def number(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> str:
    """Return a complete draft, its author signed in."""
    sign_in(client, "designer")
    return building.draft_proposal(site, cast, title="Ports")


def _form(number: str, section: str) -> str:
    return f"/proposals/{number}/form/{section}"


@pytest.mark.parametrize("section", [section.key for section in form.SECTIONS])
def test_a_section_that_is_sent_as_it_was_drawn_keeps_its_content(
    site: Site, client: FlaskClient, number: str, section: str
) -> None:
    before = building.load(site, number).content
    page = client.get(_form(number, section))
    assert page.status_code == 200
    sent = {"save": "1"}
    for field in form.section(section).fields:
        kept = before[section].get(field.key, "")
        if field.kind == "rows":
            rows = [row.items() for row in kept or []]
            sent |= {
                f"{field.key}-{place}-{key}": text for place, row in enumerate(rows) for key, text in row
            }
        else:
            sent[field.key] = ", ".join(kept) if isinstance(kept, list) else kept
    assert client.post(_form(number, section), data=sent).status_code == 303
    assert building.load(site, number).content == before


def test_a_draft_may_be_saved_with_things_missing(site: Site, client: FlaskClient, number: str) -> None:
    answer = client.post(_form(number, "identification"), data={"title": "Ports", "onward": "1"})
    assert answer.status_code == 303
    assert answer.location.endswith("/form/alignment")
    assert building.load(site, number).content["identification"] == {"title": "Ports"}
    page = client.get(f"/proposals/{number}/form").text
    assert f'href="/proposals/{number}/form/identification#contributions"' in page
    assert "The form is not complete" in page
    assert f"/proposals/{number}/steps/submit" not in page


def test_rows_are_read_and_empty_ones_left_out(site: Site, client: FlaskClient, number: str) -> None:
    sent = {"title": "Ports", **ROW, "contributions-1-donor": "", "contributions-7-donor": " "}
    assert client.post(_form(number, "identification"), data=sent).status_code == 303
    assert building.load(site, number).content["identification"]["contributions"] == [
        {
            "donor": "Finland",
            "private": "no",
            "fund": "XBTC",
            "modality": "direct",
            "amount": "1250000.50",
            "currency": "USD",
        }
    ]


def test_wrong_values_are_linked_and_nothing_typed_is_lost(
    site: Site, client: FlaskClient, number: str
) -> None:
    before = building.load(site, number).content
    sent = {
        "title": "Ports, better",
        "countries": "Atlantis",
        "start": "2012-01-01",
        "end": "2010-01-01",
        # The first row is empty, so that what is wrong in the second must be said at the second.
        "contributions-0-donor": "",
        "contributions-1-donor": "Finland",
        "contributions-1-amount": "12,50",
        "summary": "Two\nlines",
    }
    page = client.post(_form(number, "identification"), data=sent)
    assert page.status_code == 422
    for place in ("countries", "end", "contributions-1-amount", "contributions-1-fund"):
        assert f'href="#{place}"' in page.text
        assert f'id="{place}"' in page.text
    assert 'href="#contributions-0-' not in page.text
    for typed in ("Ports, better", "Atlantis", "12,50", "Two\nlines"):
        assert typed in page.text
    assert building.load(site, number).content == before


def test_a_number_that_names_nothing_is_said_at_its_field_and_nothing_typed_is_lost(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    secret = building.draft_proposal(site, cast, by="designer2", kind="umbrella")
    before = building.load(site, number).content
    sent = {"title": "Ports, better", "kind": "child", "predecessor": secret, "parent": secret}
    for address in (_form(number, "identification"), "/proposals/new"):
        page = client.post(address, data=sent)
        assert page.status_code == 422
        for place in ("parent", "predecessor"):
            assert f'href="#{place}"' in page.text
        assert "No umbrella programme that you may name has this number" in page.text
        assert "No proposal that you may name has this number" in page.text
        assert "Ports, better" in page.text
        assert secret in page.text
    assert building.load(site, number).content == before
    own = building.draft_proposal(site, cast, kind="umbrella")
    sent |= {"predecessor": number, "parent": own.lower()}
    assert client.post("/proposals/new", data=sent).status_code == 303


def test_rows_are_added_and_removed_without_saving(site: Site, client: FlaskClient, number: str) -> None:
    sent = {"title": "Typed", "seen": "1", **ROW, "contributions-1-donor": "Norway", "add": "contributions"}
    page = client.post(_form(number, "identification"), data=sent)
    assert page.status_code == 200
    assert 'id="contributions-2-donor"' in page.text
    assert 'value="Typed"' in page.text
    # What the page was drawn from stays what it was, or somebody else's work would be overwritten.
    assert 'name="seen" value="1"' in page.text
    del sent["add"]
    page = client.post(_form(number, "identification"), data={**sent, "remove": "contributions-0"})
    assert page.status_code == 200
    assert 'id="contributions-1-donor"' not in page.text
    assert 'value="Norway"' in page.text
    assert "Finland" not in page.text
    assert building.load(site, number).content["identification"]["title"] == "Ports"


@pytest.mark.thorough
def test_no_more_rows_than_are_kept(client: FlaskClient, number: str) -> None:
    rows = {f"contributions-{place}-donor": "Norway" for place in range(ROWS_LIMIT)}
    page = client.post(_form(number, "identification"), data={**rows, "add": "contributions"})
    assert page.status_code == 200
    assert f'id="contributions-{ROWS_LIMIT}-donor"' not in page.text


def test_a_form_that_somebody_else_has_changed_is_refused_with_what_was_typed(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    seen = str(building.load(site, number).row_version)
    assert client.post(_form(number, "gender"), data={"analysis": "First", "seen": seen}).status_code == 303
    page = client.post(
        _form(number, "gender"), data={"analysis": "Second\nline", "marker": "2", "seen": seen}
    )
    assert page.status_code == 409
    assert "How the situation differs for women and men" in page.text
    assert "Second\nline" in page.text
    assert building.load(site, number).content["gender"] == {"analysis": "First"}


def test_the_guidance_says_what_the_appraisal_will_ask(client: FlaskClient, number: str) -> None:
    page = client.get(_form(number, "gender")).text
    assert "What the appraisal will ask" in page
    assert "GEN-1" in page
    assert 'href="/workflow/checklists/gender.v1"' in page
    assert "TUR-1" not in page


def test_the_evaluability_items_stand_there_when_the_budget_calls_for_them(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    large = building.draft_proposal(site, cast, budget="5000000.01")
    assert "EVA-" not in client.get(_form(number, "results")).text
    assert "EVA-" in client.get(_form(large, "results")).text


def test_the_overview_derives_the_track_and_offers_to_submit(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    page = client.get(f"/proposals/{number}/form").text
    assert "Track: Standard." in page
    assert f'href="/proposals/{number}/steps/submit"' in page
    small = building.draft_proposal(site, cast, budget="100")
    page = client.get(f"/proposals/{small}/form").text
    assert "Track: Fast." in page
    assert "It names one country." in page
    assert "Together US$ 100." in page


def test_no_total_and_no_track_is_said_of_what_has_no_rate(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    row = neutral_content({})["identification"]["contributions"][0]
    given = [row, {**row, "amount": "9000000", "currency": "EUR"}]
    unknown = building.draft_proposal(site, cast, contributions=given)
    page = client.get(f"/proposals/{unknown}/form").text
    assert "There is no US$ rate for EUR" in page
    assert "Track: not known yet." in page
    assert "What they are together in US$ is not known in full." in page
    for words in ("Together US$", "Track: Standard.", "Track: Fast."):
        assert words not in page


def test_only_authors_write_and_only_when_the_state_lets_them(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "designer")
    page = client.get(_form(number, "gender"))
    assert page.status_code == 403
    assert "The proposal cannot be edited in the state “Submitted”." in page.text
    refused = client.post(_form(number, "gender"), data={"analysis": "Too late"})
    assert refused.status_code == 403
    assert "Too late" in refused.text
    overview = client.get(f"/proposals/{number}/form")
    assert overview.status_code == 200
    assert _form(number, "gender") not in overview.text
    sign_in(client, "desk")
    assert client.get(f"/proposals/{number}/form").status_code == 403
    sign_in(client, "designer2")
    assert client.get(f"/proposals/{number}/form").status_code == 404


def test_a_section_that_does_not_exist(client: FlaskClient, number: str) -> None:
    assert client.get(_form(number, "nothing")).status_code == 404


def _attach(client: FlaskClient, number: str, kind: str, name: str, data: bytes) -> tuple[int, str]:
    answer = client.post(
        f"/proposals/{number}/documents",
        data={"kind": kind, "file": (BytesIO(data), name)},
        content_type="multipart/form-data",
    )
    return answer.status_code, answer.text


def test_a_file_is_attached_handed_out_and_taken_out(
    site: Site, cast: Cast, client: FlaskClient, number: str
) -> None:
    assert _attach(client, number, "other", "../ünsafe.exe", PDF)[0] == 303
    document = building.load(site, number).documents[-1]
    answer = client.get(f"/proposals/{number}/documents/{document.id}")
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    with site.database.read() as db:
        table = tables.accesses
        noted = db.execute(select(table.c.person_id, table.c.action, table.c.subject)).all()
    assert noted[-1] == (cast["designer"].id, "download", number)
    assert client.post(f"/proposals/{number}/documents/{document.id}/remove").status_code == 303
    assert document.id not in {entry.id for entry in building.load(site, number).documents}
    assert client.post(f"/proposals/{number}/documents/{document.id}/remove").status_code == 404


@pytest.mark.parametrize(
    ("kind", "name", "data", "words"),
    [
        ("", "a.pdf", PDF, "Choose what kind of document it is"),
        ("other", "a.pdf", b"", "an empty one cannot be attached"),
        ("other", "a.pdf", b"<html>", "Attach a PDF, an image"),
        ("other", "a.pdf", PDF.ljust(1001), "The file is larger than 20 MB"),
    ],
)
def test_a_file_that_cannot_be_attached(
    site: Site,
    client: FlaskClient,
    number: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
    data: bytes,
    words: str,
) -> None:
    monkeypatch.setattr("appraisal.proposals.services.drafts.MOST_BYTES", 1000)
    before = building.load(site, number).documents
    status, page = _attach(client, number, kind, name, data)
    assert status == 422
    assert words in page
    assert building.load(site, number).documents == before


def test_a_request_beyond_all_measure_is_refused_in_words(client: FlaskClient, number: str) -> None:
    client.application.config["MAX_CONTENT_LENGTH"] = 1000
    status, page = _attach(client, number, "other", "a.pdf", PDF.ljust(1001))
    assert status == 413
    assert "A file may have 20 MB at most" in page


def test_files_of_a_draft_are_its_authors_alone(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast)
    sign_in(client, "designer")
    assert _attach(client, number, "other", "new.pdf", PDF)[0] == 303
    old, *_, new = building.load(site, number).documents
    sign_in(client, "desk")
    assert client.get(f"/proposals/{number}/documents/{old.id}").status_code == 200
    assert client.get(f"/proposals/{number}/documents/{new.id}").status_code == 404
    sign_in(client, "designer2")
    assert client.get(f"/proposals/{number}/documents/{old.id}").status_code == 404


def test_another_designer_becomes_an_author(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, number: str
) -> None:
    page = client.get(f"/proposals/{number}/authors").text
    assert "Bilal Osman" in page
    assert "Grace Lindqvist" not in page
    chosen = {"person": str(cast["designer2"].id)}
    assert client.post(f"/proposals/{number}/authors", data=chosen).status_code == 303
    assert cast["designer2"].id in building.load(site, number).related("author")
    assert client.post(f"/proposals/{number}/authors", data=chosen).status_code == 422
    wrong = client.post(f"/proposals/{number}/authors", data={"person": str(cast["chief"].id)})
    assert wrong.status_code == 422
    sign_in(client, "designer2")
    assert client.get(_form(number, "gender")).status_code == 200


def test_required_changes_are_answered_one_by_one(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast)
    sign_in(client, "designer")
    change = building.load(site, number).changes[0].id
    address = f"/proposals/{number}/changes"
    assert "Consult the workers&#39; organizations." in client.get(address).text
    assert client.post(address, data={}).status_code == 303
    assert building.load(site, number).changes[0].answer is None
    for given in ({f"answer_{change}": "done"}, {f"text_{change}": "Somewhere"}):
        page = client.post(address, data=given)
        assert page.status_code == 422
        assert f'href="#{next(iter({f"text_{change}", f"answer_{change}"} - set(given)))}"' in page.text
    given = {f"answer_{change}": "not_done", f"text_{change}": "There are none."}
    assert client.post(address, data=given).status_code == 303
    answered = building.load(site, number).changes[0]
    assert (answered.answer, answered.answer_text) == ("not_done", "There are none.")
    assert "Every required change is answered." in client.get(f"/proposals/{number}/form").text


def test_answers_that_came_in_with_a_version_are_shown_and_not_offered_again(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast)
    sign_in(client, "designer")
    change, address = building.load(site, number).changes[0].id, f"/proposals/{number}/changes"
    offer = "Answer the required changes"
    assert offer in client.get(f"/proposals/{number}").text
    given = {f"answer_{change}": "done", f"text_{change}": "Section 3."}
    assert client.post(address, data=given).status_code == 303
    # Until it is submitted an answer may be put otherwise.
    assert f'name="answer_{change}"' in client.get(address).text
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "return_incomplete", missing="A paper.")
    page = client.get(address).text
    assert f'name="answer_{change}"' not in page
    assert "Section 3." in page
    assert offer not in client.get(f"/proposals/{number}").text
    # A page that was opened before is not an error either.
    again = client.post(address, data={f"answer_{change}": "not_done", f"text_{change}": "No."})
    assert again.status_code == 303
    assert building.load(site, number).changes[0].answer == "done"


def test_answers_to_changes_of_a_stale_page_are_refused(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.revision_proposal(site, cast)
    sign_in(client, "designer")
    change = building.load(site, number).changes[0].id
    given = {f"answer_{change}": "done", f"text_{change}": "Page 4", "seen": "1"}
    page = client.post(f"/proposals/{number}/changes", data=given)
    assert page.status_code == 409
    assert "Page 4" in page.text


@pytest.mark.parametrize("language", ["fr", "es"])
def test_pages_are_drawn_in_every_language(
    site: Site, cast: Cast, client: FlaskClient, number: str, language: str
) -> None:
    client.post("/language", data={"language": language, "next": "/"})
    pages = ["", "/form", "/documents", "/authors", "/changes", "/history"]
    pages += [f"/form/{section.key}" for section in form.SECTIONS]
    for page in pages:
        answer = client.get(f"/proposals/{number}{page}")
        assert answer.status_code == 200
        assert f'lang="{language}"' in answer.text


def test_a_wrong_value_in_a_row_alone_is_shown_and_nothing_typed_is_lost(
    client: FlaskClient, number: str
) -> None:
    typed = {"activities-0-text": "Train the inspectors", "activities-0-start": "31/12/2014"}
    page = client.post(_form(number, "workplan"), data={**typed, "save": "1"})
    assert page.status_code == 422
    assert "Write a date as year-month-day" in page.text
    assert 'href="#activities-0-start"' in page.text
    assert all(f'value="{text}"' in page.text for text in typed.values())


def test_what_is_missing_is_said_to_the_author(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    building.take(site, cast["desk"], number, "return_incomplete", missing="The budget has no total.")
    sign_in(client, "designer")
    for address in (f"/proposals/{number}", f"/proposals/{number}/form", f"/proposals/{number}/history"):
        assert "The budget has no total." in client.get(address).text


def test_an_umbrella_programme_is_picked_from_those_that_the_author_may_name(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    mine = building.draft_proposal(site, cast, kind="umbrella", title="<b>Mine</b>")
    secret, named = (
        building.draft_proposal(site, cast, by="designer2", kind="umbrella", title="Unseen title")
        for _ in range(2)
    )
    building.submitted_proposal(site, cast, by="designer2", kind="child", parent=named)
    own = building.draft_proposal(site, cast)
    sign_in(client, "designer")
    for address in ("/proposals/new", f"/proposals/{own}/form/identification"):
        page = client.get(address).text
        assert re.search(r'<input[^>]* name="parent"[^>]* list="umbrellas"', page)
        listed = page[page.index('<datalist id="umbrellas">') : page.index("</datalist>")]
        assert f'<option value="{mine}">&lt;b&gt;Mine&lt;/b&gt;</option>' in listed
        # A country project that is here names it: its number is no secret, its title is.
        assert f'<option value="{named}"></option>' in listed
        assert secret not in listed
        assert "Unseen" not in page
    assert "<datalist" not in client.get(f"/proposals/{own}/form/results").text
