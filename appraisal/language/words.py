"""Amounts, moments, percentages and texts are written here as the reader of one language writes them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent, get_currency_symbol

from appraisal.clock import geneva_date, parse_stamp
from appraisal.language.texts import LOCALES, N_, Language, say, translate, translate_plural, write_day

_BEFORE_SIGN = re.compile(r" (?=[?!:;»])")


_AFTER_QUOTE = re.compile(r"(?<=«) ")


# So many numbers stand in a title, which is one line.
_NAMED = 1


ROLES = {
    "designer": N_("designer"),
    "coordinator": N_("coordinator"),
    "appraiser": N_("appraiser"),
    "manager": N_("manager"),
    "auditor": N_("auditor"),
    "administrator": N_("administrator"),
}


class Words:
    """What a template says in one language; every method takes what stands in the value of a record."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.locale = LOCALES[language]

    def say(self, message: str, **facts: Any) -> str:
        """Translate a sentence of the catalogue."""
        return self._tied(say(self.language, message, **facts))

    def say_each(self, worded: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Translate sentences of the catalogue, each with its facts."""
        return [self.say(sentence, **facts) for sentence, facts in worded]

    def plural(self, one: str, many: str, num: int) -> str:
        """Translate a sentence that counts something, which both forms name ``num``."""
        return self._tied(translate_plural(self.language, one, many, num) % {"num": num})

    def text(self, text: Mapping[str, str] | None) -> str:
        """Return a text of a definition, which stands in the value in all languages."""
        return self._tied(text[self.language]) if text else ""

    def label(self, labels: Mapping[str, str], code: str) -> str:
        """Translate a code; one that is not known is shown as it is."""
        return translate(self.language, labels[code]) if code in labels else code

    def weighted(self, unvalued: Sequence[str]) -> str:
        """Name the reading by US$, with the approvals that no sum of US$ contains whole."""
        if not unvalued:
            return self.say(N_("Weighted by US$"))
        named = ", ".join(unvalued[:_NAMED]) + (f" +{len(unvalued) - _NAMED}" if unvalued[_NAMED:] else "")
        return self.say(N_("Weighted by US$, incomplete without %(numbers)s"), numbers=named)

    def money(self, amount: str | None, currency: str = "USD") -> str:
        """Write an amount with its currency, cents only where there are any; nothing for None."""
        if not amount:
            return ""
        number = Decimal(amount)
        whole = number == number.to_integral_value()
        figures = format_decimal(number, format="#,##0" if whole else "#,##0.00", locale=self.locale)
        if currency == "USD":
            return (
                f"{figures}\u00a0$\u00a0US"
                if self.language == "fr"
                else _joined(self.language, "US$", figures)
            )
        symbol = get_currency_symbol(currency, locale=self.locale)
        return f"{currency}\u00a0{figures}" if symbol == currency else _joined(self.language, symbol, figures)

    def number(self, number: str | int | None) -> str:
        """Write a number with as many decimals as it has."""
        if number is None or number == "":
            return ""
        return format_decimal(
            Decimal(str(number)).normalize(), locale=self.locale, decimal_quantization=False
        )

    def percent(self, share: str) -> str:
        """Write a share of 1 as a percentage."""
        return format_percent(Decimal(share), locale=self.locale, decimal_quantization=False)

    def day(self, day: str | None) -> str:
        """Write a date (ISO 8601); what is none is shown as it is."""
        try:
            return write_day(self.language, date.fromisoformat(day)) if day else ""
        except ValueError:
            return day or ""

    def short_day(self, day: str | None) -> str:
        """Write a date with a short month, for tables."""
        return format_date(date.fromisoformat(day), "medium", locale=self.locale) if day else ""

    def day_of(self, moment: str | None, *, short: bool = False) -> str:
        """Write the calendar day in Geneva of a moment."""
        if not moment:
            return ""
        day = geneva_date(parse_stamp(moment)).isoformat()
        return self.short_day(day) if short else self.day(day)

    def utc(self, moment: str | None) -> str:
        """Write a moment in UTC to the second."""
        if not moment:
            return ""
        at: datetime = parse_stamp(moment)
        time = format_time(at, "HH:mm:ss", locale=self.locale)
        return f"{format_date(at, 'medium', locale=self.locale)} {time} UTC"

    def countries(self, codes: list[str]) -> str:
        """Name countries by their ISO 3166 codes."""
        names = Locale.parse(self.locale).territories
        return ", ".join(
            self.say(N_("global")) if code == "global" else names.get(code, code) for code in codes
        )

    def months(self, start: str, end: str) -> str:
        """Count the months from the first to the last day of a project; nothing where a day is missing."""
        try:
            first, last = date.fromisoformat(start), date.fromisoformat(end)
        except ValueError:
            return ""
        count = (last.year - first.year) * 12 + last.month - first.month + (last.day >= first.day)
        return translate_plural(self.language, "%(count)s month", "%(count)s months", count) % {
            "count": count
        }

    def person(self, person: Mapping[str, Any]) -> str:
        """Name a person with unit and roles."""
        roles = ", ".join(self.label(ROLES, role) for role in person["roles"])
        return " · ".join(part for part in (person["unit"], roles) if part)

    def signed(self, given: Mapping[str, Any]) -> str:
        """Name who did something, and for whom; ``given`` holds both under ``by`` and ``for``.

        Records of earlier versions of the product know nobody who acts for another.
        """
        name: str = given["by"]["name"]
        other = given.get("for")
        return self.say(N_("%(name)s, for %(other)s"), name=name, other=other["name"]) if other else name

    def size(self, octets: int) -> str:
        """Write the size of a file in thousands of bytes."""
        return self.say(N_("%(count)s kB"), count=self.number(-(-octets // 1000)))

    def _tied(self, sentence: str) -> str:
        # French sets a blank before these signs, at which no line may break.
        if self.language != "fr":
            return sentence
        return _BEFORE_SIGN.sub("\u00a0", _AFTER_QUOTE.sub("\u00a0", sentence))


def _joined(language: Language, symbol: str, figures: str) -> str:
    return f"{symbol}{figures}" if language == "en" else f"{figures}\u00a0{symbol}"
