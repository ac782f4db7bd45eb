"""The QR code (ISO/IEC 18004) on the last page of a record, and what it says, are made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QUIET = 4


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code of a text: its path, and how wide it is in modules, the quiet zone around it included."""

    text: str
    path: str
    width: int


def address_of(value: Mapping[str, Any], digest: str) -> str:
    """Return where a record can be verified; empty where it names no address of its issuer."""
    issuer = value.get("issuer") or {}
    return f"{issuer['address']}/verify?sha256={digest}" if issuer.get("address") else ""


def code_of(value: Mapping[str, Any], digest: str) -> Code:
    """Return the code of a record: where it can be verified and its digest, or number and digest alone."""
    return code(address_of(value, digest) or f"{value['number']} sha256:{digest}")


def code(text: str) -> Code:
    """Return the QR code of a text, always the same; a sixth of it may be lost (error correction M)."""
    import segno

    made = segno.make(text, error="m", micro=False, boost_error=False)
    rows = [bytes(row) for row in made.matrix]
    return Code(text, "".join(_runs(rows)), len(rows) + 2 * QUIET)


def _runs(rows: list[bytes]) -> list[str]:
    """Return the dark modules, run by run along the rows."""
    found: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            length = 0
            while x + length < len(row) and row[x + length]:
                length += 1
            if length:
                found.append(f"M{x + QUIET} {y + QUIET}h{length}v1h-{length}z")
            x += length or 1
    return found
