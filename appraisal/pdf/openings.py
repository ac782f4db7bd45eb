"""Openings: PDFs from anywhere, each read by a process of its own, so that no file takes the product with it.

The process is given the bytes and nothing else, neither settings nor secrets, has limits on time and memory,
and answers once. It is forked off one that has loaded what reads files and has read none, which waits for the
next; where the system cannot fork, each is started anew.
"""

import os
from threading import Lock
from types import TracebackType
from typing import Final, Self

from appraisal.pdf.processes import Lost, Process
from appraisal.pdf.readings import ANSWER, LARGEST_FILE, REQUEST, Reading, Unreadable, load
from appraisal.pdf.signatures import Grounds

MEMORY: Final = 1024 * 2**20
SECONDS: Final = 20


class Opener:
    """Reads files one at a time, whichever thread asks; each within so many bytes and seconds."""

    def __init__(self, *, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        self.memory = memory
        self.seconds = seconds
        self._turn = Lock()
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Return the id of the process that waits; None before the first file, and where it was lost."""
        return self._process.pid if self._process else None

    def open(self, data: bytes, grounds: Grounds) -> Reading:
        """Read what the PDF of a record carries; raises ``Unreadable``."""
        if len(data) > LARGEST_FILE:
            raise Unreadable("too_large")
        line = grounds.dump()
        with self._turn:
            process = self._ready()
            self._process = None
            request = REQUEST.pack(len(line), len(data)), line, data
            try:
                [dumped] = process.ask(request, ANSWER, self.seconds)
            except Lost:
                process.end()
                raise Unreadable("out_of_bounds") from None
            except BaseException:
                process.end()
                raise
            if hasattr(os, "fork"):
                self._process = process
            else:
                process.end()
        return load(dumped)

    def _ready(self) -> Process:
        if self._process is not None and self._process.has_ended:
            self._process.end()
            self._process = None
        return self._process or Process("appraisal.pdf.readings", str(self.memory), str(self.seconds))

    def close(self) -> None:
        """End the process that waits; the opener may be used again and starts another."""
        with self._turn:
            if self._process is not None:
                self._process.end()
                self._process = None


def open_pdf(data: bytes, grounds: Grounds, *, memory: int = MEMORY, seconds: int = SECONDS) -> Reading:
    """Read what the PDF of a record carries, within so many bytes and seconds; raises ``Unreadable``."""
    with Opener(memory=memory, seconds=seconds) as opener:
        return opener.open(data, grounds)
