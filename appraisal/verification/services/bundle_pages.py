"""An auditor first opens these pages of a bundle: an index and one for each proposal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from appraisal.clock import GENEVA, geneva_date
from appraisal.language.texts import N_, Language, say, write_day
from appraisal.paths import folder
from appraisal.people.facts import Person
from appraisal.proposals.rules import form
from appraisal.records.rules.validity import Validity
from appraisal.verification.rules.bundle_manifest import Asked

if TYPE_CHECKING:
    from jinja2 import Environment

_KINDS = {"appraisal": N_("Appraisal record"), "decision": N_("Decision sheet")}


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a bundle: where it lies, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal with its files; ``proven`` is the event up to which a checkpoint covers its chain, or 0.

    ``validities`` tells by its digest whether each record counted at the moment of the bundle; ``names`` are
    those of the people whom the events name by their numbers.
    """

    row: Any
    state: str
    versions: Sequence[tuple[Any, Kept]]
    records: Sequence[tuple[Any, Kept, Sequence[tuple[str, Kept]]]]
    documents: Sequence[tuple[Any, Kept]]
    events: Kept
    proof: Kept | None
    proven: int
    validities: Mapping[str, Validity]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A proposal as the index lists it, with how many records it has; nothing that is long stays with it."""

    row: Any
    state: str
    records: int
    proven: int


def index(shown: Sequence[Listed], asked: Asked, by: Person, now: datetime, language: Language) -> bytes:
    """Draw the first page: what was asked, when and by whom, the proposals, and how to check it all."""
    template = _environment(language).get_template("verification/bundle_index.html")
    return template.render(shown=shown, asked=asked, by=by, now=now, language=language).encode()


def proposal(shown: Shown, events: Sequence[Any], language: Language) -> bytes:
    """Draw the page of a proposal: its records, versions, attached files and events.

    Each event comes with what it says in sentences.
    """
    template = _environment(language).get_template("verification/bundle_proposal.html")
    return template.render(shown=shown, events=events, language=language).encode()


@cache
def _environment(language: Language) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {kind.value: kind.label for kind in form.DOCUMENT_KINDS}
    environment.globals.update(
        _=partial(say, language),
        record_title=lambda kind: say(language, _KINDS[kind]),
        document_title=lambda kind: say(language, kinds[kind]) if kind in kinds else kind,
    )
    environment.filters["day"] = lambda moment: write_day(language, geneva_date(moment)) if moment else "–"
    environment.filters["moment"] = lambda moment: (
        f"{write_day(language, geneva_date(moment))}, {moment.astimezone(GENEVA):%H:%M}"
    )
    environment.filters["kilobytes"] = lambda size: f"{-(-size // 1000)} kB"
    return environment
