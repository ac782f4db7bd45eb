"""Values of the form are compared here by what a field holds, and tables row by row."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from appraisal.proposals.rules import row_pairing, text_differences
from appraisal.proposals.rules.form import Field
from appraisal.proposals.rules.row_pairing import Row
from appraisal.proposals.rules.text_differences import Run

Status = Literal["kept", "removed", "added", "changed"]

# The columns that name a row, where a table has one of them: others of its rows refer to it by that.
REFERENCES: Final = ("ref", "code", "number", "reference", "bureau", "donor")


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


def is_same(field: Field, old: Any, new: Any) -> bool:
    """Tell whether two values of a field say the same; the order of sets does not matter."""
    if old == new:
        return True
    if field.kind == "rows":
        return _flat(field.columns, old) == _flat(field.columns, new)
    if field.kind in ("countries", "choices"):
        return set(_members(old)) == set(_members(new))
    return _text(old) == _text(new)


def compare_values(field: Field, old: Any, new: Any) -> tuple[Run, ...]:
    """Compare two values of a field that is no table: texts by words, sets by members, others as a whole."""
    if field.kind in ("countries", "choices"):
        return text_differences.compare_sets(_members(old), _members(new))
    if field.kind in ("line", "prose"):
        return text_differences.compare(_text(old), _text(new))
    return text_differences.replaced(_text(old), _text(new))


def compare_rows(
    columns: Sequence[Field], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> tuple[RowDifference, ...]:
    """Compare two tables row by row: in the order after, with rows that are gone where they stood."""
    old, new = _flat(columns, before), _flat(columns, after)
    named = (place for key in REFERENCES for place, column in enumerate(columns) if column.key == key)
    pairs = row_pairing.pair_rows(old, new, next(named, None))
    moved = row_pairing.moved_rows(pairs)
    return tuple(
        _row(columns, old, new, before, after, before in moved)
        for before, after in _listed(len(old), len(new), pairs, moved)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _members(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list | tuple) else [value] if value else []


def _flat(columns: Sequence[Field], rows: Any) -> list[Row]:
    listed = rows if isinstance(rows, list | tuple) else ()
    return [
        tuple(_text(row.get(column.key)) for column in columns) for row in listed if isinstance(row, Mapping)
    ]


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
        column.key: compare_values(column, one, other)
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
