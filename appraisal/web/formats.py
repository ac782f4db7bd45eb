"""Dates, money and names are written here as the reader's language writes them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import cache, lru_cache
from typing import Any, Final

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_decimal

from appraisal.clock import GENEVA, geneva_date
from appraisal.definitions.checklists import source_in
from appraisal.language.texts import LANGUAGES, LOCALES, N_, Language, Text, write_day
from appraisal.people.facts import Person
from appraisal.proposals.rules.labels import GATES, REASONS
from appraisal.vocabulary.roles import ROLE_TITLES, ROLES
from appraisal.web.context import language, say

ROUTE_TITLES: Final[Mapping[str, str]] = {
    "mechanism": N_("Through the mechanism"),
    "override": N_("By override"),
    "outside": N_("Outside the mechanism"),
}
# More than a column of money holds, before and behind the point.
_DIGITS: Final = 100
_ALL_DIGITS: Final = "#,##0." + "#" * 40


def day(value: date | None) -> str:
    """Write a day in words: 4 February 2010."""
    return "" if value is None else _day(value, language())


@lru_cache(maxsize=4096)
def _day(value: date, language: Language) -> str:
    return write_day(language, value)


def moment(value: datetime | None) -> str:
    """Write a moment in Geneva's time: 4 February 2010, 09:15."""
    if value is None:
        return ""
    local = value.astimezone(GENEVA)
    return f"{_day(local.date(), language())}, {local:%H:%M}"


def day_of(value: datetime | None) -> str:
    """Write the day in Geneva of a moment."""
    return "" if value is None else day(geneva_date(value))


def money(value: Decimal | int | str | None) -> str:
    """Write an amount with grouped thousands, cents only where there are any."""
    if value in (None, ""):
        return ""
    return _money(str(value), language())


@lru_cache(maxsize=4096)
def _money(value: str, language: Language) -> str:
    amount = Decimal(value)
    whole = amount == amount.to_integral()
    return _decimal(amount, "#,##0" if whole else "#,##0.00", language)


def _decimal(value: Decimal, pattern: str, language: Language) -> str:
    """Write a number by a pattern, with however many digits it was stored: no page may fail for one value."""
    with localcontext(prec=_DIGITS):
        return format_decimal(value, pattern, locale=language)


def factor(value: Decimal) -> str:
    """Write a rate with all its digits."""
    return _decimal(value, _ALL_DIGITS, language())


@cache
def _territories(language: Language) -> Mapping[str, str]:
    return dict(Locale(language).territories)


def country(code: str) -> str:
    """Write the name of a country."""
    if code == "global":
        return say(N_("Global"))
    return _territories(language()).get(code, code)


def country_code(text: str) -> str:
    """Return the code of a country that was written as its name in the reader's language, or as its code."""
    wanted = text.casefold()
    if wanted in ("", "global", say(N_("Global")).casefold()):
        return "global" if wanted else ""
    named = (
        code
        for code, name in _territories(language()).items()
        if name.casefold() == wanted and len(code) == 2
    )
    return next(named, text.upper())


def countries(codes: str | Iterable[str]) -> str:
    """Write the names of several countries; a text holds codes with spaces between."""
    return _countries(codes if isinstance(codes, str) else " ".join(codes), language())


@lru_cache(maxsize=4096)
def _countries(codes: str, language: Language) -> str:
    return ", ".join(country(code) for code in codes.split())


def whereabouts(place: str, codes: str) -> str:
    """Write a place and countries; a place that only names these countries, in any language, once."""
    named = countries(codes)
    names = (", ".join(_territories(known).get(code, code) for code in codes.split()) for known in LANGUAGES)
    if codes and place in names:
        return named
    return " · ".join(part for part in (place, named) if part)


def localise(text: Text | Mapping[str, str] | None) -> str:
    """Return a definition's text in the reader's language."""
    return "" if text is None else text[language()]


def translated(message: str) -> str:
    """Translate a label of the catalogue that arrives as a value."""
    return say(message) if message else ""


def named(person: Person) -> str:
    """Return a person's name with the unit."""
    return f"{person.name} ({person.unit})" if person.unit else person.name


def signed(name: str, other: str) -> str:
    """Return who did something, and in whose place where that was not the own."""
    return say(N_("%(name)s, for %(other)s"), name=name, other=other) if other else name


def headed(name: str, said: str) -> str:
    """Put a name before what is said of it, with the colon as the language sets it."""
    return say(N_("%(name)s: %(said)s"), name=name, said=said)


def any_of(words: Sequence[str]) -> str:
    """Return words as alternatives: one, or another, or the last."""
    return format_list(words, "or", LOCALES[language()])


def size(value: int) -> str:
    """Write a number of bytes."""
    if value < 1024 * 1024:
        return f"{format_decimal(max(1, round(value / 1024)), locale=language())} kB"
    return f"{format_decimal(round(value / 1024 / 1024, 1), locale=language())} MB"


def role_titles(roles: Iterable[str]) -> list[str]:
    """Return the titles of roles in the order of the product."""
    given = set(roles)
    return [say(ROLE_TITLES[role]) for role in ROLES if role in given]


def route(value: str) -> str:
    """Return a route in words."""
    return say(ROUTE_TITLES[value]) if value in ROUTE_TITLES else ""


def reason(value: str) -> str:
    """Return in words why a route is outside."""
    return say(REASONS[value]) if value in REASONS else ""


def gate(value: str | None) -> str:
    """Return in words when a condition has to be met."""
    return say(GATES[value]) if value and value in GATES else ""


def source(value: str) -> str:
    """Return the source of an item: documents as they are called, what is a choice of our own in words."""
    return source_in(language(), value)


def beside(entries: Iterable[Any], others: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Return what stands at the same places of two lists, which are of one length.

    Templates never look a place up by number: one that is counted otherwise shows less, without a word.
    """
    return zip(entries, others, strict=True)


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "beside": beside,
    "day": day,
    "moment": moment,
    "money": money,
    "country": country,
    "countries": countries,
    "whereabouts": whereabouts,
    "text": localise,
    "translated": translated,
    "signed": signed,
    "size": size,
    "route": route,
    "reason": reason,
    "gate": gate,
    "source": source,
}


def years(biennium: str) -> str:
    """Write a biennium with the dash of a range."""
    return biennium.replace("-", "–")


def percent(value: str | Decimal | None) -> str:
    """Write a percentage as the language does; *no data* where there is none."""
    if value is None:
        return say(N_("no data"))
    number = Decimal(value)
    digits = max(0, -int(number.as_tuple().exponent))
    text = format_decimal(number, "0." + "0" * digits if digits else "0", locale=language())
    return f"{text}%" if language() == "en" else f"{text}\N{NO-BREAK SPACE}%"
