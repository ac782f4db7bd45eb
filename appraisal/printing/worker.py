"""One long-lived process renders, with limits on time and memory, and is replaced when it fails.

``__main__`` is its other end.
"""

import struct
from typing import Literal

from appraisal.errors import AppraisalError
from appraisal.language.texts import Language
from appraisal.processes import Keeper, Lost, Process

Reason = Literal["timeout", "memory", "crash", "refused"]

# Frames: language and length of the JSON one way, outcome and length of what follows the other way.
REQUEST = struct.Struct(">2sI")
ANSWER = struct.Struct(">cI")
DONE, FAILED, OUT_OF_MEMORY = b"D", b"F", b"M"

SECONDS = 30.0
MEMORY = 2 * 1024**3
RENDERS = 200


class RenderingFailed(AppraisalError):
    """A record could not be rendered; ``reason`` says how, the message what the process said."""

    def __init__(self, reason: Reason, said: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {said}")


class Renderer(Keeper):
    """Renders records and reports in a process of its own; one at a time, whichever thread asks.

    ``seconds`` is the time on the wall that one record may take, ``memory`` the bytes of address space that
    the process may use (where the system knows such a limit), ``renders`` after how many it is replaced.
    """

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY, renders: int = RENDERS) -> None:
        super().__init__()
        self.seconds = seconds
        self.memory = memory
        self.renders = renders

    def render(self, value_json: bytes, language: Language) -> bytes:
        """Return the PDF of a record, whose canonical JSON is given; raises ``RenderingFailed``.

        The process survives a value that is not a record's (``refused``). After a timeout, a crash or want
        of memory it is gone, and the next record gets a new one.
        """
        request = REQUEST.pack(language.encode(), len(value_json)), value_json
        try:
            with self._lent() as process:
                outcome, body = process.ask(request, ANSWER, self.seconds)
                if process.answered >= self.renders or outcome == OUT_OF_MEMORY:
                    process.end()
        except Lost as error:
            raise RenderingFailed(error.reason, error.said) from None
        if outcome != DONE:
            reason: Reason = "memory" if outcome == OUT_OF_MEMORY else "refused"
            raise RenderingFailed(reason, body.decode(errors="replace"))
        found: bytes = body
        return found

    def _start(self) -> Process:
        return Process("appraisal.printing", str(self.memory), str(self.seconds))
