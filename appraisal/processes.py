"""This very interpreter is started with a module of ours, and spoken to in frames over its pipes.

A process is started anew (nothing is forked off, so threads and open databases of the server do no harm), and
is given no settings and no secrets.
"""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import IO, Any, Literal, Self

# What a process needs to run at all; everything else, settings first, stays here.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "WEASYPRINT_DLL_DIRECTORIES",
    "SYSTEMROOT",
)
_LAST_WORDS = 2000


class Lost(Exception):
    """A process was lost over what it was asked; ``said`` is how, with its last words."""

    def __init__(self, reason: Literal["timeout", "crash"], said: str) -> None:
        self.reason: Literal["timeout", "crash"] = reason
        self.said = said
        super().__init__(f"{reason}: {said}")


class Process:
    """One process, asked one thing at a time, with a folder for temporary files that goes when it goes."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.answered = 0
        self._folder = Path(tempfile.mkdtemp(prefix="appraisal-pdf-"))
        self._said = (self._folder / "said").open("w+b")
        root = str(Path(__file__).resolve().parents[1])
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment |= {"PYTHONPATH": os.pathsep.join(paths)}
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._folder))
        self._child = subprocess.Popen(  # noqa: S603 - this very interpreter, with a module of ours
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
            # So that whatever it starts ends with it.
            start_new_session=True,
        )
        self.pid = self._child.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone, for whatever reason."""
        return self._child.poll() is not None

    def ask(self, request: Sequence[bytes], head: struct.Struct, seconds: float) -> tuple[Any, ...]:
        """Send a request; return the fields of the answer's head, the last one replaced by what follows.

        That last field is the length of it. Raises ``Lost`` where the process dies or takes longer than so
        many seconds on the wall.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        expired: list[bool] = []

        def kill() -> None:
            expired.append(True)
            self._kill()

        timer = Timer(seconds, kill)
        timer.start()
        try:
            for part in request:
                self._child.stdin.write(part)
            self._child.stdin.flush()
            *fields, length = head.unpack(read_exactly(self._child.stdout, head.size))
            body = read_exactly(self._child.stdout, length)
        except (EOFError, OSError):
            if not expired:
                said = f"the process ended with {self._child.wait()}; {self._last_words()}"
                raise Lost("crash", said) from None
        finally:
            timer.cancel()
        if expired:
            raise Lost("timeout", f"no answer after {seconds:g} seconds")
        self.answered += 1
        return (*fields, body)

    def end(self) -> None:
        """End the process and remove what it left."""
        self._kill()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._child.wait()
        self._said.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        # Once it was waited for, its number may be that of anybody.
        if self.has_ended:
            return
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self._child.kill()

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-_LAST_WORDS:].decode(errors="replace").strip()


class Keeper(ABC):
    """Keeps a process ready for whatever is asked next; lent to one thread at a time."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._process: Process | None = None

    @abstractmethod
    def _start(self) -> Process:
        """Start a process."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Return the id of the process that is ready; None before it is asked, and where it was lost."""
        return self._process.pid if self._process else None

    @contextmanager
    def _lent(self) -> Iterator[Process]:
        """Lend the process, or a new one; it is kept unless it was ended, or something was raised."""
        with self._turn:
            process = self._process
            self._process = None
            if process is None or process.has_ended:
                if process is not None:
                    process.end()
                process = self._start()
            try:
                yield process
            except BaseException:
                process.end()
                raise
            if not process.has_ended:
                self._process = process

    def close(self) -> None:
        """End the process that is ready, once it has answered; another is started where more is asked."""
        with self._turn:
            if self._process is not None:
                self._process.end()
                self._process = None


def read_exactly(pipe: IO[bytes], length: int) -> bytes:
    """Read so many bytes; raises ``EOFError`` where the other end is gone before."""
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data


def limit_memory(size: int) -> None:
    """Limit the address space of this process to so many bytes, where the system knows such a limit."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
