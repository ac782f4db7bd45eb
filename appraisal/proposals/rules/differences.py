"""Versions of a proposal are compared here, in the order of the form."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, Literal, TypeVar

from appraisal.language.texts import N_
from appraisal.proposals.facts import Contribution, Document, Version
from appraisal.proposals.rules import form
from appraisal.proposals.rules.field_differences import RowDifference, compare_rows, compare_values, is_same
from appraisal.proposals.rules.form import Content, Field, Section
from appraisal.proposals.rules.text_differences import Run

T = TypeVar("T")

DOCUMENTS: Final = "documents"
# A contribution as it was frozen: what the form says, and what that was worth.
CONTRIBUTION: Final = (
    Field("donor", "line", N_("Donor")),
    Field("amount", "money", N_("Amount")),
    Field("currency", "line", N_("Currency (ISO 4217)")),
    Field("usd", "money", N_("US$")),
    Field("rate", "number", N_("Units for one US$")),
    Field("rate_on", "date", N_("Rate of")),
)


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A value that is another one now."""

    before: T
    after: T


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that changed: ``rows`` for a table, else ``runs``.

    Runs are pieces of text for prose and lines, members for countries and choices, and the whole
    value for everything else. Rows stand in their order after, those removed where they were.
    """

    path: str
    section: Section
    field: Field
    runs: tuple[Run, ...] = ()
    rows: tuple[RowDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentDifference:
    """A file that came, went, or took the place of another one of its kind."""

    status: Literal["added", "removed", "replaced"]
    kind: str
    before: Document | None = None
    after: Document | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changed; what is empty or None did not."""

    fields: tuple[FieldDifference, ...] = ()
    documents: tuple[DocumentDifference, ...] = ()
    contributions: tuple[RowDifference, ...] = ()
    usd: Change[Decimal] | None = None
    threshold_usd: Change[Decimal] | None = None
    track: Change[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing changed."""
        return self == Difference()

    @property
    def rows_touched(self) -> int:
        """Count the rows of the form that came, went, moved or changed."""
        return sum(row.is_touched for entry in self.fields for row in entry.rows)


def difference(before: Version, after: Version, sections: Sequence[Section] = form.SECTIONS) -> Difference:
    """Return what changed between two versions, field by field, row by row and word by word."""
    frozen = [tuple(map(_frozen, version.contributions)) for version in (before, after)]
    return Difference(
        fields=tuple(_fields(before.content, after.content, sections)),
        documents=tuple(_documents(before.documents, after.documents)),
        contributions=compare_rows(CONTRIBUTION, *frozen) if frozen[0] != frozen[1] else (),
        usd=_change(before.usd, after.usd),
        threshold_usd=_change(before.threshold_usd, after.threshold_usd),
        track=_change(before.track, after.track),
    )


def changed_paths(before: Version, after: Version) -> frozenset[str]:
    """Return the fields that differ as ``section.field``, and ``documents.kind`` where files of a kind do.

    The order of countries or choices says nothing, and neither does that of documents.
    """
    fields = (path for path, _, field in form.walk() if _differs(field, path, before.content, after.content))
    kinds = (entry.kind for entry in _documents(before.documents, after.documents))
    return frozenset([*fields, *(f"{DOCUMENTS}.{kind}" for kind in kinds)])


def _change(before: T, after: T) -> Change[T] | None:
    return None if before == after else Change(before, after)


def _fields(before: Content, after: Content, sections: Sequence[Section]) -> Iterator[FieldDifference]:
    for section in sections:
        if before.get(section.key) == after.get(section.key):
            continue
        for field in section.fields:
            path = f"{section.key}.{field.key}"
            if not _differs(field, path, before, after):
                continue
            if field.kind == "rows":
                rows = compare_rows(field.columns, form.rows(before, path), form.rows(after, path))
                yield FieldDifference(path, section, field, rows=rows)
            else:
                found = compare_values(field, form.value(before, path), form.value(after, path))
                yield FieldDifference(path, section, field, runs=found)


def _differs(field: Field, path: str, before: Content, after: Content) -> bool:
    return not is_same(field, form.value(before, path), form.value(after, path))


def _frozen(entry: Contribution) -> dict[str, str]:
    # The dollar's own rate says nothing, and bears the day of every submission.
    converted = entry.currency != "USD"
    return {
        "donor": entry.donor,
        "amount": str(entry.amount),
        "currency": entry.currency,
        "usd": "" if entry.usd is None else str(entry.usd),
        "rate": f"{entry.rate.normalize():f}" if converted and entry.rate else "",
        "rate_on": entry.rate_on.isoformat() if converted and entry.rate_on else "",
    }


def _documents(before: Sequence[Document], after: Sequence[Document]) -> Iterator[DocumentDifference]:
    """Compare files by kind and digest; of a kind, those gone and those come replace each other in turn."""
    came: dict[str, deque[Document]] = defaultdict(deque)
    for entry in _beyond(after, before):
        came[entry.kind].append(entry)
    for entry in _beyond(before, after):
        if came[entry.kind]:
            yield DocumentDifference("replaced", entry.kind, entry, came[entry.kind].popleft())
        else:
            yield DocumentDifference("removed", entry.kind, before=entry)
    for left in came.values():
        yield from (DocumentDifference("added", entry.kind, after=entry) for entry in left)


def _beyond(files: Iterable[Document], others: Iterable[Document]) -> Iterator[Document]:
    """Return the files that the others do not have."""
    there = Counter((entry.kind, entry.sha256) for entry in others)
    for entry in files:
        if there[entry.kind, entry.sha256]:
            there[entry.kind, entry.sha256] -= 1
        else:
            yield entry
