"""The command ``demo`` plays the demonstration, writes its records, prints the indicator and serves it."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.app import upgrades, worker
from appraisal.app.commands.serve import free_port, run
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.database.outbox import RENDERING, Leased, waiting
from appraisal.definitions.library import Library
from appraisal.indicators.commands import print_report
from appraisal.indicators.services import appraised_share
from appraisal.lessons.services import lessons
from appraisal.paths import folder, make_private_folder
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.printing.worker import Renderer
from appraisal.records import commands as records_commands
from appraisal.records.services import issuers
from appraisal.records.signing.signer import Signer, open_signer
from appraisal.records.store import renderings
from appraisal.scenarios.commands import read_script
from appraisal.scenarios.files import Script
from appraisal.scenarios.performance import play as play_scenario
from appraisal.scenarios.play import Play
from appraisal.settings import BadSetting, SessionLimits, Settings, read_settings, session_limits

SCENARIO = "scenarios/demonstration.yaml"
LESSONS = "scenarios/lessons.csv"
PASSWORD = "illustrative-2010"  # noqa: S105  (printed to whoever starts the demonstration)
RENDERERS = 2
HOST = "127.0.0.1"
# The file that says that a folder was made by this command.
MARK = "demonstration"


def _progress(label: str, done: int, total: int) -> None:
    """Show how far things are: one line that moves on a terminal, a line a stage elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r{label}: {done} of {total} ", nl=done == total, err=True)
    elif done == total:
        click.echo(f"{label}: {total} of {total}", err=True)


@click.command()
@click.option("--serve/--no-serve", default=None, help="Serve at the end; DEMO_SERVE=0 says no as well.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demonstration"),
    show_default=True,
    help="Where to put it; what a demonstration left there before is replaced.",
)
@click.option("--serve-only", is_flag=True, help="Play nothing; serve what was played into the folder.")
def demo(serve: bool | None, port: int, data: Path, serve_only: bool) -> None:
    """Play real projects through the whole mechanism and serve the result.

    The projects are real, with their sources; their decisions, and so the percentage, are invented
    and marked as illustrative.
    """
    library = site.library()
    try:
        limits = session_limits(os.environ)
    except BadSetting as error:
        site.fail(str(error))
    script = read_script(folder("workflows") / SCENARIO, library)
    if serve_only:
        _serve_only(data.absolute(), script, library, free_port(HOST, port), limits)
        return
    if serve is None:
        serve = os.environ.get("DEMO_SERVE", "1") != "0"
    if serve or not port:
        # Records name it, and playing takes minutes.
        port = free_port(HOST, port)
    data = _emptied(data)
    settings, signer = _signed_settings(data, script, port, limits)
    database, files = Database(settings.database), Files(settings.files)
    try:
        upgrades.upgrade(database)
        begun = script.steps[0].at
        _import_lessons(database, begun)
        with database.begin() as db:
            issuers.use_key(db, signer, begun)
            issuers.note_address(db, settings.address, begun)
        played = play_scenario(
            script,
            database,
            library,
            files,
            lambda done, total: _progress("Playing the demonstration", done, total),
        )
        for difference in played.differences:
            click.echo(f"  ✗ {difference}", err=True)
        _open_accounts(played)
        now = _going_on(script, data)
        written = _write_records(database, files, data / "records", now, signer)
        click.echo(f"{written} signed PDF records in {data / 'records'}")
        _print_indicator(database, library)
        if played.differences:
            raise SystemExit(1)
        _print_accounts(script, now())
        _print_ways(data, None if serve else port)
        if serve:
            run(settings, library, database, files, now, HOST, port)
    finally:
        database.close()


def _serve_only(data: Path, script: Script, library: Library, port: int, limits: SessionLimits) -> None:
    """Serve what was played before, on the clock that has gone on since."""
    if not (data / MARK).is_file():
        site.fail(f"{data} holds no demonstration; leave --serve-only out to play it.")
    try:
        settings, now = _settings(data, port, limits), _going_on(script, data)
    except BadSetting as error:
        site.fail(str(error))
    with site.opened(settings) as (database, files):
        _print_accounts(script, now())
        run(settings, library, database, files, now, HOST, port)


def _settings(data: Path, port: int, limits: SessionLimits) -> Settings:
    given = {
        **records_commands.signing_settings(data / "keys", ""),
        "APPRAISAL_ADDRESS": f"http://{HOST}:{port}",
    }
    return replace(read_settings(given, data=data), demonstration=True, sessions=limits)


def _signed_settings(data: Path, script: Script, port: int, limits: SessionLimits) -> tuple[Settings, Signer]:
    """Make a key that is good from before the demonstration to long after it; return the settings as well."""
    since = script.steps[0].at - timedelta(days=365)
    records_commands.write_test_authority(
        data / "keys", "Appraisal demonstration", "", since, clock.now() + timedelta(days=3650)
    )
    found = _settings(data, port, limits)
    assert found.signer is not None
    return found, open_signer(found.signer)


def _import_lessons(database: Database, now: datetime) -> None:
    """Import the lessons that ship beside the scenario; they are real, each with its source."""
    file = folder("workflows") / LESSONS
    with database.begin() as db:
        lessons.import_lessons(db, SYSTEM_ACTOR, now, file.read_bytes(), file.name)


def _going_on(script: Script, data: Path) -> Callable[[], datetime]:
    """Let the clock go on from where the scenario ended, so that nothing in it is years overdue.

    It has gone on since the folder was marked, so that it never goes back, however often it is served.
    """
    ended = script.steps[-1].at.astimezone(UTC)
    begun = datetime.fromtimestamp((data / MARK).stat().st_mtime, UTC)
    return lambda: ended + (clock.now() - begun)


def _emptied(data: Path) -> Path:
    """Take away what an earlier demonstration left, and nothing else."""
    mark = data / MARK
    if data.exists() and any(data.iterdir()):
        if not mark.exists():
            site.fail(f"{data} holds something that is no demonstration; name another folder with --data.")
        shutil.rmtree(data)
    make_private_folder(data)
    mark.write_text("This folder was made by ‘appraisal demo’ and is replaced by it.\n", encoding="utf-8")
    return data.absolute()


def _open_accounts(played: Play) -> None:
    """Give the people of the scenario the password that is printed; one hash serves them all."""
    hashed = accounts.hasher().hash(PASSWORD)
    with played.database.begin() as db:
        for key in played.script.scenario.people:
            accounts.keep_hash(db, played.script.steps[-1].at, played.people[key].id, hashed)


def _write_records(
    database: Database, files: Files, target: Path, now: Callable[[], datetime], signer: Signer
) -> int:
    """Render every record that waits, on both cores, and write each PDF beside the database."""
    total = waiting(database, RENDERING)
    done = 0

    def finished(_: Leased) -> None:
        nonlocal done
        done += 1
        _progress("Drawing the records", min(done, total), total)

    def draw() -> None:
        with Renderer() as renderer:
            worker.work(database, files, renderer.render, now, finished, signer=signer)

    with ThreadPoolExecutor(RENDERERS) as pool:
        for future in [pool.submit(draw) for _ in range(RENDERERS)]:
            future.result()
    make_private_folder(target)
    return _copy_records(database, files, target)


def _copy_records(database: Database, files: Files, target: Path) -> int:
    with database.read() as db:
        drawn = renderings.list_renderings(db)
    for entry in drawn:
        name = f"{entry.number}-{entry.record:03d}-{entry.kind}-{entry.language}.pdf"
        (target / name).write_bytes(files.read(entry.sha256))
    return len(drawn)


def _print_indicator(database: Database, library: Library) -> None:
    title = library.indicators().indicator("2.1").title.en
    with database.read() as db:
        for milestone in library.indicators().indicator("2.1").milestones:
            found = appraised_share.value(db, library, "2.1", milestone.biennium)
            if found["denominator"] or not found["complete"]:
                click.echo("")
                print_report(plain(found), title)


def _print_accounts(script: Script, now: datetime) -> None:
    click.echo(f"\nThe clock of the demonstration goes on from {now:%d %B %Y}.")
    click.echo(f"Sign in with the password {PASSWORD} as one of:")
    for key, acting in script.scenario.people.items():
        click.echo(f"  {key + '@example.org':<34}{', '.join(acting.roles):<14}{acting.name}")
    click.echo("")


def _print_ways(data: Path, port: int | None) -> None:
    """Say how to come back to what was played, and, where a port is given, how to serve it on that."""
    program = Path(sys.executable).with_name("appraisal")
    if port is not None:
        click.echo("To serve it, playing nothing:")
        click.echo(
            f"  {shlex.join([str(program), 'demo', '--serve-only', '--data', str(data), '--port', str(port)])}"
        )
    signing = {"APPRAISAL_DATA": str(data), **records_commands.signing_settings(data / "keys", "")}
    click.echo(
        f"Its key is {data / 'keys' / records_commands.FILES['key']}, without a password. For ‘audit’ and ‘bundle’:"
    )
    click.echo(f"  export {shlex.join(f'{name}={value}' for name, value in signing.items())}\n")
