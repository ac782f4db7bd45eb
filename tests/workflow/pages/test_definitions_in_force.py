"""The page of the workflow: everything that the definitions say, in three languages, to read only."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from appraisal.definitions import checklists
from appraisal.definitions.workflows import AUDIENCES
from appraisal.language.texts import Language, say
from appraisal.proposals.rules.attempt import INPUTS
from appraisal.vocabulary.roles import RELATIONS
from appraisal.web.context import Site
from appraisal.workflow.pages import definitions_in_force
from appraisal.workflow.rules.guards import GUARDS
from tests.casts import counted
from tests.web.sites import SignIn


def test_every_name_of_the_definitions_has_its_words(site: Site) -> None:
    found = site.library.newest_workflow()
    assert definitions_in_force.GUARDS.keys() == GUARDS.keys()
    assert definitions_in_force.INPUTS.keys() == INPUTS
    assert definitions_in_force.EXCLUDED.keys() == set(RELATIONS)
    assert {actor for entry in found.transitions for actor in entry.by} <= definitions_in_force.ACTORS.keys()
    assert {state.holder for state in found.states.values()} <= definitions_in_force.HOLDERS.keys()
    assert {
        record for entry in found.transitions for record in entry.records
    } <= definitions_in_force.EFFECTS.keys()
    assert definitions_in_force.AUDIENCES.keys() == set(AUDIENCES)


def test_the_straight_way_leads_from_the_draft_to_the_start(site: Site) -> None:
    path = [key for key, _ in definitions_in_force.main_path(site.library.newest_workflow())]
    assert path[0] == "draft"
    assert path[-1] == "started"
    assert "rejected" not in path
    assert "under_appraisal" in path


@pytest.mark.parametrize("language", ["en", "fr", "es"])
@pytest.mark.parametrize("key", ["designer", "admin"])
def test_everybody_reads_the_whole_definition(
    client: FlaskClient, sign_in: SignIn, site: Site, language: Language, key: str
) -> None:
    sign_in(client, key)
    client.post("/language", data={"language": language})
    text = unescape(client.get("/workflow").text)
    found, library = site.library.newest_workflow(), site.library
    for state in found.states.values():
        assert state.title[language] in text
        assert state.meaning[language] in text
    for transition in found.transitions:
        assert transition.label[language] in text
    for track in found.tracks.values():
        assert track.title[language] in text
    for criterion in library.criteria(library.newest_set().key):
        assert criterion.checklist.title[language] in text
        assert f'href="/workflow/checklists/{criterion.checklist.key}"' in text
    assert library.digests[found.key] in text


def test_limits_guards_and_exclusions_are_said(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "auditor")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/workflow").text))
    assert "5 / 10 / 15" in page
    assert "reminder after 15 working days; lapses after 90 calendar days" in page
    assert "The first signature of an annulment waits 5 working days for the second" in page
    assert "up to US$500,000, one country only, no private funder" in page
    assert "a valid appraisal of this very version was finished before" in page
    assert "but not: its authors, whoever led an appraisal of it, whoever gave the first signature" in page
    assert (
        "A decision sheet is kept. Told by mail: the authors, the lead appraiser, the coordinators." in page
    )


@pytest.mark.parametrize("language", ["en", "fr", "es"])
def test_a_checklist_shows_every_item_with_guidance_and_source(
    client: FlaskClient, sign_in: SignIn, site: Site, language: Language
) -> None:
    sign_in(client, "designer")
    client.post("/language", data={"language": language})
    for criterion in site.library.criteria(site.library.newest_set().key):
        text = unescape(client.get(f"/workflow/checklists/{criterion.checklist.key}").text)
        for item in criterion.checklist.items:
            assert item.ask[language] in text
            assert item.guidance[language] in text
            assert all(say(language, part) in text for part in item.source.split("; "))
        assert "<input" not in text.split("<main")[1]


def test_what_a_source_says_in_words_is_translated(site: Site, client: FlaskClient, sign_in: SignIn) -> None:
    sources = {
        item.source
        for criterion in site.library.criteria("appraisal.v1")
        for item in criterion.checklist.items
    }
    own = {part for entry in sources for part in entry.split("; ") if "design choice" in part}
    assert own == set(checklists.OWN_CHOICES)
    sign_in(client, "reader")
    client.post("/language", data={"language": "fr", "next": "/"})
    text = unescape(client.get("/workflow/checklists/tripartism.v1").text)
    assert "design choice" not in text
    assert "GB.306/TC/1, para. 33; formulation\N{NO-BREAK SPACE}: choix propre de conception" in text


def test_unknown_checklists_are_not_found(client: FlaskClient, sign_in: SignIn) -> None:
    sign_in(client, "desk")
    for key in ("tripartism.v9", "standard.v1", "..", "x" * 500):
        assert client.get(f"/workflow/checklists/{key}").status_code == 404


def test_the_pages_need_a_session_and_no_statement_of_their_own(client: FlaskClient, sign_in: SignIn) -> None:
    assert client.get("/workflow").status_code == 302
    assert client.get("/workflow/checklists/tripartism.v1").status_code == 302
    sign_in(client, "desk")
    with counted() as sent:
        client.get("/workflow")
    assert len(sent) <= 2  # who is signed in
