"""Releases: the lock beside the definitions, which holds the digest of every released one.

A released file never changes; correction is the next version.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appraisal.errors import Fault, FaultyInput

LOCK = "released.json"


def read_lock(folder: Path) -> Mapping[str, str]:
    """Return the digests of what is released in a folder, by key; none where there is no lock.

    Raises ``FaultyInput`` for a lock that is not JSON, or not keys with digests.
    """
    file = folder / LOCK
    if not file.is_file():
        return {}
    try:
        locked: Any = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise FaultyInput([Fault(str(file), error.lineno, f"not JSON: {error.msg}")]) from None
    except UnicodeDecodeError as error:
        raise FaultyInput([Fault(str(file), 1, f"not JSON: {error.reason}")]) from None
    if not isinstance(locked, dict) or not all(isinstance(value, str) for value in locked.values()):
        raise FaultyInput(
            [Fault(str(file), 1, "the lock holds the digest of each released key, and nothing else")]
        )
    return locked


def add_to_lock(folder: Path, key: str, digest: str) -> None:
    """Release a definition: write its digest into the lock of its folder.

    Raises ``FaultyInput`` when the key is released with another digest already.
    """
    locked = read_lock(folder)
    if locked.get(key, digest) != digest:
        message = f"‘{key}’ is released with another digest; correct it in the next version"
        raise FaultyInput([Fault(str(folder / LOCK), 1, message)])
    entries = {**locked, key: digest}
    (folder / LOCK).write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
