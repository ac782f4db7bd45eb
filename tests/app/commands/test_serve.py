"""Serving: a real server as ‘appraisal serve’ runs it, asked by many at once, some of whom mean no good."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest

from tests import casts
from tests.web import building
from tests.web.building import Cast

# What every interpreter runs that the server starts: one that reads a file says that it is there, and begins
# only when it is told to. To the server it is as busy as with a large file; the machine has nothing to do.
_HELD_BACK: Final = """
import os, socket, sys
if "appraisal.verification.reading.record_pdf" in sys.orig_argv:
    with socket.create_connection(("127.0.0.1", {port})) as held:
        held.sendall(b"%d\\n" % os.getpid())
        held.recv(1)
"""
_FILE: Final = {"file": ("record.pdf", casts.PDF)}
Answer = tuple[int, Mapping[str, str], str]


@dataclass
class Browser:
    """One visitor, with cookies and the token of the last form; each request on a connection of its own."""

    port: int
    host: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(self.host, 0))
        connection.request(method, path, body or None, named)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        if found := re.search(r'name="csrf_token" value="([^"]+)"', text):
            self.token = found[1]
        return answer.status, dict(answer.headers), text

    def send(self, path: str, form: Mapping[str, Any], **headers: str) -> Answer:
        """Send a form; the page that it is on was opened before."""
        kind, body = _encoded({**form, "csrf_token": self.token})
        return self.ask("POST", path, body, Content_Type=kind, **headers)

    def send_and_leave(self, path: str, form: Mapping[str, Any]) -> None:
        """Send a form, and go before it is answered."""
        kind, body = _encoded({**form, "csrf_token": self.token})
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, body, {"Content-Type": kind, "Cookie": cookie})
        connection.close()

    def sign_in(self, who: str) -> int:
        """Sign somebody in by the page."""
        self.ask("GET", "/sign-in")
        return self.send("/sign-in", {"email": f"{who}@example.org", "password": building.PASSWORD})[0]


def _encoded(form: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the kind and the bytes of a form; a file is a pair of its name and what is in it."""
    boundary = "----a-form"
    parts = []
    for name, value in form.items():
        filename, data = value if isinstance(value, tuple) else (None, str(value).encode())
        of_file = f'; filename="{filename}"' if filename else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


@contextmanager
def serving(data: Path, *arguments: str, **environment: str) -> Iterator[tuple[int, list[str]]]:
    """Run the command; return its port, and the two lines that it says first."""
    command = [sys.executable, "-m", "appraisal", "serve", "--port", "0", *arguments]
    # Whatever the processes leave when they are killed goes with the folder.
    own = {"PYTHONUNBUFFERED": "1", "APPRAISAL_DATA": str(data), "TMPDIR": str(data)}
    environment = {**os.environ, **own, **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            said = [server.stdout.readline(), server.stdout.readline()]
            found = re.search(r":(\d+)", said[0])
            assert found is not None
            yield int(found[1]), said
        finally:
            server.terminate()


@pytest.fixture
def data(tmp_path: Path, template: tuple[Path, Cast]) -> Path:
    """Return the folder of an installation with the cast and no proposal."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copyfile(template[0], folder / "appraisal.sqlite3")
    return folder


@dataclass
class Reader:
    """A process that is about to read a file, and waits to be told to."""

    held: socket.socket
    pid: int

    def go_on(self) -> None:
        """Let it read."""
        self.held.close()

    def kill(self) -> None:
        """Kill it, as the system does where memory is short."""
        os.kill(self.pid, signal.SIGKILL)
        self.held.close()


@dataclass
class Readers:
    """Everything that the server has read, as the processes that do it come up."""

    listener: socket.socket
    stack: ExitStack

    def next(self) -> Reader:
        """Return the next one to come, which has read nothing yet."""
        held, _ = self.listener.accept()
        held.settimeout(60)
        self.stack.enter_context(held)
        with held.makefile("rb") as said:
            return Reader(held, int(said.readline()))


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    """Hold back every process that reads files."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(60)
        startup = tmp_path / "startup"
        startup.mkdir()
        code = _HELD_BACK.format(port=listener.getsockname()[1])
        (startup / "sitecustomize.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(startup))
        yield Readers(listener, stack)


def _seconds_to_sign_in(port: int) -> float:
    begun = time.monotonic()
    assert Browser(port).sign_in("desk") == 303
    return time.monotonic() - begun


@pytest.mark.thorough
def test_whoever_has_files_examined_keeps_nobody_else_waiting(data: Path, readers: Readers) -> None:
    with serving(data) as (port, _), ThreadPoolExecutor(16) as pool:
        _seconds_to_sign_in(port)
        alone = _seconds_to_sign_in(port)
        stranger, desk = Browser(port), Browser(port)
        stranger.ask("GET", "/verify")
        assert desk.sign_in("desk") == 303
        desk.ask("GET", "/verify")

        # Twelve at once: two are examined, and the others are told to come again before those are done with.
        sent = [pool.submit(stranger.send, "/verify", _FILE, Accept_Language="fr") for _ in range(12)]
        first, second = readers.next(), readers.next()
        refused = [future.result() for future in islice(as_completed(sent), 10)]
        assert [status for status, _, _ in refused] == [503] * 10
        assert {headers["Retry-After"] for _, headers, _ in refused} == {"20"}
        assert all("autres personnes font examiner des fichiers" in text for _, _, text in refused)
        assert _seconds_to_sign_in(port) < min(20 * alone, 2)

        # A place is kept for people who are signed in, and no more than one.
        own = pool.submit(desk.send, "/verify", _FILE)
        third = readers.next()
        assert desk.send("/verify", _FILE)[0] == 503
        third.go_on()
        assert own.result()[0] == 422

        # A place is given back whatever becomes of the process that reads.
        first.kill()
        second.go_on()
        answers = [future.result() for future in sent if future.result()[0] != 503]
        assert [status for status, _, _ in answers] == [422, 422]
        assert any("demande plus de temps" in text for _, _, text in answers)

        # And where whoever asked has gone.
        stranger.send_and_leave("/verify", _FILE)
        stranger.send_and_leave("/verify", _FILE)
        for reader in (readers.next(), readers.next()):
            reader.kill()
        # Each from an address of its own, of which there is no end to strangers.
        again = pool.submit(
            _try_until_examined, [replace(stranger, host=f"127.0.0.{n}") for n in range(2, 250)]
        )
        readers.next().go_on()
        assert again.result()[0] == 422


def _try_until_examined(strangers: Sequence[Browser]) -> Answer:
    answers = (stranger.send("/verify", _FILE) for stranger in strangers)
    return next(answer for answer in answers if answer[0] != 503)


@pytest.mark.thorough
def test_a_body_that_never_ends_takes_neither_thread_nor_place(data: Path) -> None:
    with serving(data) as (port, _), ExitStack() as stack:
        for _ in range(24):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(
                b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000
            )
        assert Browser(port).sign_in("desk") == 303


@pytest.mark.thorough
def test_what_is_far_too_large_is_not_taken_in(data: Path) -> None:
    with serving(data) as (port, _), socket.create_connection(("127.0.0.1", port)) as large:
        large.sendall(b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n")
        assert large.makefile("rb").readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"


def _raw(port: int, *lines: str) -> tuple[int, str]:
    """Send a request as it is; return the status and all of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sent:
        sent.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        answer = b"".join(iter(lambda: sent.recv(65536), b"")).decode(errors="replace")
    return int(answer.split()[1]), answer


@pytest.mark.thorough
def test_the_server_answers_to_its_names_and_says_which_they_are(data: Path) -> None:
    with serving(data) as (port, said):
        assert said == [
            f"Serving on http://127.0.0.1:{port}  (Ctrl+C stops)\n",
            "Answers to: localhost, 127.0.0.1, ::1  (APPRAISAL_ADDRESS sets another name)\n",
        ]
        assert _raw(port, "GET /sign-in HTTP/1.1", f"Host: localhost:{port}")[0] == 200
        assert _raw(port, "GET /sign-in HTTP/1.1", "Host: evil.example")[0] == 400
        assert _raw(port, "GET /sign-in HTTP/1.1", "Host: localhost", "Host: evil.example")[0] == 400
        assert _raw(port, "GET /sign-in HTTP/1.1")[0] == 400
        assert _raw(port, "GET http://localhost/sign-in HTTP/1.1", "Host: evil.example")[0] == 400


@pytest.mark.thorough
def test_a_server_with_an_address_leads_nowhere_else(data: Path) -> None:
    address = "https://appraisal.example.org"
    proxy = ("--trusted-proxy", "127.0.0.1")
    with serving(data, *proxy, "--secure-cookies", APPRAISAL_ADDRESS=address) as (port, said):
        assert said[1] == "Answers to: appraisal.example.org\n"
        assert _raw(port, "GET /sign-in HTTP/1.1", f"Host: localhost:{port}")[0] == 400
        asked = ("Host: appraisal.example.org:81", "X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.1")
        for target in ("/records", "/sign-in//", "http://evil.example/records"):
            for forged in (
                "X-Forwarded-Host: evil.example",
                "Forwarded: host=evil.example",
                "X-Original-Host: evil.example",
            ):
                status, answer = _raw(port, f"GET {target} HTTP/1.1", *asked, forged)
                assert status in (302, 404), target
                assert "evil" not in answer
                assert ":81" not in answer
                assert "Location: http" not in answer


@pytest.mark.thorough
def test_head_leaves_the_connection_as_it_should_be(data: Path) -> None:
    """What is sent as it is made has no length, and the server would end it where there is nothing."""
    with serving(data) as (port, _):
        desk = Browser(port)
        assert desk.sign_in("desk") == 303
        cookie = "; ".join(f"{name}={value}" for name, value in desk.cookies.items())
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for method, path in (
            ("HEAD", "/indicators/2.1/report.xlsx?biennium=2010-11"),
            ("HEAD", "/records"),
            ("HEAD", "/static/no-such-file"),
            ("GET", "/indicators/2.1/report.xlsx?biennium=2010-11"),
            ("HEAD", "/records"),
            ("GET", "/records"),
        ):
            connection.request(method, path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (
                404 if "no-such" in path else 200,
                method == "GET",
            )
        connection.close()


@pytest.mark.thorough
def test_connections_that_wait_for_nothing_keep_nobody_out(data: Path) -> None:
    head = b"POST /verify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"

    def asked(port: int) -> float:
        began = time.monotonic()
        assert _raw(port, "GET /sign-in HTTP/1.1", "Host: localhost")[0] == 200
        return time.monotonic() - began

    with serving(data) as (port, _), ExitStack() as stack:
        # The machine may be busy with something else; what it takes anyhow is no fault of theirs.
        usual = max(asked(port) for _ in range(2))
        # Somebody elsewhere, who is slow and means it.
        slow = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=("127.0.0.3", 0))
        stack.enter_context(slow).sendall(head)
        for place in range(130):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            half.sendall(b"" if place % 2 else b"GET /sign-in HTTP/1.1\r\nHost: local")
        for _ in range(3):
            assert asked(port) < 2 + usual
        slow.sendall(b"a=b")
        assert slow.makefile("rb").readline().startswith(b"HTTP/1.1 4")
