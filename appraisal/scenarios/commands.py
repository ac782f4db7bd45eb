"""The command ``play`` runs a scenario and reports what is not as it says."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from appraisal.app import upgrades
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.errors import FaultyInput
from appraisal.indicators.commands import in_figures
from appraisal.scenarios import comparison
from appraisal.scenarios.files import Script, expected, read_scenario
from appraisal.scenarios.performance import play as run
from appraisal.scenarios.play import Play
from appraisal.scenarios.verbs.table import VERBS, verbs


def read_script(file: Path, library: Library) -> Script:
    """Read a scenario against a library; stops with every fault in it."""
    try:
        return read_scenario(file, library, verbs())
    except FaultyInput as error:
        site.fail_with(error)


def results(played: Play) -> dict[str, Any]:
    """Return what a scenario came to, as plain data."""
    wanted = [played.script.scenario.expect, *(timed.step.then for timed in played.script.steps)]
    asked = {comparison.asked(entry) for given in wanted for entry in expected(given).indicators}
    value: dict[str, Any] = plain(
        {
            "scenario": played.script.scenario.title,
            "proposals": {
                handle: comparison.describe(played, number) for handle, number in played.numbers.items()
            },
            "indicators": [comparison.describe_indicator(played, *key) for key in sorted(asked)],
            "differences": played.differences,
        }
    )
    return value


@contextmanager
def fresh(url: str | None) -> Iterator[tuple[Database, Files]]:
    """Open a fresh database: a temporary one that goes away, or the one named, which is kept."""
    with tempfile.TemporaryDirectory(prefix="appraisal-") as folder:
        database = site.opened_database(url or f"sqlite:///{folder}/scenario.sqlite3")
        try:
            upgrades.upgrade(database)
            yield database, Files(Path(folder) / "files")
        finally:
            database.close()


@click.command()
@click.argument("scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--database", "url", help="Keep the result in this database instead of a temporary one.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbs", "list_verbs", is_flag=True, help="List what ‘do’ may name, and stop.")
def play(scenario: Path | None, url: str | None, as_json: bool, list_verbs: bool) -> None:
    """Run SCENARIO and compare what it expects with what comes of it.

    Exit code 0 when all that it expects holds, 1 with the differences, 2 when the file itself is wrong.
    """
    library = site.library()
    if list_verbs:
        _print_verbs(library)
        return
    if scenario is None:
        raise click.UsageError("Name a scenario file, or ask for --verbs.")
    script = read_script(scenario, library)
    with fresh(url) as (database, files):
        played = run(script, database, library, files)
        value = results(played)
    if as_json:
        site.echo_json(value)
    else:
        _print(value)
    raise SystemExit(1 if played.differences else 0)


def _print_verbs(library: Library) -> None:
    width = max(len(name) for name in VERBS) + 2
    click.echo("Use cases:")
    for name, verb in VERBS.items():
        click.echo(f"  {name:<{width}}{verb.about}")
    click.echo("Transitions of the workflow:")
    for transition in library.newest_workflow().transitions:
        needs = f"; with: {', '.join(transition.needs)}" if transition.needs else ""
        click.echo(
            f"  {transition.name:<{width}}{transition.label.en} (by {' or '.join(transition.by)}{needs})"
        )


def _print(value: dict[str, Any]) -> None:
    click.echo(value["scenario"])
    for handle, facts in value["proposals"].items():
        route = f", route {facts['route']}" if facts["route"] else ""
        recommendation = f", {facts['recommendation']}" if facts["recommendation"] else ""
        click.echo(f"  {handle}: {facts['number']} {facts['state']}{route}{recommendation}")
    for entry in value["indicators"]:
        click.echo(f"  indicator {' '.join(entry['asked'])}: {in_figures(entry)}")
    for difference in value["differences"]:
        click.echo(f"  ✗ {difference}")
    count = len(value["differences"])
    click.echo(f"{count} difference{'s' if count != 1 else ''}." if count else "All as expected.")
