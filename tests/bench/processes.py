"""Processes: what one of its own took, so that nothing of before counts."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds, and the most memory at once, in MB (of a million bytes)."""

    seconds: float
    memory: float


def run(*arguments: str, code: int = 0, **environment: str) -> Spent:
    """Run this interpreter to its end; fails where that one did not end with the code expected."""
    given: Mapping[str, str] = {**os.environ, **environment}
    with subprocess.Popen([sys.executable, *arguments], env=given, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == code, arguments
    # In kilobytes of 1024 bytes on Linux, which is where benches run.
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
