"""A stored record served, against a static file of the same size from the same server."""

import http.client
import multiprocessing
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import select
from waitress.server import create_server

from appraisal.accounts.services import accounts
from appraisal.app.application import create_app
from appraisal.database import schema, tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.paths import folder
from appraisal.records.services import records
from appraisal.scenarios.files import read_scenario
from appraisal.scenarios.performance import play
from appraisal.scenarios.verbs.table import verbs
from appraisal.settings import read_settings
from appraisal.web.context import Site
from tests.bench.ratios import report, timed
from tests.bench.steps import NOW, library

SIZE = 150_000
READERS = 4
REQUESTS = 200
ROUNDS = 9


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        digest = _prepared(Path(place))
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(Path(place), theirs))
        server.start()
        try:
            _measure(Clients(ours.recv()), f"/records/{digest}/en.pdf")
        finally:
            server.terminate()
            server.join()


def _serve(place: Path, started: Connection) -> None:
    """Serve the site and, beside it, a folder that Flask serves by itself."""
    app = create_app(_site(place))
    app.config["WTF_CSRF_ENABLED"] = False
    app.static_folder = str(place / "static")
    server = create_server(app, host="127.0.0.1", port=0, threads=8)
    started.send(server.effective_port)  # type: ignore[union-attr]
    server.run()


def _measure(clients: "Clients", path: str) -> None:
    whole: list[float] = []
    parts: list[float] = []
    range_of = {"Range": "bytes=1000-"}
    for _ in range(ROUNDS):
        bare = timed(lambda: clients.get("/static/record.pdf", SIZE))
        whole.append(bare / timed(lambda: clients.get(path, SIZE)))
        bare = timed(lambda: clients.get("/static/record.pdf", SIZE - 1000, range_of))
        parts.append(bare / timed(lambda: clients.get(path, SIZE - 1000, range_of)))
    report("a stored record served, rate of a static file; noted", whole, "0.8")
    report("further parts of it, which are not noted", parts, "0.8")


class Clients:
    """Several readers who are signed in, each with a connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = self._signed_in()
        self.readers = ThreadPoolExecutor(READERS)

    def _signed_in(self) -> str:
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
        return str(answer.headers["Set-Cookie"]).split(";")[0]

    def get(self, path: str, size: int, headers: Mapping[str, str] | None = None) -> None:
        """Let each reader get a file again and again."""
        sent = {"Cookie": self.cookie, **(headers or {})}
        for _ in self.readers.map(lambda _: self._read(path, size, sent), range(READERS)):
            pass

    def _read(self, path: str, size: int, headers: Mapping[str, str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for _ in range(REQUESTS // READERS):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            assert len(answer.read()) == size, answer.status
        connection.close()


def _prepared(place: Path) -> str:
    """Play a proposal, keep a PDF of its record, and a static file that is as long; return the digest."""
    site = _site(place)
    schema.upgrade(site.database)
    script = read_scenario(folder("workflows") / "scenarios" / "conditions.yaml", site.library, verbs())
    play(script, site.database, site.library, site.files)
    with site.database.begin() as db:
        account = accounts.find_by_email(db, "desk@example.org")
        assert account is not None
        accounts.set_password(db, site.hashing, site.now(), account.person.id, "a long password")
        table = tables.records
        row = db.execute(select(table.c.id, table.c.digest).where(table.c.kind == "appraisal")).first()
        assert row is not None
        records.keep_rendering(db, site.files, row.id, "en", b"x" * SIZE, NOW)
    site.database.close()
    (place / "static").mkdir()
    (place / "static" / "record.pdf").write_bytes(b"x" * SIZE)
    return str(row.digest)


def _site(place: Path) -> Site:
    settings = read_settings({}, data=place)
    return Site(
        settings,
        library(),
        Database(settings.database),
        Files(settings.files),
        accounts.hasher(quick=True),
        lambda: NOW,
    )
