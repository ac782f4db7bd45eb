"""A PDF of a record is read here by pypdf with strict limits.

Files come from anywhere, so ``isolated`` has this done by processes of their own, through ``python -m
appraisal.verification.reading.record_pdf MEMORY SECONDS``.
"""

import io
import json
import os
import re
import signal
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from appraisal.errors import AppraisalError
from appraisal.language.texts import N_
from appraisal.processes import limit_memory, read_exactly
from appraisal.verification.reading.page_text import Glyphs
from appraisal.verification.reading.signatures import Grounds, Signature, examine_pdf, load_grounds, prepare

Reason = Literal[
    "not_pdf",
    "truncated",
    "too_large",
    "encrypted",
    "broken",
    "no_record",
    "two_records",
    "record_damaged",
    "record_too_large",
    "out_of_bounds",
]
SENTENCES: dict[Reason, str] = {
    "not_pdf": N_("This is not a PDF."),
    "truncated": N_("The file is cut off: its end is missing."),
    "too_large": N_("The file is larger than 64 MB, so it was not opened."),
    "encrypted": N_("The file is encrypted, which no record is."),
    "broken": N_("The file is damaged: what it is made of cannot be read."),
    "no_record": N_("No record is embedded in this file (record.json)."),
    "two_records": N_("Two records are embedded in this file; a record's file has exactly one."),
    "record_damaged": N_("The embedded record is damaged: it cannot be unpacked."),
    "record_too_large": N_("The embedded record is larger than 32 MB, so it was not read."),
    "out_of_bounds": N_(
        "Reading the file takes more time or memory than any record does, so it was given up."
    ),
}
LARGEST_FILE = 64 * 2**20
LARGEST_RECORD = 32 * 2**20
RECORD = "record.json"
# Reading the text of a page is slow; of a file with more pages only so many are read.
PAGES_READ = 100
# A name tree of a record has one leaf.
_NODES = 1000
# Frames: the lengths of what a signature is judged by and of the file one way, of the answer the other way.
REQUEST = struct.Struct(">II")
ANSWER = struct.Struct(">I")
# What a signature stands in, anywhere in the bytes; without, loading all that examines one would be in vain.
_MAY_BE_SIGNED = b"/ByteRange"
_END = re.compile(rb"[\r\n]startxref\s+\d+\s+%%EOF")


class Unreadable(AppraisalError):
    """A file holds no record that can be read; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(SENTENCES[reason])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file carries.

    ``texts`` are those of the first pages, without blanks; ``titles`` what names the file in its two kinds of
    metadata; ``others`` what else is attached; ``ends`` how many times the file comes to an end, and
    ``is_appended`` whether anything follows but the one update that a signature is.
    """

    record: bytes
    language: str
    titles: tuple[str, ...]
    pages: int
    texts: tuple[str, ...]
    others: tuple[str, ...]
    ends: int
    is_appended: bool
    signature: Signature | None = None


def read(data: bytes, grounds: Grounds, *, pages: int = PAGES_READ) -> Reading:
    """Read a file and the text of so many pages, and judge its signature; raises ``Unreadable``.

    Time and memory are bounded only by the limits of pypdf.
    """
    if len(data) > LARGEST_FILE:
        raise Unreadable("too_large")
    if not data.startswith(b"%PDF-"):
        raise Unreadable("not_pdf")
    ends = list(_END.finditer(data))
    if not ends:
        raise Unreadable("truncated")
    try:
        return _read(data, grounds, pages, ends)
    except MemoryError:
        raise Unreadable("out_of_bounds") from None
    # What pypdf raises over a damaged file is of many kinds: of its own, and of Python's.
    except (AppraisalError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise Unreadable("out_of_bounds" if _wants_memory(error) else "broken") from error


def _wants_memory(error: BaseException | None) -> bool:
    """Tell whether want of memory is behind an error, whatever was made of it on the way."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__context__
    return error is not None


def _read(data: bytes, grounds: Grounds, pages: int, ends: list[re.Match[bytes]]) -> Reading:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=True)
    if reader.is_encrypted:
        raise Unreadable("encrypted")
    root = reader.root_object
    record, others = _attached(root)
    signature = examine_pdf(data, grounds) if "/AcroForm" in root or _MAY_BE_SIGNED in data else None
    updates = 0 if signature is None else 1
    return Reading(
        record=record,
        language=str(root.get("/Lang", "")),
        titles=_titles(reader, root),
        pages=len(reader.pages),
        texts=_texts(reader, pages),
        others=others,
        ends=len(ends),
        is_appended=len(ends) > 1 + updates or bool(data[ends[-1].end() :].strip()),
        signature=signature,
    )


def _texts(reader: Any, most: int) -> tuple[str, ...]:
    """Return the texts of the first pages without blanks."""
    glyphs = Glyphs()
    return tuple(
        "".join((_text(glyphs.read, page) or _text(_extract, page) or "").split())
        for _, page in zip(range(most), reader.pages, strict=False)
    )


def _text(read: Callable[[Any], str | None], page: Any) -> str | None:
    """Return the text of a page; None where it cannot be read, which a check then tells."""
    try:
        return read(page)
    except MemoryError:
        raise
    except Exception:
        return None


def _extract(page: Any) -> str:
    text: str = page.extract_text()
    return text


def _titles(reader: Any, root: Any) -> tuple[str, ...]:
    described = root["/Metadata"].get_data() if "/Metadata" in root else b""
    named = re.search(rb"<dc:title>(.{0,5000}?)</dc:title>", described, re.DOTALL)
    info = reader.metadata
    return (str(info.title or "") if info else "", named[1].decode(errors="replace") if named else "")


def _attached(root: Any) -> tuple[bytes, tuple[str, ...]]:
    """Return the one record that is attached, and the names of whatever else is."""
    records: dict[object, Any] = {}
    others: list[str] = []
    for names, spec in _specs(root):
        if RECORD in {name.casefold() for name in names}:
            for file in spec["/EF"].values():
                records[_identity(file)] = file.get_object()
        else:
            others.append(next(iter(sorted(names)), "?")[:200])
    if not records:
        raise Unreadable("no_record")
    if len(records) > 1:
        raise Unreadable("two_records")
    [stream] = records.values()
    return _unpacked(stream), tuple(dict.fromkeys(others))


def _specs(root: Any) -> Iterator[tuple[set[str], Any]]:
    """Yield every file that the catalogue names, from both places where it does, with all its names."""
    for entry in root.get("/AF", ()):
        spec = entry.get_object()
        yield _names_of(spec), spec
    waiting = [root["/Names"].get("/EmbeddedFiles")] if "/Names" in root else []
    for _ in range(_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if node is None:
            continue
        node = node.get_object()
        waiting.extend(node.get("/Kids", ())[:_NODES])
        leaves = node.get("/Names", ())
        for name, entry in zip(leaves[::2], leaves[1::2], strict=True):
            spec = entry.get_object()
            yield {str(name), *_names_of(spec)}, spec
    raise Unreadable("out_of_bounds")


def _names_of(spec: Any) -> set[str]:
    return {str(spec[key]) for key in ("/F", "/UF") if key in spec}


def _identity(file: Any) -> object:
    reference = getattr(file, "idnum", None)
    return (reference, file.generation) if reference is not None else id(file)


def _unpacked(stream: Any) -> bytes:
    """Unpack a stream strictly: pypdf's own way returns what it can of a damaged one."""
    # The only way to the bytes as they lie in the file.
    packed: bytes = stream._data
    filters = stream.get("/Filter")
    if filters is None:
        found, whole = packed, True
    elif filters in ("/FlateDecode", ["/FlateDecode"]) and "/DecodeParms" not in stream:
        unpacking = zlib.decompressobj()
        try:
            found = unpacking.decompress(packed, LARGEST_RECORD + 1)
        except zlib.error:
            raise Unreadable("record_damaged") from None
        whole = unpacking.eof
    else:
        raise Unreadable("record_damaged")
    if len(found) > LARGEST_RECORD:
        raise Unreadable("record_too_large")
    if not whole:
        raise Unreadable("record_damaged")
    return found


def dump(reading: Reading) -> bytes:
    """Write a reading for the other end of a pipe: a line of JSON, then the record."""
    kept = (key for key in Reading.__slots__ if key not in ("record", "signature"))
    head = {key: getattr(reading, key) for key in kept}
    head["signature"] = asdict(reading.signature) if reading.signature else None
    return json.dumps(head).encode() + b"\n" + reading.record


def load(dumped: bytes) -> Reading:
    """Read back what ``dump`` wrote; raises ``Unreadable`` where a line names a reason instead."""
    line, _, record = dumped.partition(b"\n")
    head = json.loads(line)
    if "reason" in head:
        raise Unreadable(head["reason"])
    lists = {key: tuple(head[key]) for key in ("titles", "texts", "others")}
    made = head["signature"]
    signature = Signature(**{**made, "problems": tuple(made["problems"])}) if made else None
    return Reading(**{**head, **lists, "record": record, "signature": signature})


def main() -> None:
    """Read files over what were standard input and output; what libraries print goes where errors go."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    # The other end decides when this process ends, not the keyboard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Before the first file, so that none has to wait for it, and want of memory is met by what can name it.
    import pypdf  # noqa: F401

    while True:
        try:
            line, length = REQUEST.unpack(read_exactly(requests, REQUEST.size))
            grounds, data = read_exactly(requests, line), read_exactly(requests, length)
        except EOFError:
            return
        if _MAY_BE_SIGNED in data:
            prepare()
        answer = _apart(grounds, data, memory, seconds) if hasattr(os, "fork") else _answer(grounds, data)
        answers.write(ANSWER.pack(len(answer)) + answer)
        answers.flush()


def _apart(grounds: bytes, data: bytes, memory: int, seconds: int) -> bytes:
    """Answer by a process that is forked off, has limits, and ends; what it dies of harms no other file."""
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _limit(memory, seconds)
            with os.fdopen(ours, "wb") as pipe:
                pipe.write(_answer(grounds, data))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(ours)
    with os.fdopen(theirs, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return answer if status == 0 else _refused("out_of_bounds")


def _limit(memory: int, seconds: int) -> None:
    import resource

    limit_memory(memory)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    # Where not even so much is left, any file would be found broken.
    bytearray(2**20)


def _answer(grounds: bytes, data: bytes) -> bytes:
    try:
        return dump(read(data, load_grounds(grounds)))
    except Unreadable as error:
        return _refused(error.reason)


def _refused(reason: Reason) -> bytes:
    return json.dumps({"reason": reason}).encode() + b"\n"


if __name__ == "__main__":
    main()
