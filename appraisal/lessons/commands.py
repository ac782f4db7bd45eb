"""The command ``import-lessons`` imports the lessons that evaluations drew."""

from pathlib import Path

import click

from appraisal import clock
from appraisal.accounts.commands import find_coordinator
from appraisal.cli import site
from appraisal.errors import FaultyInput
from appraisal.lessons.services import lessons
from appraisal.vocabulary.refusals import NotAllowed


@click.command("import-lessons")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as",
    "email",
    metavar="EMAIL",
    help="The coordinator who imports them; needed where there are several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was imported as JSON.")
def import_lessons(file: Path, email: str | None, as_json: bool) -> None:
    """Import every lesson of a CSV FILE, all or none.

    Columns: code, text, place, countries, theme, outcome, source. Countries are codes of ISO 3166
    with spaces or semicolons between, or “global”; the source is an http(s) address or the name of
    a document. A lesson that stands here already, word for word, is skipped; the same code with
    something else in it is a fault.
    """
    with site.opened(site.settings()) as (database, _):
        try:
            with database.begin() as db:
                who = find_coordinator(db, email)
                done = lessons.import_lessons(db, who, clock.now(), file.read_bytes(), file.name)
        except FaultyInput as error:
            site.fail_with(error)
        except NotAllowed as error:
            site.fail(str(error))
    if as_json:
        site.echo_json({"imported": [lesson.code for lesson in done.lessons], "skipped": done.skipped})
        return
    for lesson in done.lessons:
        click.echo(f"{lesson.code}  {lesson.theme or lesson.place}".rstrip())
    click.echo(f"{len(done.lessons)} lessons imported, {done.skipped} there already.")
