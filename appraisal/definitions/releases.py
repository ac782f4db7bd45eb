"""The lock beside the definitions holds the digest of every released one.

A released file never changes; correction is the next version. Until release 1.0 of the product what it ships
may be locked anew.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from appraisal.canonical import digest
from appraisal.definitions.documents import Path_, contents_of, digest_of
from appraisal.errors import Fault, FaultyInput
from appraisal.product import VERSION

LOCK: Final = "released.json"
# So much of the digest of a part tells that it was edited, which the digest of the whole proves.
_SHORT: Final = 12


@dataclass(frozen=True, slots=True)
class Release:
    """The digest of a released definition, and of each of its parts by its place in the file."""

    digest: str
    parts: Mapping[str, str]


def release_of(definition: BaseModel) -> Release:
    """Return the release of a definition as it is now."""
    parts = {}
    for name, value in contents_of(definition).items():
        inner: Any = value
        if isinstance(value, list):
            inner = dict(enumerate(value))
        for key, part in inner.items() if isinstance(inner, dict) else [("", value)]:
            parts[f"{name}.{key}" if key != "" else name] = digest({"": part})[:_SHORT]
    return Release(digest_of(definition), parts)


def edited_places(locked: Release, present: Release) -> list[Path_]:
    """Return the places in the file at which a definition is not what was released."""
    names = [name for name, sealed in present.parts.items() if locked.parts.get(name) != sealed]
    # What was taken out has no place any more: what it stood in is named.
    names += [name.partition(".")[0] for name in locked.parts if name not in present.parts]
    return [_path(name) for name in names]


def _path(name: str) -> Path_:
    first, _, second = name.partition(".")
    place = "schema" if first == "schema_" else first
    if not second:
        return (place,)
    return (place, int(second) if second.isdecimal() else second)


def read_lock(folder: Path) -> Mapping[str, Release]:
    """Return what is released in a folder, by key; nothing where there is no lock.

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
    if not isinstance(locked, dict) or not all(map(_is_release, locked.values())):
        raise FaultyInput(
            [Fault(str(file), 1, "the lock holds the digests of each released key, and nothing else")]
        )
    return {key: Release(**value) for key, value in locked.items()}


def _is_release(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"digest", "parts"}
        and isinstance(value["digest"], str)
        and isinstance(value["parts"], dict)
        and all(isinstance(sealed, str) for sealed in value["parts"].values())
    )


def add_to_lock(folder: Path, definitions: Mapping[str, BaseModel], *, anew: bool = False) -> None:
    """Release definitions by their keys: write their digests into the lock of their folder.

    Raises ``FaultyInput`` for each key that is released with another digest already. Until release 1.0 of the
    product they may be locked ``anew``: then nothing else stays in the lock, whatever it holds.
    """
    anew = anew and may_lock_anew()
    locked = {} if anew else read_lock(folder)
    found = {key: release_of(entry) for key, entry in definitions.items()}
    changed = [key for key, entry in found.items() if key in locked and locked[key].digest != entry.digest]
    if changed:
        raise FaultyInput(
            Fault(
                str(folder / LOCK),
                1,
                f"‘{key}’ is released with another digest; correct it in the next version",
            )
            for key in changed
        )
    entries = {
        key: {"digest": entry.digest, "parts": dict(entry.parts)}
        for key, entry in {**locked, **found}.items()
    }
    written = json.dumps(entries, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / LOCK).write_text(written, encoding="utf-8")


def may_lock_anew(version: str = VERSION) -> bool:
    """Tell whether a version of the product may still lock anew what it has released: not from 1.0 on."""
    return int(version.partition(".")[0]) < 1


def seal_of(released: Mapping[str, str]) -> str:
    """Return one digest over all that is released, as the change log names it."""
    return digest(dict(released))
