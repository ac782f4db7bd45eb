"""Canonical JSON (RFC 8785) and its SHA-256: the form in which every fact is digested.

Money and other decimals are strings, since RFC 8785 numbers are IEEE doubles.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import rfc8785

from appraisal.clock import stamp


def plain(value: Any) -> Any:
    """Turn facts into what JSON knows: moments by :func:`stamp`, days as ISO 8601, decimals as strings.

    Raises ``TypeError`` for a float, whose digits would depend on who wrote them.
    """
    if value is None or (isinstance(value, bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


# In plain facts the encoder of the standard library, many times as fast, differs in nothing but this: whole
# numbers beyond a double's, and the order of keys with characters that UTF-16 writes as pairs, or after them.
_SPECIAL: Final = re.compile("[:,\\[]-?[0-9]{16}|^-?[0-9]{16}|[\ud800-\U0010ffff]")
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a value made of facts."""
    facts = plain(value)
    written = _encode(facts)
    return rfc8785.dumps(facts) if _SPECIAL.search(written) else written.encode()


def digest(value: Any) -> str:
    """Return the SHA-256, in lower-case hexadecimal, of the canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()
