"""A biennium is an even year and the odd one after it, as ``2010-11``."""

from datetime import date


def biennium_of(day: date) -> str:
    """Return the biennium of a day: an even year and the odd one after it, as ``2010-11``."""
    return biennium_from(day.year - day.year % 2)


def biennium_from(year: int) -> str:
    """Return the biennium that an even year begins."""
    return f"{year:04d}-{(year + 1) % 100:02d}"


def first_year(biennium: str) -> int:
    """Return the even year that a biennium begins with; ``ValueError`` when the text is not one."""
    first, _, second = biennium.partition("-")
    if (
        len(first) != 4
        or not (first.isascii() and first.isdecimal())
        or int(first) % 2
        or second != f"{(int(first) + 1) % 100:02d}"
    ):
        raise ValueError(f"“{biennium}” is not a biennium: write an even year and the next, like 2010-11")
    return int(first)
