"""Amounts of money that people wrote are read here, where they can be read in one way only.

Three languages group thousands and mark decimals differently: ``1,234`` is twelve hundred to one
reader and a little more than one to another, so it is refused by name and never guessed at.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from appraisal.language.texts import N_
from appraisal.proposals.rules.content import MOST_MONEY

DOLLAR: Final = "USD"
_DOLLARS: Final = frozenset({"US$", "USD", "$", "US DOLLARS"})
# What is no figure, and none of the signs between figures, stands before or behind them.
_PARTS: Final = re.compile(r"([^\d.,'’+()\u2212-]*)(.*?)([^\d.,'’+()\u2212-]*)", re.DOTALL)
_BODY: Final = re.compile(r"[0-9]+(?:[ .,'’][0-9]+)*")
_MINUS: Final = ("-", "\u2212", "(")


class BadCell(Exception):
    """A cell cannot be read: a sentence of the catalogue about it, with its facts."""

    def __init__(self, sentence: str, **facts: Any) -> None:
        self.sentence = sentence
        self.facts = facts
        super().__init__(sentence % facts if facts else sentence)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of at most two decimals, 0 or more; ``currency`` is empty where none is written."""

    value: Decimal
    currency: str = field(default="")

    @property
    def text(self) -> str:
        """Return the amount as it is kept: whole, or with two decimals."""
        whole = self.value == self.value.to_integral()
        return format(self.value.quantize(Decimal(1) if whole else Decimal("0.01")), "f")


def read_amount(given: str | int | float) -> Amount:
    """Read an amount as text or as a number of a spreadsheet; raises ``BadCell``."""
    if isinstance(given, str):
        return _written(" ".join(given.split()))
    # Spreadsheets keep fifteen digits; whatever comes after them is binary arithmetic.
    number = Decimal(given) if isinstance(given, int) else Decimal(format(given, ".15g"))
    return Amount(_checked(number, str(given)))


def _written(text: str) -> Amount:
    matched = _PARTS.fullmatch(text)
    assert matched is not None
    before, body, after = (part.strip() for part in matched.groups())
    if body.startswith(_MINUS) or body.endswith("-"):
        raise BadCell(N_("“%(cell)s” is negative: an amount is 0 or more"), cell=text)
    currencies = {_currency(sign, text) for sign in (before, after) if sign}
    if len(currencies) > 1:
        raise BadCell(N_("“%(cell)s” names two currencies"), cell=text)
    if not _BODY.fullmatch(body):
        raise _no_amount(text)
    return Amount(_checked(_number(body, text), text), currencies.pop() if currencies else "")


def _no_amount(text: str) -> BadCell:
    return BadCell(N_("“%(cell)s” is not an amount in figures"), cell=text)


def _currency(sign: str, text: str) -> str:
    if sign.upper() in _DOLLARS:
        return DOLLAR
    if re.fullmatch("[A-Z]{3}", sign) or any(unicodedata.category(letter) == "Sc" for letter in sign):
        return sign
    raise _no_amount(text)


def _number(body: str, text: str) -> Decimal:
    """Read figures with signs between them; every group but the last belongs to the whole number."""
    groups = re.split(r"[ .,'’]", body)
    signs = re.findall(r"[ .,'’]", body)
    if not signs:
        return Decimal(body)
    *grouping, last = signs
    if last in " '’" or last in grouping:
        if set(signs) != {last} or not _is_grouped(groups):
            raise _no_amount(text)
        return Decimal("".join(groups))
    if len(set(grouping)) > 1 or (grouping and not _is_grouped(groups[:-1])):
        raise _no_amount(text)
    if not grouping and _is_grouped(groups):
        sentence = N_("“%(cell)s” can be read in two ways: write thousands without a sign between them")
        raise BadCell(sentence, cell=text)
    return Decimal("".join(groups[:-1]) + "." + groups[-1])


def _is_grouped(groups: list[str]) -> bool:
    """Tell whether groups are thousands: one to three figures, then three each, no nought in front."""
    first, *others = groups
    return bool(others) and len(first) <= 3 and first[0] != "0" and all(len(group) == 3 for group in others)


def _checked(number: Decimal, text: str) -> Decimal:
    if number < 0:
        raise BadCell(N_("“%(cell)s” is negative: an amount is 0 or more"), cell=text)
    if number > MOST_MONEY:
        raise BadCell(N_("“%(cell)s” is more money than there is"), cell=text)
    if number != number.quantize(Decimal("0.01")):
        raise BadCell(N_("“%(cell)s” has more than two decimals"), cell=text)
    return number
