"""A lesson is what an evaluation of an earlier project taught; its columns and their bounds stand here.

The checklists ask which lessons a design used (GB.306/TC/1, para. 34); a form or a rating cites
one by its code and its source.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final
from urllib.parse import urlsplit

from appraisal.language.texts import N_
from appraisal.proposals.rules import content
from appraisal.proposals.rules.content import Complaint
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT

CODE_LIMIT: Final = 40
# Code and source have to fit together into the line of the form that cites them.
SOURCE_LIMIT: Final = LINE_LIMIT - CODE_LIMIT - len(", ")
_LIMITS: Final[Mapping[str, int]] = {
    "code": CODE_LIMIT,
    "text": PROSE_LIMIT,
    "place": LINE_LIMIT,
    "theme": LINE_LIMIT,
    "outcome": LINE_LIMIT,
    "source": SOURCE_LIMIT,
}
_NEEDED: Final = ("code", "text", "source")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(?:javascript|data|file|mailto):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson with where it was learned and where it is published.

    ``countries`` are codes as the form writes them, a space between; empty where the source does
    not say. ``source`` is an http(s) address or the name of a document.
    """

    code: str
    text: str
    place: str
    countries: str
    theme: str
    outcome: str
    source: str

    @property
    def reference(self) -> str:
        """Return how a form or a rating cites it."""
        return f"{self.code}, {self.source}"

    @property
    def address(self) -> str:
        """Return where it can be read; empty where the source is a document."""
        return self.source if _is_address(self.source) else ""


COLUMNS: Final = tuple(field.name for field in fields(Lesson))


def read(cells: Mapping[str, str]) -> tuple[Lesson, list[Complaint]]:
    """Make a lesson of the cells of a list, and say everything that is wrong in them."""
    kept = {key: cells[key].replace("\r\n", "\n").strip() for key in COLUMNS}
    codes = content.country_codes(kept["countries"])
    found = Lesson(**{**kept, "countries": " ".join(codes)})
    return found, list(_complaints(kept, codes))


def _complaints(kept: Mapping[str, str], codes: list[str]) -> Iterator[Complaint]:
    if any("\0" in cell for cell in kept.values()):
        # PostgreSQL stores none, and whatever else is in such a line was not typed either.
        yield _complaint("text", N_("there is a null character in it"))
        return
    for key in _NEEDED:
        if not kept[key]:
            yield _complaint(key, N_("“%(column)s” is empty"))
    for key, limit in _LIMITS.items():
        if len(kept[key]) > limit:
            yield _complaint(key, N_("“%(column)s” has more than %(limit)s characters"), limit=limit)
        if key != "text" and len(kept[key].splitlines()) > 1:
            yield _complaint(key, N_("“%(column)s” has more than one line"))
    unknown = [code for code in codes if code != content.GLOBAL and code not in content.countries()]
    if unknown:
        sentence = N_("not a country code of ISO 3166: %(codes)s")
        yield _complaint("countries", sentence, codes=", ".join(unknown))
    elif content.GLOBAL in codes and len(codes) > 1:
        yield _complaint("countries", N_("write either countries or “global”"))
    if _SCHEME.match(kept["source"]) and not _is_address(kept["source"]):
        sentence = N_("the source is neither an address that begins with http:// or https:// nor a document")
        yield _complaint("source", sentence)


def _complaint(column: str, sentence: str, **facts: Any) -> Complaint:
    return Complaint(column, sentence, {"column": column, **facts})


def _is_address(source: str) -> bool:
    try:
        parts = urlsplit(source)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", source)
    except ValueError:
        return False
