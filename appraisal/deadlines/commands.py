"""The command ``times`` tells how many working days each step takes."""

from typing import Any

import click

from appraisal.cli import site
from appraisal.deadlines.rules import durations
from appraisal.deadlines.store import durations as stored

_HEAD = ("step", "track", "unit", "stays", "median", "90th", "limit", "within")


@click.command()
@click.option("--year", type=click.IntRange(1900, 2999), help="Only stays that ended in this year.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def times(year: int | None, as_json: bool) -> None:
    """Print median and 90th percentile of the working days in each state, by track and unit.

    Both are nearest-rank: the smallest number of days that half, or nine tenths, of the stays did
    not exceed. Days on hold do not count.
    """
    with site.opened(site.settings()) as (database, _), database.read() as db:
        found = stored.stays(db, None, year)
    lines = [
        {
            "step": state,
            "track": track,
            "unit": unit,
            "stays": spread.count,
            "median": spread.median,
            "90th": spread.ninetieth,
            "limit": list(spread.limits),
            "within": spread.within,
        }
        for (state, track, unit), spread in durations.spreads(found, "state", "track", "unit").items()
    ]
    illustrative = any(entry.illustrative for entry in found)
    if as_json:
        site.echo_json({"year": year, "illustrative": illustrative, "times": lines})
    elif lines:
        _print(lines)
        if illustrative:
            click.echo("ILLUSTRATIVE: some of these proposals and their dates are invented.")
    else:
        click.echo("No step with a limit ended in this time yet.")


def _print(lines: list[dict[str, Any]]) -> None:
    """Print the figures as a table whose columns are as wide as what stands in them."""
    rows = [_HEAD, *(tuple(_shown(line[name]) for name in _HEAD) for line in lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    for row in rows:
        cells = [
            text.ljust(width) if place < 3 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def _shown(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value) or "-"
