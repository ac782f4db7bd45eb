"""Differences: what changed from one version of a proposal to another, in the order of the form."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, Literal, TypeVar

from appraisal.domain import forms, pairings, runs
from appraisal.domain.facts import Contribution, Document, Version
from appraisal.domain.forms import Content, Field, Section
from appraisal.domain.pairings import Row
from appraisal.domain.runs import Run
from appraisal.i18n import N_

Status = Literal["kept", "removed", "added", "changed"]
T = TypeVar("T")

DOCUMENTS: Final = "documents"
# The columns that name a row, where a table has one of them: others of its rows refer to it by that.
REFERENCES: Final = ("ref", "code", "number", "reference", "bureau", "donor")
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
class RowDifference:
    """One row: its places on both sides, counted from 0, and its cells by column, without empty ones."""

    status: Status
    before: int | None
    after: int | None
    cells: Mapping[str, tuple[Run, ...]]
    moved: bool = False

    @property
    def is_touched(self) -> bool:
        """Tell whether anything about the row differs, be it only its place."""
        return self.moved or self.status != "kept"


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


def difference(before: Version, after: Version, sections: Sequence[Section] = forms.SECTIONS) -> Difference:
    """Return what changed between two versions, field by field, row by row and word by word."""
    frozen = [tuple(map(_frozen, version.contributions)) for version in (before, after)]
    return Difference(
        fields=tuple(_fields(before.content, after.content, sections)),
        documents=tuple(_documents(before.documents, after.documents)),
        contributions=_rows(CONTRIBUTION, *frozen) if frozen[0] != frozen[1] else (),
        usd=_change(before.usd, after.usd),
        threshold_usd=_change(before.threshold_usd, after.threshold_usd),
        track=_change(before.track, after.track),
    )


def changed_paths(before: Version, after: Version) -> frozenset[str]:
    """Return the fields that differ as ``section.field``, and ``documents.kind`` where files of a kind do.

    The order of countries or choices says nothing, and neither does that of documents.
    """
    fields = (path for path, _, field in forms.walk() if _differs(field, path, before.content, after.content))
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
                rows = _rows(field.columns, forms.rows(before, path), forms.rows(after, path))
                yield FieldDifference(path, section, field, rows=rows)
            else:
                found = _compared(field, forms.value(before, path), forms.value(after, path))
                yield FieldDifference(path, section, field, runs=found)


def _differs(field: Field, path: str, before: Content, after: Content) -> bool:
    old, new = forms.value(before, path), forms.value(after, path)
    if old == new:
        return False
    if field.kind == "rows":
        rows = (forms.rows(before, path), forms.rows(after, path))
        return _flat(field.columns, rows[0]) != _flat(field.columns, rows[1])
    if field.kind in ("countries", "choices"):
        return set(_members(old)) != set(_members(new))
    return _text(old) != _text(new)


def _compared(field: Field, old: Any, new: Any) -> tuple[Run, ...]:
    if field.kind in ("countries", "choices"):
        return runs.compare_sets(_members(old), _members(new))
    if field.kind in ("line", "prose"):
        return runs.compare(_text(old), _text(new))
    return runs.replaced(_text(old), _text(new))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _members(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list | tuple) else [value] if value else []


def _flat(columns: Sequence[Field], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [tuple(_text(row.get(column.key)) for column in columns) for row in rows]


def _rows(
    columns: Sequence[Field], before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> tuple[RowDifference, ...]:
    old, new = _flat(columns, before), _flat(columns, after)
    named = (place for key in REFERENCES for place, column in enumerate(columns) if column.key == key)
    pairs = pairings.pair_rows(old, new, next(named, None))
    moved = pairings.moved_rows(pairs)
    return tuple(
        _row(columns, old, new, before, after, before in moved)
        for before, after in _listed(len(old), len(new), pairs, moved)
    )


def _listed(
    old: int, new: int, pairs: Mapping[int, int], moved: frozenset[int]
) -> Iterator[tuple[int | None, int | None]]:
    """Go through the places of rows in the order after; one that is gone comes behind the one it followed."""
    gone: dict[int, list[int]] = defaultdict(list)
    anchor = -1
    for place in range(old):
        if place not in pairs:
            gone[anchor].append(place)
        elif place not in moved:
            anchor = pairs[place]
    origins = {after: before for before, after in pairs.items()}
    for place in range(-1, new):
        if place >= 0:
            yield origins.get(place), place
        yield from ((left, None) for left in gone[place])


def _row(
    columns: Sequence[Field],
    old: Sequence[Row],
    new: Sequence[Row],
    before: int | None,
    after: int | None,
    moved: bool,
) -> RowDifference:
    blank = ("",) * len(columns)
    left = blank if before is None else old[before]
    right = blank if after is None else new[after]
    cells = {
        column.key: _compared(column, one, other)
        for column, one, other in zip(columns, left, right, strict=True)
        if one or other
    }
    return RowDifference(_status(before, after, left == right), before, after, cells, moved)


def _status(before: int | None, after: int | None, equal: bool) -> Status:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "kept" if equal else "changed"


def _frozen(entry: Contribution) -> dict[str, str]:
    return {
        "donor": entry.donor,
        "amount": str(entry.amount),
        "currency": entry.currency,
        "usd": _text(entry.usd),
        "rate": "" if entry.rate is None else f"{entry.rate.normalize():f}",
        "rate_on": entry.rate_on.isoformat() if entry.rate_on else "",
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
