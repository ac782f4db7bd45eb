"""The command ``indicator`` computes an indicator for a biennium, with the proposals behind it."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from appraisal import clock
from appraisal.canonical import canonical, plain
from appraisal.cli import site
from appraisal.database.as_of import Past
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.indicators.rules.appraised_share import SCOPES
from appraisal.indicators.rules.other_indicators import OF_PROPOSALS
from appraisal.indicators.services import appraised_share, report_files
from appraisal.language import texts
from appraisal.language.words import Words
from appraisal.lists.rules import matching
from appraisal.schemas import schema_text
from appraisal.vocabulary.biennium import biennium_of

ENDINGS: Final = (".json", ".csv", ".xlsx")


def _past(context: click.Context, parameter: click.Parameter, value: str | None) -> Past | None:
    try:
        past = None if value is None else appraised_share.read_past(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    # All of today may be asked for, though it is not over.
    if past is not None and past.moment is not None and past.moment - clock.now() > timedelta(days=1):
        raise click.BadParameter(f"“{value}” is still to come")
    return past


def _print_schema(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        # The code stands before or behind it.
        headline = context.params.get("code", appraised_share.CODE) == appraised_share.CODE
        click.echo(schema_text("indicator" if headline else "figure"), nl=False)
        context.exit()


def _check_ending(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix.lower() not in ENDINGS:
        site.fail(f"{value}: a report is written to a file that ends in {', '.join(ENDINGS)}")
    return value


@click.command()
@click.argument("code", default=appraised_share.CODE)
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
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_check_ending,
    metavar="FILE",
    help="Write the report to a file instead: .json, .csv (a row a proposal) or .xlsx (with figures).",
)
@click.option(
    "--language",
    type=click.Choice(texts.LANGUAGES),
    default="en",
    show_default=True,
    help="In which language the headings of an .xlsx are.",
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of reports and exit.",
)
def indicator(
    code: str,
    biennium: str | None,
    past: Past | None,
    scope: str | None,
    as_json: bool,
    out: Path | None,
    language: texts.Language,
) -> None:
    """Compute indicator CODE (2.1) for a biennium and list the proposals behind every figure.

    It is derived from the audit trail alone; appraisal db check compares it with the sums that pages show.
    """
    if as_json and out is not None:
        site.fail("Give --json or --out, not both.")
    library = site.library()
    chosen = biennium or biennium_of(clock.geneva_date(clock.now()))
    with site.opened(site.settings()) as (database, _), database.read() as db:
        try:
            found = appraised_share.value(db, library, code, chosen, past, SCOPES[scope] if scope else None)
        except NotFound as error:
            if error.kind != "indicator":
                raise
            known = ", ".join(entry.code for entry in library.indicators().indicators)
            site.fail(f"There is no indicator {code}; known: {known}.")
        except ValueError as error:
            site.fail(f"{str(error)[0].upper()}{str(error)[1:]}.")
    value: dict[str, Any] = plain(found)
    if out is not None:
        _write(out, value, library, language)
    elif as_json:
        site.echo_json(value)
    else:
        print_report(value, library.indicators().indicator(code).title.en)


def _write(file: Path, value: dict[str, Any], library: Library, language: texts.Language) -> None:
    """Write a report as what the ending of a file's name says."""
    ending = file.suffix.lower()
    if ending == ".xlsx" and "proposals" not in value:
        site.fail(f"{file}: the report of {value['indicator']} is written as .json or .csv")
    try:
        with file.open("wb") as opened:
            if ending == ".xlsx":
                report_files.write_workbook(opened, value, library, language, clock.now())
            elif ending == ".csv":
                opened.writelines(line.encode() for line in report_files.write_csv(value))
            else:
                opened.write(canonical(value))
    except OSError as error:
        site.fail(f"{file}: {error.strerror}", 1)
    groups = value.get("proposals") or value["groups"]
    click.echo(f"{file} ({sum(map(len, groups.values()))} {'proposals' if 'proposals' in value else 'rows'})")


def print_report(value: dict[str, Any], title: str) -> None:
    """Print a report as a table, marked where its data is illustrative."""
    mark = "  ILLUSTRATIVE: decisions and percentage are invented" if value["illustrative"] else ""
    click.echo(f"Indicator {value['indicator']}, {value['biennium']}: {title}{mark}")
    milestone = "no milestone" if value["milestone"] is None else f"milestone {value['milestone']} %"
    met = {True: ", met", False: ", not met", None: ""}[value["milestone_met"]]
    click.echo(f"  {in_figures(value)}, {milestone}{met}")
    if "proposals" in value:
        _print_approvals(value)
    else:
        _print_rows(value)


def in_figures(value: dict[str, Any]) -> str:
    """Return the figure of a report with what it is made of, on one line."""
    if value["kind"] == "growth" and value["denominator"] is None:
        return f"{value['numerator']} counted, no baseline"
    percent = "no data" if value["percent"] is None else f"{value['percent']} %"
    against = "against a baseline of" if value["kind"] == "growth" else "of"
    return f"{percent}  ({value['numerator']} {against} {value['denominator']})"


def _print_rows(value: dict[str, Any]) -> None:
    if not value["complete"]:
        click.echo("  Incomplete: some rows lack what decides whether they count.")
    for name, rows in value["groups"].items():
        if rows:
            click.echo(f"\n  {name} ({len(rows)})")
        for row in rows:
            said = ", ".join(
                f"{key} {'; '.join(map(str, cell)) if isinstance(cell, list) else cell}"
                for key, cell in row.items()
                if key != "number" or name in OF_PROPOSALS
            )
            click.echo(f"    {said}")


def _print_approvals(value: dict[str, Any]) -> None:
    if value["proposals"]["undated"]:
        click.echo("  Incomplete: there are approvals without a date.")
    if opened := value["finance_list"]["unapproved"]:
        click.echo(f"  Incomplete: projects that were opened without an approval here: {len(opened)}")
    for entry in opened:
        said = f"{entry['number']}, {entry['state_title']['en']}"
        click.echo(f"    {entry['symbol']}  {entry['title'][:60]}  opened without an approval here: {said}")
    if again := value["finance_list"]["changed"]:
        click.echo(f"  Incomplete: links of the finance list to look at again: {len(again)}")
    for entry in again:
        words = Words("en")
        worded = matching.each_in_words(entry["differences"], words.number, words.day)
        said = "; ".join(words.say_each(worded))
        click.echo(f"    {entry['symbol']}  {entry['number']}: {said}")
    if value["finance_list"]["missing"]:
        click.echo(
            f"  Projects in the finance list without a proposal here: {value['finance_list']['missing']}"
        )
    if unvalued := value["unvalued"]:
        click.echo(
            f"  US$ of approvals not fully known, and missing in the sums: {len(unvalued)}: {', '.join(unvalued)}"
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
            approved_at = entry["approved_at"]
            day = clock.geneva_date(clock.parse_stamp(approved_at)).isoformat() if approved_at else "undated"
            reason = f"  [{entry['reason']}]" if entry["reason"] else ""
            word = "  illustrative" if entry["illustrative"] else ""
            click.echo(f"    {entry['number']}  {day:<10}  {entry['title'][:60]:<60}{reason}{word}")
