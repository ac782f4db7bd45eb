"""Readers see how many working days each step takes, by track and by unit, against its limit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flask import Blueprint, request
from werkzeug.wrappers import Response

from appraisal.deadlines.rules import durations
from appraisal.deadlines.rules.durations import Column, Spread, Stays
from appraisal.deadlines.store import durations as stored
from appraisal.definitions.percentages import displayed_percent
from appraisal.web.context import actor, language, page, read, site, with_role, workflows
from appraisal.web.csv_tables import sheet
from appraisal.web.formats import percent

bp = Blueprint("times", __name__)

COLUMNS = ("step", "track", "unit", "count", "median", "ninetieth", "limits", "within_limit")


@dataclass(frozen=True, slots=True)
class Line:
    """How long one kind of stay took, in words: the titles of its step, track or unit, and the figures."""

    names: tuple[str, ...]
    spread: Spread
    limits: str
    share: str


@bp.get("/times")
@with_role("coordinator", "manager", "auditor")
def show() -> str:
    """Show how long steps took in a year, or ever."""
    year = _year()
    with read() as db:
        years = stored.years(db, actor())
        found = _ordered(stored.stays(db, actor(), year))
    return page(
        "deadlines/durations.html",
        year=year,
        years=years,
        steps=_lines(found, "state"),
        tracks=_lines(found, "state", "track"),
        units=_lines(found, "state", "unit"),
        whole=_lines(found, "state", "track", "unit"),
        illustrative=any(entry.illustrative for entry in found),
    )


@bp.get("/times.csv")
@with_role("coordinator", "manager", "auditor")
def table() -> Response:
    """Hand out the figures by step, track and unit as a file."""
    year = _year()
    with read() as db:
        found = _ordered(stored.stays(db, actor(), year))
    rows = (
        (*line.names, spread.count, spread.median, spread.ninetieth, line.limits, spread.within)
        for line in _lines(found, "state", "track", "unit")
        for spread in [line.spread]
    )
    return sheet(f"times-{year or 'all'}", COLUMNS, rows)


def _year() -> int | None:
    """Return the year asked for; None for all of them, and for what is no year."""
    given = request.args.get("year", "")
    is_year = len(given) == 4 and given.isascii() and given.isdigit() and "1900" <= given <= "2999"
    return int(given) if is_year else None


def _ordered(stays: Iterable[Stays]) -> Sequence[Stays]:
    """Put stays in the order of the newest workflow: its states, then its tracks, then the units."""
    newest = site().library.newest_workflow()
    states, tracks = list(newest.states), list(newest.tracks)

    def place(names: list[str], name: str) -> int:
        return names.index(name) if name in names else len(names)

    return sorted(
        stays,
        key=lambda entry: (place(states, entry.state), place(tracks, entry.track), entry.unit.casefold()),
    )


def _lines(stays: Sequence[Stays], *by: Column) -> list[Line]:
    titles = _titles()
    return [
        Line(
            tuple(titles[column](name) for column, name in zip(by, key, strict=True)),
            spread,
            " / ".join(str(limit) for limit in spread.limits),
            percent(displayed_percent(Fraction(100 * spread.within, spread.count), None)),
        )
        for key, spread in durations.spreads(stays, *by).items()
    ]


def _titles() -> Mapping[Column, Callable[[str], str]]:
    """Return how states, tracks and units are called; what no workflow knows any more keeps its name."""
    flows = list(workflows().values())
    states = {name: state.title[language()] for flow in flows for name, state in flow.states.items()}
    tracks = {name: track.title[language()] for flow in flows for name, track in flow.tracks.items()}
    return {
        "state": lambda name: states.get(name, name),
        "track": lambda name: tracks.get(name, name),
        "unit": lambda name: name or "–",
    }
