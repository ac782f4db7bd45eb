"""The page of bundles: what is sent verifies, who gets it, and what is said where nobody does."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from appraisal.accounts.services import accounts
from appraisal.app.application import create_app
from appraisal.database import tables
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.store import lists, visible
from appraisal.proposals.store.case import load_case
from appraisal.records.services import issuers, records
from appraisal.records.store import records as stored
from appraisal.verification.reading.signatures import Grounds
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import bundle_check
from appraisal.verification.services.bundles import Incomplete
from appraisal.vocabulary.findings import does_anything_fail
from appraisal.web.context import Site
from tests.appraisals.pages import reviewing
from tests.casts import PDF
from tests.keys import make_keyring
from tests.tampering import unguarded
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PAGE = "/bundles"


def numbers_in(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
    return [name.split("/")[1].removesuffix(".html") for name in names if name.startswith("proposals/")]


def noted(site: Site) -> list[tuple[Any, ...]]:
    table = tables.accesses
    columns = (table.c.person_id, table.c.action, table.c.subject, table.c.detail)
    with site.database.read() as db:
        return [tuple(row) for row in db.execute(select(*columns).where(table.c.action == "download"))]


@pytest.mark.parametrize("key", ["desk", "chief", "auditor"])
def test_what_is_sent_verifies_and_is_noted(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path, key: str
) -> None:
    number, other = building.approved_proposal(site, cast), building.approved_proposal(site, cast)
    sign_in(client, key)
    answer = client.post(PAGE, data={"numbers": number.lower()})
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="bundle-{number}.zip"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in answer.headers
    file = tmp_path / "bundle.zip"
    file.write_bytes(answer.data)
    found = bundle_check.check(file, site.library, Grounds(site.now()))
    # Nobody signs here, so that nothing but the bundle itself says that it is whole.
    assert found.outcome == "unknown", found
    assert found.manifest.asked == Asked((number,))
    assert found.manifest.by == (cast[key].id, cast[key].name)
    assert noted(site) == [(cast[key].id, "download", "bundle", number)]
    answer = client.post(PAGE, data={"biennium": "2010-11", "state": "approved"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bundle-2010-11.zip"'
    assert numbers_in(answer.data) == [number, other]
    assert noted(site)[1:] == [(cast[key].id, "download", "bundle", "2010-11, approved")]


@pytest.mark.parametrize("key", ["designer", "reader", "admin"])
def test_others_get_none(client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, key: str) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, key)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, data={"numbers": number}).status_code == 403
    for address in (f"/proposals/{number}", "/proposals", "/indicators/2.1"):
        assert PAGE not in client.get(address).text
    assert noted(site) == []


def test_the_pages_of_what_it_is_about_lead_to_it(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, "auditor")
    for address, link in (
        (f"/proposals/{number}", f"{PAGE}?numbers={number}"),
        ("/proposals?state=approved", f"{PAGE}?state=approved"),
        ("/indicators/2.1", f"{PAGE}?biennium=2010-11"),
    ):
        assert f'href="{link}"' in client.get(address).text
    assert f'value="{number}"' in client.get(f"{PAGE}?numbers={number}").text
    assert '<option value="2010-11" selected>' in client.get(f"{PAGE}?biennium=2010-11").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Name proposals, or say below which ones."),
        (
            {"numbers": "TC-2010-0001", "state": "approved"},
            "Name proposals, or say below which ones; not both.",
        ),
        ({"numbers": "TC-1999-0001, TC-2010-0001"}, "Not to be had: TC-1999-0001."),
        ({"numbers": "x" * 20 + " " + " ".join(map(str, range(200)))}, "Name 200 proposals at most."),
        ({"biennium": "2011-12"}, "Choose a biennium of the list."),
        ({"biennium": "2012-13"}, "No proposal fits this."),
        ({"state": "nowhere"}, "No proposal fits this."),
    ],
)
def test_what_cannot_be_had_is_said(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, form: dict[str, str], said: str
) -> None:
    building.approved_proposal(site, cast)
    sign_in(client, "auditor")
    answer = client.post(PAGE, data=form)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert noted(site) == []


def test_ratings_before_they_are_published_are_given_to_nobody_who_may_not_see_them(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    approved, running = building.approved_proposal(site, cast), building.assigned_proposal(site, cast)
    sign_in(client, "chief")
    answer = client.post(PAGE, data={"numbers": running})
    assert (answer.status_code, f"Not to be had: {running}." in answer.text) == (422, True)
    answer = client.post(PAGE, data={"state": "under_appraisal"})
    assert (answer.status_code, "Not all of these can be given to you" in answer.text) == (403, True)
    assert numbers_in(client.post(PAGE, data={"numbers": approved}).data) == [approved]
    sign_in(client, "desk")
    assert numbers_in(client.post(PAGE, data={"state": "under_appraisal"}).data) == [running]


def test_whoever_owes_a_review_gets_nothing_that_could_tell_of_it(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    approved, running = building.approved_proposal(site, cast), building.assigned_proposal(site, cast)
    owing = reviewing.hire(site, "owing", "Olga Ivanova", "NORMES", "auditor")
    reviewing.ask(site, cast, running, owing, "TRI")
    building.sign_in_as(client, site, owing)
    answer = client.post(PAGE, data={"numbers": running})
    assert (answer.status_code, f"Not to be had: {running}." in answer.text) == (422, True)
    answer = client.post(PAGE, data={"state": "approved"})
    assert (answer.status_code, "You still owe a review" in answer.text) == (403, True)
    assert numbers_in(client.post(PAGE, data={"numbers": approved}).data) == [approved]


def _returned_proposal(site: Site, cast: Cast) -> str:
    """Bring a proposal to *incomplete* from under its appraisal, which is closed without a result."""
    number = building.rated_proposal(site, cast)
    building.take(site, cast["desk"], number, "return_incomplete", missing="A letter.")
    return number


def _coordinated_by_its_author(site: Site, cast: Cast) -> str:
    """Bring a proposal to *under appraisal* that a coordinator writes."""
    both = reviewing.hire(site, "both", "Olga Ivanova", "SKILLS", "designer", "coordinator")
    return building.assigned_proposal(site, {**cast, "both": both}, by="both")


@pytest.mark.thorough
def test_the_condition_of_the_database_is_that_of_the_rules(site: Site, cast: Cast) -> None:
    numbers = [
        make(site, cast)
        for make in (
            building.draft_proposal,
            building.submitted_proposal,
            building.assigned_proposal,
            building.appraised_proposal,
            building.approved_proposal,
            _returned_proposal,
            _coordinated_by_its_author,
        )
    ]
    with site.database.read() as db:
        everybody = [account.person for account in accounts.list_people(db)]
        assert len(everybody) > len(cast)
        for person in (*everybody, replace(cast["desk"], active=False)):
            table = lists.PROPOSALS
            found = set(db.execute(select(table.c.number).where(visible.whole_to(person))).scalars())
            for number in numbers:
                case = load_case(db, number)
                whole = access.level(case, person) == "full" and disclosure.reads_whole_history(case, person)
                # Never more than the rules allow; those who take bundles get all that they allow.
                assert number not in found or whole
                if person.roles & access.READERS:
                    assert (number in found) == whole, (number, person)


def test_what_is_not_stored_as_the_trail_says_is_sent_to_nobody(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    with unguarded(site.database) as db:
        db.execute(text("UPDATE proposals SET state = 'rejected'"))
    sign_in(client, "auditor")
    answer = client.post(PAGE, data={"numbers": number})
    said = f"so that no bundle can be made: {number}. Tell an administrator."
    assert (answer.status_code, said in answer.text) == (409, True)
    assert noted(site) == []


def test_a_key_that_is_not_at_hand_is_said_before_anything_is_sent(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, tmp_path: Path
) -> None:
    ring = make_keyring(tmp_path / "keys")
    number = building.approved_proposal(site, cast)
    with site.database.begin() as db:
        issuers.use_key(db, ring.signer(), site.now())
    sign_in(client, "auditor")
    answer = client.post(PAGE, data={"numbers": number})
    assert (answer.status_code, "the key in force is not at hand" in answer.text) == (503, True)
    assert noted(site) == []
    keyed = replace(site, settings=replace(site.settings, signer=ring.key()))
    app = create_app(keyed)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    sign_in(client, "auditor")
    file = tmp_path / "bundle.zip"
    file.write_bytes(client.post(PAGE, data={"numbers": number}).data)
    found = bundle_check.check(file, site.library, ring.grounds(site.now()))
    [signature] = [entry for entry in found.findings if entry.check == "signature"]
    assert signature.outcome == "holds"
    assert not does_anything_fail(found.findings)


def test_pdfs_that_are_asked_for_and_not_drawn_are_prepared(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, "desk")
    asked = {"numbers": number, "languages": ["es"]}
    answer = client.post(PAGE, data=asked)
    assert (answer.status_code, "is made yet (missing: 2)" in answer.text) == (409, True)
    with site.database.begin() as db:
        for row in db.execute(select(tables.records)).all():
            records.keep_rendering(db, site.files, row.id, "es", PDF, site.now())
            records.keep_rendering(db, site.files, row.id, "fr", PDF, site.now())
    answer = client.post(PAGE, data=asked)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        drawn = [name for name in archive.namelist() if name.startswith("records/") and "pdf" in name]
        manifest = json.loads(archive.read("manifest.json"))
    assert [name[-6:-4] for name in drawn] == ["es", "es"]
    assert manifest["asked"]["languages"] == ["es"]
    # What is no language is none.
    answer = client.post(PAGE, data={"numbers": number, "languages": ["de"]})
    assert answer.status_code == 422


def test_what_goes_wrong_on_the_way_breaks_the_download_off(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    with site.database.read() as db:
        document = load_case(db, number).versions[0].documents[0]
    site.files.whole(document.sha256).unlink()
    sign_in(client, "auditor")
    for _ in range(3):
        # Each gives its turn back.
        with pytest.raises(Incomplete):
            _ = client.post(PAGE, data={"numbers": number}).data


def test_only_so_many_are_sent_at_once_and_whoever_leaves_makes_room(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = building.approved_proposal(site, cast)
    with site.database.begin() as db:
        # More than a pipe holds.
        [found, *_] = stored.list_records(db, cast["desk"])[0]
        records.keep_rendering(db, site.files, found.id, "en", bytes(5_000_000), site.now())
    # One that reads no further than it is asked to.
    client = FlaskClient(client.application, client.application.response_class)
    sign_in(client, "auditor")
    half_read = [client.post(PAGE, data={"numbers": number}) for _ in range(2)]
    answer = client.post(PAGE, data={"numbers": number})
    assert (answer.status_code, "Two bundles are being sent just now" in answer.text) == (503, True)
    for entry in half_read:
        entry.close()
    assert numbers_in(client.post(PAGE, data={"numbers": number}).data) == [number]


def test_where_a_bundle_cannot_begin_its_turn_is_given_back(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = building.approved_proposal(site, cast)
    sign_in(client, "auditor")

    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    # As the system does where there are too many threads.
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                client.post(PAGE, data={"numbers": number})
    assert numbers_in(client.post(PAGE, data={"numbers": number}).data) == [number]
