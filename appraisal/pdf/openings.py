"""Openings: a PDF from anywhere, read by a process of its own, so that no file takes the product with it.

The process is given the bytes and nothing else, neither settings nor secrets, has limits on time and memory,
and answers once.
"""

import os
import subprocess
import sys
from pathlib import Path

from appraisal.pdf.readings import LARGEST_FILE, Reading, Unreadable, load
from appraisal.pdf.signatures import Grounds

MEMORY = 1024 * 2**20
SECONDS = 20
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")


def open_pdf(data: bytes, grounds: Grounds, *, memory: int = MEMORY, seconds: int = SECONDS) -> Reading:
    """Read what the PDF of a record carries, within so many bytes and seconds; raises ``Unreadable``."""
    if len(data) > LARGEST_FILE:
        raise Unreadable("too_large")
    root = str(Path(__file__).resolve().parents[2])
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter, with a module of ours
            [sys.executable, "-m", "appraisal.pdf.readings", str(memory), str(seconds)],
            input=grounds.dump() + b"\n" + data,
            capture_output=True,
            env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
            timeout=seconds,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise Unreadable("out_of_bounds") from None
    return load(done.stdout)


def open_file(file: Path, grounds: Grounds) -> Reading:
    """Read the file of a record; raises ``Unreadable``, or ``OSError`` where there is no such file."""
    with file.open("rb") as opened:
        # One byte more than may be, so that a larger file is seen without being read.
        return open_pdf(opened.read(LARGEST_FILE + 1), grounds)
