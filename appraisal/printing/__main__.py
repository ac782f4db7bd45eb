"""The process that renders is ``python -m appraisal.printing MEMORY SECONDS``, started by ``worker``."""

import gc
import math
import os
import signal
import sys
from typing import IO

from appraisal.language.texts import language_or
from appraisal.printing.rendering import parse, prepare, render
from appraisal.printing.worker import ANSWER, DONE, FAILED, OUT_OF_MEMORY, REQUEST
from appraisal.processes import limit_memory, read_exactly


def serve(requests: IO[bytes], answers: IO[bytes], seconds: float) -> None:
    """Answer requests until there are no more of them."""
    while True:
        try:
            language, length = REQUEST.unpack(read_exactly(requests, REQUEST.size))
            value = read_exactly(requests, length)
        except EOFError:
            return
        # The other end kills this process in time; should it be gone itself, nothing runs on without end.
        if hasattr(signal, "alarm"):
            signal.alarm(math.ceil(seconds) + 5)
        outcome, body = _answer(value, language.decode())
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        answers.write(ANSWER.pack(outcome, len(body)) + body)
        answers.flush()
        # What the layout leaves behind refers to itself, and would stay for some twenty records more.
        del value, body
        gc.collect()


def _answer(value: bytes, language: str) -> tuple[bytes, bytes]:
    try:
        return DONE, render(parse(value), language_or(language))
    except MemoryError:
        return OUT_OF_MEMORY, b"the record needs more memory than the process may have"
    except (OSError, ImportError):
        # Says nothing of the record: this process ends, and another one tries again later.
        raise
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {error}".encode()


def main() -> None:
    """Serve over what were standard input and output; what libraries print goes where errors go."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    # The server decides when this process ends, not the keyboard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory(memory)
    prepare()
    # Layout makes millions of objects that live as long as the record; collecting early finds nothing.
    gc.set_threshold(50_000, 20, 50)
    serve(requests, answers, seconds)


if __name__ == "__main__":
    main()
