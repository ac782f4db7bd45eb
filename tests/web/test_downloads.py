"""Downloads: stored files as static ones, with tags and ranges, read by those who may, noted once."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from appraisal.database import tables
from appraisal.records.services import records
from appraisal.records.store import records as stored
from appraisal.web.context import Site
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 400 + b"\n%%EOF\n"
SHA256 = hashlib.sha256(PDF).hexdigest()


@dataclass(frozen=True)
class Served:
    """A record that was rendered, and who asks for it."""

    client: FlaskClient
    site: Site
    url: str

    def ask(self, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.open(self.url, method=method, headers=named)
        return answer.status_code, answer.data, dict(answer.headers)

    def noted(self) -> int:
        table = tables.accesses
        with self.site.database.read() as db:
            counted = select(func.count()).select_from(table).where(table.c.action == "download")
            return db.execute(counted).scalar_one()

    def file(self) -> Path:
        return self.site.files.whole(SHA256)


@pytest.fixture
def served(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> Served:
    building.appraised_proposal(site, cast)
    with site.database.begin() as db:
        [found] = stored.list_records(db, cast["desk"])[0]
        records.keep_rendering(db, site.files, found.id, "en", PDF, site.now())
    sign_in(client, "auditor")
    return Served(client, site, f"/records/{found.digest}/en.pdf")


def test_a_file_comes_whole_with_a_strong_tag_and_is_noted(served: Served) -> None:
    status, data, headers = served.ask()
    assert (status, data) == (200, PDF)
    assert headers["ETag"] == f'"{SHA256}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Length"] == str(len(PDF))
    assert headers["Cache-Control"] == "no-store"
    assert "Last-Modified" not in headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert served.noted() == 1


def test_a_question_about_a_file_sends_none_of_it(served: Served) -> None:
    status, data, headers = served.ask("HEAD")
    assert (status, data) == (200, b"")
    assert headers["Content-Length"] == str(len(PDF))
    assert headers["ETag"] == f'"{SHA256}"'
    # Parts are for GET alone (RFC 9110, 14.2); whoever has the file is told so all the same.
    status, data, headers = served.ask("HEAD", Range="bytes=0-99")
    assert (status, data, headers["Content-Length"]) == (200, b"", str(len(PDF)))
    assert served.ask("HEAD", If_None_Match=f'"{SHA256}"')[:2] == (304, b"")
    assert served.noted() == 0


@pytest.mark.parametrize("tag", [f'"{SHA256}"', f'W/"{SHA256}"', f'"x", "{SHA256}"', "*"])
def test_whoever_has_the_file_gets_it_no_second_time(served: Served, tag: str) -> None:
    status, data, _ = served.ask(If_None_Match=tag)
    assert (status, data) == (304, b"")
    assert served.noted() == 0
    assert served.ask(If_None_Match='"other"')[0] == 200


@pytest.mark.parametrize(
    ("asked", "begin", "end", "noted"),
    [
        ("bytes=0-99", 0, 100, 1),
        ("bytes=100-", 100, len(PDF), 0),
        ("bytes=-6", len(PDF) - 6, len(PDF), 0),
        ("bytes=5-5", 5, 6, 0),
        (f"bytes=0-{10**9}", 0, len(PDF), 1),
    ],
)
def test_parts_are_sent(served: Served, asked: str, begin: int, end: int, noted: int) -> None:
    status, data, headers = served.ask(Range=asked)
    assert (status, data) == (206, PDF[begin:end])
    assert headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(PDF)}"
    assert headers["Content-Length"] == str(end - begin)
    assert served.noted() == noted


def test_a_part_that_is_not_there_is_refused(served: Served) -> None:
    status, _, headers = served.ask(Range=f"bytes={len(PDF)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(PDF)}")
    assert served.noted() == 0


def test_several_parts_at_once_are_answered_with_the_whole(served: Served) -> None:
    status, data, headers = served.ask(Range="bytes=0-0,10-20")
    assert (status, data, "Content-Range" in headers) == (200, PDF, False)


def test_a_part_of_another_file_is_not_mixed_in(served: Served) -> None:
    status, data, _ = served.ask(Range="bytes=10-19", If_Range=f'"{SHA256}"')
    assert (status, data) == (206, PDF[10:20])
    status, data, _ = served.ask(Range="bytes=10-19", If_Range='"another"')
    assert (status, data) == (200, PDF)


def test_an_altered_file_is_not_served(served: Served) -> None:
    assert served.ask()[0] == 200
    file = served.file()
    before = file.stat()
    file.write_bytes(PDF.replace(b"EOF", b"EOT"))
    assert served.ask()[0] == 404
    # Nor where whoever altered it put the clock back.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert served.ask()[0] == 404
    file.write_bytes(PDF)
    assert served.ask()[0] == 200
    file.unlink()
    assert served.ask()[0] == 404


def test_parts_and_questions_are_for_those_who_may_read(served: Served, sign_in: SignIn) -> None:
    for name in ("designer2", "admin"):
        sign_in(served.client, name)
        for method, headers in (
            ("GET", {"Range": "bytes=0-9"}),
            ("HEAD", {}),
            ("GET", {"If_None_Match": f'"{SHA256}"'}),
        ):
            status, data, found = served.ask(method, **headers)
            assert status in (403, 404)
            assert PDF[:10] not in data
            assert SHA256 not in str(found)
    assert served.noted() == 0


def test_the_value_of_a_record_has_a_tag_too(served: Served) -> None:
    url = served.url.removesuffix("/en.pdf")
    digest = url.rsplit("/", 1)[1]
    answer = served.client.get(f"{url}.json")
    assert answer.headers["ETag"] == f'"{digest}"'
    assert hashlib.sha256(answer.data).hexdigest() == digest
    again = served.client.get(f"{url}.json", headers={"If-None-Match": f'"{digest}"'})
    assert (again.status_code, again.data) == (304, b"")
    assert served.noted() == 1
