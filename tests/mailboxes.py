"""Mailboxes: a real SMTP server on loopback, which keeps what it takes and can be told to misbehave."""

import asyncio
import email
import os
import signal
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from appraisal.settings import MailServer

SENDER = "appraisal@office.example"
ADDRESS = "https://appraisal.office.example"


@dataclass
class Received:
    """One message as it came in: the address of its envelope, and what stands in it."""

    to: str
    message: EmailMessage

    @property
    def id(self) -> str:
        """Return its Message-ID."""
        return str(self.message["Message-ID"])

    def body(self, kind: str) -> str:
        """Return its part of a kind: plain or html."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())


@dataclass
class Mailboxes:
    """What the server has taken, and how it behaves; its methods are the hooks of aiosmtpd.

    ``answers`` gives for an address what the server says instead of taking it; ``says`` for a
    command (MAIL, DATA) what it says instead of doing it. It falls silent at the commands named in
    ``silent``. ``kills`` are the moments at which it kills ``victim``: a command, and the
    how-manieth from now on.
    """

    received: list[Received] = field(default_factory=list)
    connections: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    kill: tuple[str, int] | None = None
    victim: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    port: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    # Raised by one for each message taken.
    taken: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def server(self, **changes: Any) -> MailServer:
        """Return the settings under which this server is reached."""
        given = {"host": "127.0.0.1", "port": self.port, "sender": SENDER, "address": ADDRESS, **changes}
        return MailServer(**given)

    def ids(self) -> Counter[str]:
        """Count the messages by their Message-ID."""
        return Counter(entry.id for entry in self.received)

    async def _meet(self, command: str) -> str | None:
        self.counted[command] += 1
        if self.kill == (command, self.counted[command]):
            os.kill(self.victim, signal.SIGKILL)
        if command in self.silent:
            # Until the server is closed, which cancels this.
            await asyncio.Event().wait()
        return self.says.get(command)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take who a message is from."""
        if said := await self._meet("MAIL"):
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take whom a message is for."""
        await self._meet("RCPT")
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message; one that is answered is kept, and so is one over which the worker dies."""
        if "DATA" in self.says:
            return self.says["DATA"]
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=SMTPUTF8)
        assert isinstance(message, EmailMessage)
        if "DATA" not in self.silent:
            self.received += [Received(to, message) for to in envelope.rcpt_tos]
            self.taken.release()
        await self._meet("DATA")
        return "250 OK"

    @contextmanager
    def opened(self) -> Iterator["Mailboxes"]:
        """Listen on loopback: on a free port, and the next time on the same one."""
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(loop, listening), loop).result()
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(_end(), loop).result()
            listening.close()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _listen(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        def connected() -> SMTP:
            self.connections += 1
            return SMTP(self, hostname="mail.example", loop=loop, **self.options)

        await loop.create_server(connected, sock=listening)


async def _end() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def mute() -> Iterator[int]:
    """Listen and never say a word; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def encrypting(certificate: str, key: str) -> ssl.SSLContext:
    """Return what a server that speaks TLS needs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
