"""Answers in the proposal form are written here as people read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from appraisal.language.texts import N_
from appraisal.proposals.facts import Contribution
from appraisal.proposals.rules import form
from appraisal.proposals.rules.form import Content, Field, Section
from appraisal.web import formats
from appraisal.web.context import say

# A value under its label.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A field with something in it: a ``text``, a table of ``rows`` under ``columns``, or ``cards``.

    A card is a row too long for a table: the values that it has, each under its label. Short fields
    that stand next to each other are one entry, and their values are its ``pairs``.
    """

    label: str = ""
    text: str = ""
    pairs: tuple[Pair, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    cards: tuple[tuple[Pair, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A section with what stands in it."""

    key: str
    title: str
    entries: tuple[Entry, ...]


def parts(content: Content) -> list[Part]:
    """Return every section of the form; empty fields are left out."""
    return [
        Part(section.key, say(section.title), tuple(_entries(section, content))) for section in form.SECTIONS
    ]


def _entries(section: Section, content: Content) -> Iterator[Entry]:
    kept = content.get(section.key, {})
    filled = [field for field in section.fields if kept.get(field.key)]
    for is_short, fields in groupby(filled, lambda field: field.kind not in ("prose", "rows")):
        if is_short:
            yield Entry(pairs=tuple((say(field.label), shown(field, kept[field.key])) for field in fields))
        else:
            yield from (entry(field, kept[field.key]) for field in fields)


def entry(field: Field, value: Any) -> Entry:
    """Return a field that has something in it as people read it."""
    if field.kind != "rows":
        return Entry(say(field.label), shown(field, value))
    used = [column for column in field.columns if any(row.get(column.key) for row in value)]
    if needs_cards(used):
        cards = (
            tuple(
                (say(column.label), shown(column, row[column.key])) for column in used if row.get(column.key)
            )
            for row in value
        )
        return Entry(say(field.label), cards=tuple(cards))
    rows = tuple(tuple(shown(column, row.get(column.key, "")) for column in used) for row in value)
    return Entry(say(field.label), columns=tuple(say(column.label) for column in used), rows=rows)


def needs_cards(columns: Sequence[Field]) -> bool:
    """Tell whether rows are too long for a table: text of any length does not fit beside so many columns."""
    return len(columns) > 3 and any(column.kind == "prose" for column in columns)


def shown(field: Field, value: Any) -> str:
    """Write a value in words: choices by their titles, countries by their names, days and money as usual."""
    match field.kind:
        case "choice" | "flag":
            return next((say(choice.label) for choice in field.choices if choice.value == value), str(value))
        case "countries":
            return formats.countries(value)
        case "date":
            return _day(value)
        case "money":
            return formats.money(value)
        case _:
            return str(value)


def _day(value: str) -> str:
    try:
        return formats.day(date.fromisoformat(value)) if value else ""
    except ValueError:
        return value


def value(content: Content, path: str) -> str:
    """Return what stands at ``section.field``, in words."""
    found = form.value(content, path)
    key, _, name = path.partition(".")
    return (
        shown(next(entry for entry in form.section(key).fields if entry.key == name), found) if found else ""
    )


def contribution_rows(given: Sequence[Contribution]) -> list[list[str]]:
    """Write contributions as rows of a table: donor, fund and modality, amount, US$, rate.

    An amount of nought is one that nobody told.
    """
    unknown = say(N_("unknown"))
    return [
        [
            entry.donor,
            _title(form.FUNDS, entry.fund),
            _title(form.MODALITIES, entry.modality),
            f"{formats.money(entry.amount)} {entry.currency}" if entry.amount else unknown,
            _usd(entry) if entry.amount else unknown,
            _rate(entry),
        ]
        for entry in given
    ]


def _usd(entry: Contribution) -> str:
    return formats.money(entry.usd) if entry.usd is not None else say(N_("no rate"))


def _rate(entry: Contribution) -> str:
    if entry.rate is None or entry.rate_on is None or entry.currency == "USD":
        return ""
    return f"{formats.factor(entry.rate)} ({formats.day(entry.rate_on)})"


def _title(choices: Iterable[form.Choice], value: str) -> str:
    return next((say(choice.label) for choice in choices if choice.value == value), value)


def document_titles() -> Mapping[str, str]:
    """Return the kinds of document by their titles."""
    return {kind.value: say(kind.label) for kind in form.DOCUMENT_KINDS}
