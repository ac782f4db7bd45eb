"""PDFs from anywhere are each read by a process of their own, so that no file takes the product with it.

The process is given the bytes and nothing else, neither settings nor secrets, has limits on time and memory,
and answers once. It is forked off one that has loaded what reads files and has read none, which waits for the
next; where the system cannot fork, each is started anew.
"""

import os
from typing import Final

from appraisal.processes import Keeper, Lost, Process
from appraisal.verification.reading.record_pdf import ANSWER, LARGEST_FILE, REQUEST, Reading, Unreadable, load
from appraisal.verification.reading.signatures import Grounds

MEMORY: Final = 1024 * 2**20
SECONDS: Final = 20


class Opener(Keeper):
    """Reads files one at a time, whichever thread asks; each within so many bytes and seconds."""

    def __init__(self, *, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        super().__init__()
        self.memory = memory
        self.seconds = seconds

    def open(self, data: bytes, grounds: Grounds) -> Reading:
        """Read what the PDF of a record carries; raises ``Unreadable``."""
        if len(data) > LARGEST_FILE:
            raise Unreadable("too_large")
        line = grounds.dump()
        request = REQUEST.pack(len(line), len(data)), line, data
        try:
            with self._lent() as process:
                [dumped] = process.ask(request, ANSWER, self.seconds)
                if not hasattr(os, "fork"):
                    process.end()
        except Lost:
            raise Unreadable("out_of_bounds") from None
        return load(dumped)

    def _start(self) -> Process:
        return Process("appraisal.verification.reading.record_pdf", str(self.memory), str(self.seconds))


def open_pdf(data: bytes, grounds: Grounds, *, memory: int = MEMORY, seconds: int = SECONDS) -> Reading:
    """Read what the PDF of a record carries, within so many bytes and seconds; raises ``Unreadable``."""
    with Opener(memory=memory, seconds=seconds) as opener:
        return opener.open(data, grounds)
