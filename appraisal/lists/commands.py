"""The command ``import`` imports a list from elsewhere, whole or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import click

from appraisal import clock
from appraisal.accounts.commands import find_coordinator
from appraisal.cli import site
from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.services import imports
from appraisal.lists.services.imports import BadList, Changes, Checked
from appraisal.vocabulary.refusals import NotAllowed


@click.command("import")
@click.argument("dataset", type=click.Choice(list(BY_KEY)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "pairs",
    metavar="COLUMN=HEADING",
    multiple=True,
    help="Which column of the file a column is taken from; an empty heading leaves it out.",
)
@click.option("--whole", is_flag=True, help="The file is the whole list: a row that is not in it is no more.")
@click.option(
    "--check", "only_check", is_flag=True, help="Say what an import would bring, and write nothing."
)
@click.option(
    "--by", "email", metavar="EMAIL", help="The coordinator who imports; needed where there are several."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the counts, or everything that is wrong, as JSON."
)
def import_(
    dataset: str,
    file: Path,
    pairs: Sequence[str],
    whole: bool,
    only_check: bool,
    email: str | None,
    as_json: bool,
) -> None:
    """Import a list from a CSV (UTF-8) or XLSX FILE into DATASET, whole or not at all.

    Columns are found by their keys or their labels in English, French or Spanish. Everything that is
    wrong is listed by line and column, and then nothing is imported. Rows that stand here already, word
    for word, are not written again.
    """
    chosen = _pairs(pairs)
    with ExitStack() as stack:
        database, files = stack.enter_context(site.opened(site.settings()))
        path = file
        if not only_check:
            # What is imported is kept; it is read from there, so that nobody changes it meanwhile.
            path = files.whole(files.keep(file.read_bytes()))
        progress = stack.enter_context(site.progress_bar())
        try:
            found = stack.enter_context(
                imports.checked(
                    BY_KEY[dataset],
                    imports.source_of(path, file.name),
                    lambda heading: imports.mapped(BY_KEY[dataset], heading, chosen),
                    clock.geneva_date(clock.now()),
                    lambda done, total: progress("Reading", done, total),
                )
            )
            with database.begin() as db:
                who = find_coordinator(db, email)
                changes = (
                    imports.compare(db, found, whole=whole)
                    if only_check
                    else imports.import_rows(db, who, clock.now(), found, whole=whole)
                )
        except BadList as error:
            _fail(error, as_json)
        except LookupError as error:
            site.fail(f"{file.name}: {error.args[0]}")
        except NotAllowed as error:
            site.fail(str(error))
        _say(found, changes, as_json)


def _pairs(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        column, sign, heading = pair.partition("=")
        if not sign:
            site.fail(f"“{pair}” is not COLUMN=HEADING.")
        if column in found:
            site.fail(f"The column {column} is mapped twice.")
        found[column] = heading
    return found


def _fail(error: BadList, as_json: bool) -> NoReturn:
    if not as_json:
        for more in error.further:
            column = f"“{more.column}”: " if more.column else ""
            click.echo(f"and {more.count} further lines: {column}{more.sentence}", err=True)
        site.fail_with(error)
    wrong = [{"line": entry.line, "column": entry.column, "what": entry.said("en")} for entry in error.wrong]
    further = [{"column": more.column, "what": more.sentence, "lines": more.count} for more in error.further]
    site.echo_json({"wrong": wrong, "further": further})
    raise SystemExit(site.BAD_INPUT)


def _say(found: Checked, changes: Changes, as_json: bool) -> None:
    counts = {
        "rows": changes.rows,
        "added": changes.added,
        "changed": changes.changed,
        "removed": changes.removed,
        "as_text": found.as_text,
    }
    if as_json:
        site.echo_json(counts)
        return
    if found.as_text:
        click.echo(f"{found.as_text} cells that look like formulas are kept as the text that they are.")
    click.echo(
        f"{changes.rows} rows: {changes.added} new, {changes.changed} changed, {changes.removed} no more, "
        f"{changes.rows - changes.added - changes.changed} as before."
    )
