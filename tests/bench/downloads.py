"""A stored record served, against a static file of the same size from the same server."""

import http.client
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from waitress.server import create_server

from appraisal.paths import folder
from appraisal.scenarios.files import read_scenario
from appraisal.scenarios.playing import play
from appraisal.scenarios.verbs import verbs
from appraisal.services import people, records
from appraisal.settings import read_settings
from appraisal.storage import schema, tables
from appraisal.storage.databases import Database
from appraisal.storage.files import Files
from appraisal.web.app import create_app
from appraisal.web.context import Site
from tests.bench.ratios import report, timed
from tests.bench.steps import NOW, library

SIZE = 150_000
REQUESTS = 100
ROUNDS = 7


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        site = _site(Path(place))
        digest = _rendered(site)
        app = create_app(site)
        app.config["WTF_CSRF_ENABLED"] = False
        # As much as the record, in a folder that Flask serves by itself.
        static = Path(place) / "static"
        static.mkdir()
        (static / "record.pdf").write_bytes(b"x" * SIZE)
        app.static_folder = str(static)
        server = create_server(app, host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        client = Client(server.effective_port)  # type: ignore[union-attr]
        client.sign_in()
        try:
            _measure(client, f"/records/{digest}/en.pdf")
        finally:
            server.close()
            site.database.close()


def _measure(client: "Client", path: str) -> None:
    whole: list[float] = []
    parts: list[float] = []
    range_of = {"Range": "bytes=1000-"}
    for _ in range(ROUNDS):
        bare = timed(lambda: client.get("/static/record.pdf", SIZE))
        whole.append(bare / timed(lambda: client.get(path, SIZE)))
        bare = timed(lambda: client.get("/static/record.pdf", SIZE - 1000, range_of))
        parts.append(bare / timed(lambda: client.get(path, SIZE - 1000, range_of)))
    report("a stored record served, rate of a static file; noted", whole, "0.8")
    report("further parts of it, which are not noted", parts, "0.8")


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def sign_in(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(
            "POST",
            "/sign-in",
            "email=desk%40example.org&password=a+long+password",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303, answer.status
        self.cookie = str(answer.headers["Set-Cookie"]).split(";")[0]

    def get(self, path: str, size: int, headers: Mapping[str, str] | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for _ in range(REQUESTS):
            connection.request("GET", path, headers={"Cookie": self.cookie, **(headers or {})})
            answer = connection.getresponse()
            assert len(answer.read()) == size, answer.status
        connection.close()


def _site(place: Path) -> Site:
    settings = read_settings({}, data=place)
    database = Database(settings.database)
    schema.upgrade(database)
    definitions = library()
    files = Files(settings.files)
    script = read_scenario(folder("workflows") / "scenarios" / "conditions.yaml", definitions, verbs())
    play(script, database, definitions, files)
    site = Site(settings, definitions, database, files, people.hasher(quick=True), lambda: NOW)
    with database.begin() as db:
        account = people.find_by_email(db, "desk@example.org")
        assert account is not None
        people.set_password(db, site.hashing, account.person.id, "a long password")
    return site


def _rendered(site: Site) -> str:
    table = tables.Record.__table__
    with site.database.begin() as db:
        row = db.execute(select(table.c.id, table.c.digest).where(table.c.kind == "appraisal")).first()
        assert row is not None
        records.keep_rendering(db, site.files, row.id, "en", b"x" * SIZE, NOW)
    return str(row.digest)
