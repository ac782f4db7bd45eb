"""Workers: one long-lived process that renders, with limits on time and memory, replaced when it fails.

The process is started anew (nothing is forked, so threads and open databases of the server do no harm), is
given no settings and no secrets, and speaks in frames over its pipes; ``__main__`` is its other end.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import IO, Literal, Self

from appraisal.errors import AppraisalError
from appraisal.i18n import Language

Reason = Literal["timeout", "memory", "crash", "refused"]

# Frames: language and length of the JSON one way, outcome and length of what follows the other way.
REQUEST = struct.Struct(">2sI")
ANSWER = struct.Struct(">cI")
DONE, FAILED, OUT_OF_MEMORY = b"D", b"F", b"M"

SECONDS = 30.0
MEMORY = 2 * 1024**3
RENDERS = 200

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


class RenderingFailed(AppraisalError):
    """A record could not be rendered; ``reason`` says how, the message what the process said."""

    def __init__(self, reason: Reason, said: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {said}")


class Renderer:
    """Renders records and reports in a process of its own; one at a time, whichever thread asks.

    ``seconds`` is the time on the wall that one record may take, ``memory`` the bytes of address space that
    the process may use (where the system knows such a limit), ``renders`` after how many it is replaced.
    """

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY, renders: int = RENDERS) -> None:
        self.seconds = seconds
        self.memory = memory
        self.renders = renders
        self._turn = Lock()
        self._process: _Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Return the id of the process that is ready, None before the first record and after a failure."""
        return self._process.pid if self._process else None

    def render(self, value_json: bytes, language: Language) -> bytes:
        """Return the PDF of a record, whose canonical JSON is given; raises ``RenderingFailed``.

        The process survives a value that is not a record's (``refused``). After a timeout, a crash or want
        of memory it is gone, and the next record gets a new one.
        """
        with self._turn:
            process = self._ready()
            self._process = None
            try:
                answer = process.ask(value_json, language, self.seconds)
            except BaseException:
                process.end()
                raise
            if process.answered < self.renders:
                self._process = process
            else:
                process.end()
        if isinstance(answer, RenderingFailed):
            raise answer
        return answer

    def _ready(self) -> "_Process":
        if self._process is not None and self._process.has_ended:
            self._process.end()
            self._process = None
        return self._process or _Process(self.memory, self.seconds)

    def close(self) -> None:
        """End the process once its record is done; the renderer may be used again and starts another."""
        with self._turn:
            if self._process is not None:
                self._process.end()
                self._process = None


class _Process:
    """One process, with a folder for its temporary files that goes when it goes."""

    def __init__(self, memory: int, seconds: float) -> None:
        self.answered = 0
        self._folder = Path(tempfile.mkdtemp(prefix="appraisal-pdf-"))
        self._said = (self._folder / "said").open("w+b")
        root = str(Path(__file__).resolve().parents[2])
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment |= {"PYTHONPATH": os.pathsep.join(paths)}
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._folder))
        self._child = subprocess.Popen(  # noqa: S603 - this very interpreter, with a module of ours
            [sys.executable, "-m", "appraisal.pdf", str(memory), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
        )
        self.pid = self._child.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone, for whatever reason."""
        return self._child.poll() is not None

    def ask(self, value_json: bytes, language: Language, seconds: float) -> "bytes | RenderingFailed":
        """Have one record rendered; raises ``RenderingFailed`` where the process is lost by it."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        expired: list[bool] = []

        def kill() -> None:
            expired.append(True)
            self._child.kill()

        timer = Timer(seconds, kill)
        timer.start()
        try:
            self._child.stdin.write(REQUEST.pack(language.encode(), len(value_json)) + value_json)
            self._child.stdin.flush()
            outcome, length = ANSWER.unpack(read_exactly(self._child.stdout, ANSWER.size))
            body = read_exactly(self._child.stdout, length)
        except (EOFError, OSError):
            if not expired:
                said = f"the process ended with {self._child.wait()}; {self._last_words()}"
                raise RenderingFailed("crash", said) from None
        finally:
            timer.cancel()
        if expired:
            raise RenderingFailed("timeout", f"no record after {seconds:g} seconds")
        self.answered += 1
        if outcome == OUT_OF_MEMORY:
            raise RenderingFailed("memory", body.decode(errors="replace"))
        if outcome != DONE:
            return RenderingFailed("refused", body.decode(errors="replace"))
        return body

    def end(self) -> None:
        """End the process and remove what it left."""
        self._child.kill()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._child.wait()
        self._said.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-_LAST_WORDS:].decode(errors="replace").strip()


def read_exactly(pipe: IO[bytes], length: int) -> bytes:
    """Read so many bytes; raises ``EOFError`` where the other end is gone before."""
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
