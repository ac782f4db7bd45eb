"""The history of a proposal in sentences: whole for who reads all of it, and no more for the others."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from lxml import html

from appraisal.app.daily import tick
from appraisal.appraisals.services import reviews
from appraisal.definitions.library import Library
from appraisal.language.texts import places
from appraisal.proposals.rules.attempt import Agreement
from appraisal.web.context import Site
from appraisal.workflow.rules import event_sentences
from tests import casts
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


def told(client: FlaskClient, number: str) -> list[str]:
    """Return the sentences of the page, oldest first."""
    page = client.get(f"/proposals/{number}/history")
    assert page.status_code == 200
    rows = html.fromstring(page.text).cssselect("tbody tr")
    return [said.text_content() for row in rows for said in row.cssselect("td")[1].cssselect(".app-prose")]


def test_there_is_a_sentence_for_every_event(library: Library) -> None:
    acts = {transition.act for flow in library.workflows() for transition in flow.transitions}
    # Nothing of theirs has to be known for the last.
    for act in acts:
        assert places(event_sentences.SENTENCES[act][-1]) <= {"who"}, act


def test_events_are_told_with_names_days_and_numbers(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    stage = building.stage_of(site, cast)
    casts.take(stage, "desk", number, "return_incomplete", missing="The work plan.")
    casts.take(stage, "designer", number, "submit")
    casts.take(stage, "desk", number, "assign", lead="reader")
    with site.database.begin() as db:
        given = (db, site.library, cast["desk"], site.now(), number)
        reviews.ask(*given, cast["actemp"], ("TRI",), date(2010, 2, 9))
    asked = building.load(site, number).appraisals[-1].reviews[-1].id
    with site.database.begin() as db:
        reviews.move_due(db, site.library, cast["desk"], site.now(), number, asked, date(2010, 2, 12))
    with site.database.begin() as db:
        reviews.decline(db, site.library, cast["actemp"], site.now(), number, "No time.")
    casts.take(stage, "desk", number, "hold", until=date(2010, 3, 1), note="Elections.")
    casts.take(stage, "desk", number, "release")
    casts.take(stage, "desk", number, "reassign", lead="eval", note="Away.")
    sign_in(client, "auditor")
    assert told(client, number) == [
        "Ana Ruiz began the proposal.",
        "Ana Ruiz submitted version 1.",
        "Chiara Weber returned the proposal as incomplete. What is missing: The work plan.",
        "Ana Ruiz submitted version 2.",
        "Chiara Weber named David Okoro lead appraiser.",
        "Asked for comments: PROGRAM, ACT/EMP, ACTRAV, NORMES, GENDER, Turin Centre.",
        "Chiara Weber asked Farid Haddad to review TRI by 9 February 2010.",
        "Chiara Weber gave Farid Haddad until 12 February 2010 to review.",
        "Farid Haddad declined to review.",
        "Chiara Weber put the proposal on hold until 1 March 2010.",
        "Chiara Weber released the proposal from its hold.",
        "Chiara Weber made Elena Petrova lead appraiser instead of David Okoro.",
    ]


def test_decisions_and_agreements_are_told(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    stage = building.stage_of(site, cast)
    casts.take(stage, "chief", number, "approve")
    casts.take(stage, "desk", number, "send_to_donor")
    casts.take(stage, "desk", number, "fund", agreement=Agreement(date(2010, 2, 1), "NOR-12"))
    casts.take(stage, "chief", number, "propose_annulment", note="The agreement is void.")
    casts.take(stage, "chief2", number, "decline_signature", note="It is not.")
    sign_in(client, "auditor")
    assert told(client, number)[-7:] == [
        "David Okoro finalised the appraisal. Recommendation: Ready for approval",
        "No longer awaited: PROGRAM, NORMES, GENDER, Turin Centre.",
        "Grace Lindqvist approved the proposal.",
        "Chiara Weber sent the proposal to the donor.",
        "Chiara Weber recorded the agreement of 1 February 2010: NOR-12",
        "Grace Lindqvist gave the first signature to annul the approval.",
        "Hugo Marchand declined to give the second signature; the first, by Grace Lindqvist, is void.",
    ]


def test_what_time_does_is_done_by_nobody(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    stage = building.stage_of(site, cast)
    casts.take(stage, "desk", number, "hold", until=date(2010, 2, 3), note="Elections.")
    stage.wait(days=4)
    tick(site.database, site.library, site.now())
    casts.take(stage, "desk", number, "return_incomplete", missing="The work plan.")
    stage.wait(days=200)
    tick(site.database, site.library, site.now())
    sign_in(client, "auditor")
    said = told(client, number)
    assert "The hold ended with its last day." in said
    assert said[-1] == "The proposal lapsed: nothing was heard for too long."
    assert "system" not in " ".join(said)


@pytest.mark.parametrize("reader", ["designer", "chief"])
def test_who_may_not_read_the_appraisal_yet_learns_no_more_than_that_it_runs(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, reader: str
) -> None:
    number = building.assigned_proposal(site, cast)
    building.answer_bureaux(site, cast, number)
    sign_in(client, reader)
    assert told(client, number) == [
        "Ana Ruiz began the proposal.",
        "Ana Ruiz submitted version 1.",
        "Chiara Weber named a lead appraiser.",
    ]


def test_the_history_is_told_in_the_readers_language(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.submitted_proposal(site, cast)
    sign_in(client, "auditor")
    client.post("/language", data={"language": "fr", "next": "/"})
    assert told(client, number) == [
        "Ana Ruiz a commencé la proposition.",
        "Ana Ruiz a soumis la version 1.",
    ]
