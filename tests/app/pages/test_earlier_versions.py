"""Data of every earlier version of the product, looked at in the pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from appraisal.accounts.services import accounts
from appraisal.app import upgrades
from appraisal.definitions.library import Library
from appraisal.web.context import Site
from tests import histories
from tests.casts import Clock
from tests.databases import SqliteCopies
from tests.histories import MECHANISM, REVISIONS, RUNNING
from tests.web import building


@pytest.fixture(params=REVISIONS)
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sqlite_copies: SqliteCopies,
    library: Library,
    clock: Clock,
) -> Iterator[Site]:
    """A site on the upgraded data of a revision."""
    file = tmp_path / "history.sqlite3"
    histories.write(request.param, file)
    with sqlite_copies.opened(file) as database:
        upgrades.upgrade(database)
        yield building.open_site(tmp_path, library, clock, database)


@pytest.mark.thorough
def test_the_pages_show_what_was_written_then(site: Site, client: FlaskClient, clock: Clock) -> None:
    with site.database.read() as db:
        found = {entry.person.email.split("@")[0]: entry.person for entry in accounts.list_people(db)}
    clock.advance(days=1)
    for name in ("auditor", "desk"):
        building.sign_in_as(client, site, found[name])
        for number in range(1, 7):
            assert client.get(f"/proposals/TC-2010-000{number}").status_code == 200
        for address in ("/proposals", "/records", f"/proposals/{MECHANISM}/history", "/indicators/"):
            assert client.get(address).status_code == 200
        digests = set(re.findall(r"/records/([0-9a-f]{64})", client.get("/records").text))
        assert len(digests) == 11
        for digest in digests:
            assert client.get(f"/records/{digest}").status_code == 200
        for code in ("1.1", "1.2", "2.2", "3.1", "3.2", "3.3"):
            assert client.get(f"/indicators/{code}?biennium=2010-11").status_code == 200
        shown = client.get("/indicators/2.1?biennium=2010-11")
        assert shown.status_code == 200
        assert re.search(r"33\.3", shown.text)
    assert client.get("/indicators/2.1/report.csv?biennium=2010-11").status_code == 200
    building.sign_in_as(client, site, found["lead"])
    assert client.get(f"/proposals/{RUNNING}").status_code == 200
    assert client.get(f"/proposals/{RUNNING}/appraisal").status_code == 200
