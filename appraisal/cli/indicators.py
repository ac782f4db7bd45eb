"""appraisal indicator: compute an indicator for a biennium, with the proposals behind it."""

from typing import Any

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import sites
from appraisal.domain.indicators import SCOPES, biennium_of
from appraisal.services import indicators
from appraisal.storage.pasts import Past


def _past(context: click.Context, parameter: click.Parameter, value: str | None) -> Past | None:
    if value is None:
        return None
    try:
        return indicators.read_past(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"“{value}” is neither a day, as 2011-03-01, nor a moment, as 2011-03-01T12:00+01:00"
        ) from None


@click.command()
@click.argument("code", default=indicators.CODE)
@click.option("--biennium", help="An even year and the next, like 2010-11; today's by default.")
@click.option(
    "--as-of",
    "past",
    callback=_past,
    metavar="DAY|MOMENT",
    help="As it was known then: what was written later is not heard.",
)
@click.option(
    "--scope",
    type=click.Choice(list(SCOPES)),
    help="Count proposals with money of this fund; those of the definition by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def indicator(code: str, biennium: str | None, past: Past | None, scope: str | None, as_json: bool) -> None:
    """Compute indicator CODE (2.1) for a biennium and list the proposals behind every figure.

    It is derived from the audit trail alone; appraisal db check compares it with the sums that pages show.
    """
    library = sites.library()
    chosen = biennium or biennium_of(clock.geneva_date(clock.now()))
    with sites.opened(sites.settings()) as (database, _), database.read() as db:
        try:
            found = indicators.value(db, library, code, chosen, past, SCOPES[scope] if scope else None)
        except KeyError:
            known = ", ".join(entry.code for entry in library.indicators().indicators)
            sites.fail(f"There is no indicator {code}; known: {known}.")
        except ValueError as error:
            sites.fail(f"{str(error)[0].upper()}{str(error)[1:]}.")
    value: dict[str, Any] = plain(found)
    if as_json:
        sites.echo_json(value)
    else:
        print_report(value, library.indicators().indicator(code).title.en)


def print_report(value: dict[str, Any], title: str) -> None:
    """Print a report as a table, marked where its data is illustrative."""
    mark = "  ILLUSTRATIVE: decisions and percentage are invented" if value["illustrative"] else ""
    click.echo(f"Indicator {value['indicator']}, {value['biennium']}: {title}{mark}")
    milestone = "no milestone" if value["milestone"] is None else f"milestone {value['milestone']} %"
    met = {True: ", met", False: ", not met", None: ""}[value["milestone_met"]]
    click.echo(f"  {_figure(value)}, {milestone}{met}")
    if "proposals" in value:
        _print_approvals(value)
    else:
        _print_rows(value)


def _figure(value: dict[str, Any]) -> str:
    if value["kind"] == "growth" and value["denominator"] is None:
        return f"{value['numerator']} counted, no baseline"
    percent = "no data" if value["percent"] is None else f"{value['percent']} %"
    against = "against a baseline of" if value["kind"] == "growth" else "of"
    return f"{percent}  ({value['numerator']} {against} {value['denominator']})"


def _print_rows(value: dict[str, Any]) -> None:
    if not value["complete"]:
        click.echo("  Incomplete: there are rows without an answer.")
    for name, rows in value["groups"].items():
        if rows:
            click.echo(f"\n  {name} ({len(rows)})")
        for row in rows:
            said = ", ".join(
                f"{key} {'; '.join(map(str, cell)) if isinstance(cell, list) else cell}"
                for key, cell in row.items()
                if key != "number"
            )
            click.echo(f"    {said}")


def _print_approvals(value: dict[str, Any]) -> None:
    if not value["complete"]:
        click.echo("  Incomplete: there are approvals without a date.")
    if value["finance_list"]["missing"]:
        click.echo(
            f"  Projects in the finance list without a proposal here: {value['finance_list']['missing']}"
        )
    for label, key in (("with overrides", "with_overrides"), ("XBTC only", "xbtc"), ("RBSA only", "rbsa")):
        click.echo(f"  {label}: {value[key][0]} of {value[key][1]}")
    for name, lines in value["breakdowns"].items():
        said = "; ".join(
            f"{line['value'] or '-'} {line['numerator']}/{line['denominator']}" for line in lines
        )
        if said:
            click.echo(f"  by {name}: {said}")
    for name, proposals in value["proposals"].items():
        if not proposals:
            continue
        click.echo(f"\n  {name.replace('_', ' ')} ({len(proposals)})")
        for entry in proposals:
            day = (entry["approved_at"] or "undated")[:10]
            reason = f"  [{entry['reason']}]" if entry["reason"] else ""
            word = "  illustrative" if entry["illustrative"] else ""
            click.echo(f"    {entry['number']}  {day:<10}  {entry['title'][:60]:<60}{reason}{word}")
