"""appraisal indicator: compute an indicator for a biennium, with the proposals behind it."""

from typing import Any

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import sites
from appraisal.domain.indicators import biennium_of, first_year
from appraisal.services import indicators


@click.command()
@click.argument("code", default="2.1")
@click.option("--biennium", help="An even year and the next, like 2010-11; today's by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def indicator(code: str, biennium: str | None, as_json: bool) -> None:
    """Compute indicator CODE (2.1) for a biennium and list the proposals behind every figure."""
    library = sites.library()
    chosen = biennium or biennium_of(clock.geneva_date(clock.now()))
    try:
        library.indicators().indicator(code)
        first_year(chosen)
    except KeyError:
        known = ", ".join(entry.code for entry in library.indicators().indicators)
        sites.fail(f"There is no indicator {code}; known: {known}.")
    except ValueError as error:
        sites.fail(str(error))
    with sites.opened(sites.settings()) as (database, _), database.read() as db:
        value: dict[str, Any] = plain(
            indicators.report_value(code, indicators.report(db, library, code, chosen))
        )
    if as_json:
        sites.echo_json(value)
    else:
        print_report(value, library.indicators().indicator(code).title.en)


def print_report(value: dict[str, Any], title: str) -> None:
    """Print a report as a table, marked where its data is illustrative."""
    mark = "  ILLUSTRATIVE: decisions and percentage are invented" if value["illustrative"] else ""
    click.echo(f"Indicator {value['indicator']}, {value['biennium']}: {title}{mark}")
    percent = "no data" if value["percent"] is None else f"{value['percent']} %"
    milestone = "no milestone" if value["milestone"] is None else f"milestone {value['milestone']} %"
    met = {True: ", met", False: ", not met", None: ""}[value["milestone_met"]]
    click.echo(f"  {percent}  ({value['numerator']} of {value['denominator']}), {milestone}{met}")
    if not value["complete"]:
        click.echo("  Incomplete: there are approvals without a date.")
    for label, key in (("with overrides", "with_overrides"), ("XBTC only", "xbtc"), ("RBSA only", "rbsa")):
        click.echo(f"  {label}: {value[key][0]} of {value[key][1]}")
    for name, proposals in value["proposals"].items():
        if not proposals:
            continue
        click.echo(f"\n  {name.replace('_', ' ')} ({len(proposals)})")
        for entry in proposals:
            date = (entry["approved_at"] or "undated")[:10]
            reason = f"  [{entry['reason']}]" if entry["reason"] else ""
            word = "  illustrative" if entry["illustrative"] else ""
            click.echo(f"    {entry['number']}  {date:<10}  {entry['title'][:60]:<60}{reason}{word}")
