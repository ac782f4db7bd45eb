"""Content is what may stand in a field of the form, and is made here of what was typed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from babel import Locale

from appraisal.language.texts import N_
from appraisal.proposals.rules import form
from appraisal.proposals.rules.exchange_rates import is_currency
from appraisal.proposals.rules.form import Field, Section
from appraisal.proposals.rules.track_and_money import decimal
from appraisal.vocabulary import bounds
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT, ROWS_LIMIT
from appraisal.vocabulary.project_symbols import normalised

GLOBAL = "global"
MOST_MONEY = Decimal("1e15")


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong in a field: where (``key`` or ``key-row-column``), and a sentence about it."""

    path: str
    sentence: str
    facts: Mapping[str, Any]


def tidy(section: Section, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what was typed into what is kept: trimmed, with empty fields and empty rows left out."""
    found = {}
    for field in section.fields:
        kept = _tidy_field(field, raw.get(field.key))
        if kept:
            found[field.key] = kept
    return found


def _tidy_field(field: Field, given: Any) -> Any:
    if given is None:
        return ""
    if field.kind == "rows":
        listed = given if isinstance(given, list | tuple) else []
        kept = [
            {
                column.key: value
                for column in field.columns
                if (value := _tidy_field(column, row.get(column.key)))
            }
            for row in listed
            if isinstance(row, Mapping)
        ]
        return [row for row in kept if row]
    if field.kind == "countries":
        return country_codes(given)
    if field.kind == "choices":
        return [str(part) for part in given]
    # A null character cannot stand in a text column of PostgreSQL.
    text = str(given).replace("\r\n", "\n").replace("\0", "").strip()
    if field.kind == "money":
        # Spaces and apostrophes group thousands in two of the three languages; a comma is left to be refused.
        text = re.sub("[\\s\u00a0\u202f'’]", "", text)
    if field.key == "currency":
        text = text.upper()
    if field.key in form.REFERENCES:
        # Numbers of proposals are compared as symbols are: in capitals and without any space.
        text = normalised(text)
    return text


def country_codes(given: str | Iterable[Any]) -> list[str]:
    """Return each code once, as codes are kept; a text has them with spaces, commas or semicolons between."""
    parts = re.split(r"[\s,;]+", given) if isinstance(given, str) else [str(part) for part in given]
    return list(dict.fromkeys(GLOBAL if part.lower() == GLOBAL else part.upper() for part in parts if part))


def complaints(section: Section, kept: Mapping[str, Any]) -> list[Complaint]:
    """Return everything wrong in a tidy section; missing fields are no fault of a draft."""
    found: list[Complaint] = []
    for field in section.fields:
        if field.key in kept:
            found += _complaints(field, kept[field.key], field.key)
    found += _period(section, kept)
    return found


def _complaints(field: Field, value: Any, path: str) -> Iterator[Complaint]:
    if field.kind == "rows":
        yield from _row_complaints(field, value, path)
    elif field.kind == "countries":
        unknown = [code for code in value if code != GLOBAL and code not in countries()]
        if unknown:
            yield Complaint(
                path, N_("Not a country code of ISO 3166: %(codes)s"), {"codes": ", ".join(unknown)}
            )
        elif GLOBAL in value and len(value) > 1:
            yield Complaint(path, N_("Write either countries or “global”"), {})
    elif field.kind in ("choice", "flag"):
        if value not in {choice.value for choice in field.choices}:
            yield Complaint(path, N_("Choose one of the values offered"), {})
    else:
        yield from _text_complaints(field, value, path)


def _row_complaints(field: Field, value: Sequence[Mapping[str, Any]], path: str) -> Iterator[Complaint]:
    if len(value) > ROWS_LIMIT:
        yield Complaint(path, N_("At most %(limit)s rows"), {"limit": ROWS_LIMIT})
    for index, row in enumerate(value):
        for column in field.columns:
            place = f"{path}-{index}-{column.key}"
            if column.key in row:
                yield from _complaints(column, row[column.key], place)
            elif column.needed:
                yield Complaint(place, N_("Fill in “%(field)s”, or clear the row"), {"field": column.label})


def _text_complaints(field: Field, value: str, path: str) -> Iterator[Complaint]:
    limit = PROSE_LIMIT if field.kind == "prose" else LINE_LIMIT
    if len(value) > limit:
        yield Complaint(
            path,
            N_("At most %(limit)s characters; this has %(length)s"),
            {"limit": limit, "length": len(value)},
        )
    day = _day(value) if field.kind == "date" else None
    if field.kind == "date" and day is None:
        yield Complaint(path, N_("Write a date as year-month-day, like 2010-06-30"), {})
    if day is not None and not bounds.is_sensible(day):
        yield Complaint(path, bounds.FAR_DAY, {})
    if field.kind == "money":
        amount = decimal(value)
        if amount is None or "e" in value.lower():
            yield Complaint(path, N_("Write an amount in figures with a decimal point, like 1250000.50"), {})
        elif amount < 0 or amount > MOST_MONEY or amount.as_tuple().exponent < -2:  # type: ignore[operator]
            yield Complaint(path, N_("Write an amount of 0 or more with at most two decimals"), {})
    if field.key == "currency" and not is_currency(value):
        yield Complaint(path, N_("Write a currency as three letters of ISO 4217, like EUR"), {})
    if field.kind == "line" and "\n" in value:
        yield Complaint(path, N_("Write this on one line"), {})


def reference_complaints(
    kept: Mapping[str, Any], before: Mapping[str, Any], known: Mapping[str, str]
) -> list[Complaint]:
    """Return what is wrong with the references of a tidy first section to other proposals.

    ``known`` are the kinds of the proposals that the writer may name, by number. What was there before
    stays: another author may have named it, who knows of more.
    """
    found = []
    for key in form.REFERENCES:
        number = kept.get(key, "")
        if not number or number == before.get(key):
            continue
        if key == "parent" and known.get(number) != "umbrella":
            found.append(Complaint(key, N_("No umbrella programme that you may name has this number"), {}))
        elif number not in known:
            found.append(Complaint(key, N_("No proposal that you may name has this number"), {}))
    return found


def _period(section: Section, kept: Mapping[str, Any]) -> Iterator[Complaint]:
    start, end = _day(kept.get("start", "")), _day(kept.get("end", ""))
    if section.key == "identification" and start and end and end < start:
        yield Complaint("end", N_("The end lies before the start"), {})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def all_complaints(content: form.Content) -> list[Complaint]:
    """Return everything wrong in a whole form, each path beginning with its section; unknown keys too."""
    known = {section.key: section for section in form.SECTIONS}
    found: list[Complaint] = []
    for key, fields in content.items():
        if key not in known or not isinstance(fields, Mapping):
            found.append(Complaint(key, N_("The form has no such section"), {}))
            continue
        names = {field.key for field in known[key].fields}
        found += [
            Complaint(f"{key}.{name}", N_("The form has no such field"), {})
            for name in fields
            if name not in names
        ]
        kept = tidy(known[key], fields)
        found += [
            Complaint(f"{key}.{entry.path}", entry.sentence, entry.facts)
            for entry in complaints(known[key], kept)
        ]
    return found


@cache
def countries() -> frozenset[str]:
    """Return the two-letter codes of ISO 3166-1, as CLDR lists them."""
    names = Locale("en").territories
    # CLDR lists codes of its own beside those of ISO: outlying areas, groupings, pseudo-locales.
    own = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
    codes = {str(name) for name in names}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - own
