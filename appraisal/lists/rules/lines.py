"""A line of a file becomes a row of a list here, or everything that is wrong in it is named.

A cell is a text of a CSV or what a spreadsheet keeps: text, number, day, truth, formula. Whatever can
be read in two ways is refused by name; nothing is guessed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from appraisal.language.texts import LANGUAGES, N_, translate
from appraisal.lists.rules.amounts import DOLLAR, BadCell, read_amount
from appraisal.lists.rules.kinds_of_list import Column, Dataset
from appraisal.proposals.rules import content
from appraisal.proposals.rules.content import GLOBAL, Complaint
from appraisal.proposals.rules.exchange_rates import is_currency
from appraisal.vocabulary import project_symbols
from appraisal.vocabulary.bounds import EARLIEST, LATEST
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell of a spreadsheet that computes instead of saying."""

    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A cell of a spreadsheet that holds an error, like #N/A, or no value that there is."""

    text: str


Cell = str | int | float | bool | date | datetime | Formula | Broken | None
# What a row holds is what JSON knows: texts, truth values and lists of codes; empty cells are left out.
Row = Mapping[str, Any]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR: Final = re.compile(r"[0-9]{4}")
_CYCLE: Final = re.compile(r"([0-9]{4}) ?[-\u2010-\u2015/] ?([0-9]{4}|[0-9]{2})")
_LONGEST_SHOWN: Final = 60
_SYMBOL_LIMIT: Final = 60
_FLAGS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("yes", "y", "true", "1", "oui", "vrai", "sí", "si", "verdadero"), True),
    **dict.fromkeys(("no", "n", "false", "0", "non", "faux", "falso"), False),
}


def read(dataset: Dataset, cells: Mapping[str, Cell], today: date) -> tuple[Row, list[Complaint]]:
    """Make a row of the cells of a line, by column, and say everything that is wrong in them.

    ``today`` is the day in Geneva that nothing may lie after.
    """
    row: dict[str, Any] = {}
    wrong: list[Complaint] = []
    currencies: dict[str, str] = {}
    for column in dataset.columns:
        cell = cells.get(column.key)
        if is_empty(cell):
            if column.needed:
                wrong.append(Complaint(column.key, N_("the cell is empty"), {}))
            continue
        try:
            if column.kind == "money":
                row[column.key], currencies[column.key] = _money(cell)
            else:
                row[column.key] = _READERS[column.kind](column, cell, today)
        except BadCell as error:
            wrong.append(Complaint(column.key, error.sentence, error.facts))
    wrong += _currency_faults(row, currencies)
    return row, wrong


def key_of(dataset: Dataset, row: Row) -> str:
    """Return what names a row among those of its dataset; rows of one key are the same row."""
    return "\t".join(named(dataset.column(name), row[name]) for name in dataset.identity)


def named(column: Column, text: str) -> str:
    """Return the text of a naming column as it is compared; in a code, spaces make no difference.

    In none does it which hyphen or slash was typed.
    """
    return project_symbols.with_plain_signs(
        ("" if column.kind == "code" else " ").join(text.split()).casefold()
    )


def is_empty(cell: Cell) -> bool:
    """Tell whether there is nothing in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def looks_like_formula(cell: Cell) -> bool:
    """Tell whether a spreadsheet would take the text of a cell for a formula."""
    return isinstance(cell, str) and cell.lstrip()[:1] in ("=", "+", "-", "@")


def _currency_faults(row: Row, written: Mapping[str, str]) -> Iterator[Complaint]:
    expected = row.get("currency", DOLLAR)
    for key, currency in written.items():
        if currency and currency != expected:
            sentence = N_("the amount is in “%(currency)s”, not in %(expected)s")
            yield Complaint(key, sentence, {"currency": currency, "expected": expected})


def _shown(cell: Cell) -> str:
    text = cell.text if isinstance(cell, Formula | Broken) else str(cell)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _refuse_computed(cell: Cell) -> None:
    if isinstance(cell, Formula):
        raise BadCell(N_("“%(cell)s” is a formula: write the value in its place"), cell=_shown(cell))
    if isinstance(cell, Broken):
        raise BadCell(N_("“%(cell)s” is an error of the spreadsheet"), cell=_shown(cell))


def _text(cell: Cell) -> str:
    """Return a cell as the text that it is; numbers that a spreadsheet made of codes are codes again."""
    _refuse_computed(cell)
    if isinstance(cell, bool | date):
        raise BadCell(N_("“%(cell)s” is no text: format the cell as text"), cell=_shown(cell))
    if isinstance(cell, float):
        return format(Decimal(format(cell, ".15g")), "f")
    text = str(cell).replace("\r\n", "\n").strip()
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise BadCell(N_("there are characters in it that are none"))
    return text


def _line(column: Column, cell: Cell, today: date) -> str:
    text = _text(cell)
    if len(text.splitlines()) > 1:
        raise BadCell(N_("there is more than one line in it"))
    return _limited(text, LINE_LIMIT)


def _prose(column: Column, cell: Cell, today: date) -> str:
    return _limited(_text(cell), PROSE_LIMIT)


def _limited(text: str, limit: int) -> str:
    if len(text) > limit:
        raise BadCell(N_("more than %(limit)s characters"), limit=limit)
    return text


def _symbol(column: Column, cell: Cell, today: date) -> str:
    text = project_symbols.normalised(_text(cell))
    if not any(letter.isalnum() for letter in text):
        raise BadCell(N_("“%(cell)s” is no project symbol"), cell=_shown(cell))
    return _limited(text, _SYMBOL_LIMIT)


def _money(cell: Cell) -> tuple[str, str]:
    _refuse_computed(cell)
    if cell is None or isinstance(cell, bool | date):
        raise BadCell(N_("“%(cell)s” is not an amount in figures"), cell=_shown(cell))
    assert not isinstance(cell, Formula | Broken)
    if isinstance(cell, str) and cell.strip()[:1] in ("=", "@"):
        _refuse_computed(Formula(cell.strip()))
    if isinstance(cell, str) and len(cell) > _LONGEST_SHOWN:
        raise BadCell(N_("“%(cell)s” is not an amount in figures"), cell=_shown(cell))
    found = read_amount(cell)
    return found.text, found.currency


def _date(column: Column, cell: Cell, today: date) -> str:
    _refuse_computed(cell)
    if isinstance(cell, bool | int | float):
        raise BadCell(N_("“%(cell)s” is a number: format the cell as a date"), cell=_shown(cell))
    day = _day(cell)
    if day > today:
        raise BadCell(N_("%(day)s lies in the future"), day=day.isoformat())
    if day < EARLIEST:
        raise BadCell(
            N_("%(day)s lies before %(earliest)s"), day=day.isoformat(), earliest=EARLIEST.isoformat()
        )
    return day.isoformat()


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = str(cell).strip()
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        sentence = N_("“%(cell)s” is no day written as year-month-day, like 2010-12-31")
        raise BadCell(sentence, cell=_shown(text)) from None


def _year(column: Column, cell: Cell, today: date) -> str:
    text = _text(cell)
    if not _YEAR.fullmatch(text):
        raise BadCell(N_("“%(cell)s” is no calendar year, like 2010"), cell=_shown(cell))
    if int(text) > today.year:
        raise BadCell(N_("%(day)s lies in the future"), day=text)
    if int(text) < EARLIEST.year:
        raise BadCell(N_("%(day)s lies before %(earliest)s"), day=text, earliest=EARLIEST.year)
    return text


def _cycle(column: Column, cell: Cell, today: date) -> str:
    matched = _CYCLE.fullmatch(_text(cell))
    if matched is None:
        sentence = N_("“%(cell)s” is no first and last year, like 2010-2014")
        raise BadCell(sentence, cell=_shown(cell))
    first, last = matched.groups()
    last = first[:2] + last if len(last) == 2 else last
    if last < first:
        raise BadCell(N_("“%(cell)s” ends before it begins"), cell=_shown(cell))
    if int(first) < EARLIEST.year or int(last) > LATEST.year:
        raise BadCell(N_("“%(cell)s” begins or ends in a year that cannot be"), cell=_shown(cell))
    return f"{first}-{last}"


def _choice(column: Column, cell: Cell, today: date) -> str:
    given = " ".join(_text(cell).split()).casefold()
    for choice in column.choices:
        names = (choice.value, *(translate(language, choice.label) for language in LANGUAGES))
        if given in (name.casefold() for name in names):
            return choice.value
    values = ", ".join(choice.value for choice in column.choices)
    raise BadCell(N_("“%(cell)s” is none of: %(values)s"), cell=_shown(cell), values=values)


def _flag(column: Column, cell: Cell, today: date) -> bool:
    if isinstance(cell, bool):
        return cell
    found = _FLAGS.get(_text(cell).casefold())
    if found is None:
        raise BadCell(N_("“%(cell)s” is neither yes nor no"), cell=_shown(cell))
    return found


def _country(column: Column, cell: Cell, today: date) -> str:
    code = _text(cell).upper()
    if code not in content.countries():
        raise BadCell(N_("“%(cell)s” is no code of a country in ISO 3166"), cell=_shown(cell))
    return code


def _countries(column: Column, cell: Cell, today: date) -> list[str]:
    codes = content.country_codes(_text(cell))
    unknown = [code for code in codes if code != GLOBAL and code not in content.countries()]
    if unknown:
        raise BadCell(N_("not a country code of ISO 3166: %(codes)s"), codes=_shown(", ".join(unknown)))
    if GLOBAL in codes and len(codes) > 1:
        raise BadCell(N_("write either countries or “global”"))
    return codes


def _currency(column: Column, cell: Cell, today: date) -> str:
    code = _text(cell).upper()
    if not is_currency(code):
        raise BadCell(N_("“%(cell)s” is no currency of three letters, like EUR"), cell=_shown(cell))
    return code


_READERS: Final[Mapping[str, Callable[[Column, Cell, date], Any]]] = {
    "line": _line,
    "code": _line,
    "prose": _prose,
    "symbol": _symbol,
    "date": _date,
    "year": _year,
    "cycle": _cycle,
    "choice": _choice,
    "flag": _flag,
    "country": _country,
    "countries": _countries,
    "currency": _currency,
}
