"""The command ``tick`` does what time demands."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import click

from appraisal import clock
from appraisal.app.daily import ticking
from appraisal.cli import site
from appraisal.records.services.issuers import KeyMissing
from appraisal.records.signing.signer import Unsignable
from appraisal.verification.services import checkpoints, releases
from appraisal.workflow.services import time_steps
from appraisal.workflow.services.time_steps import Ticked

_YEARS = range(1900, 3000)
# So long a list that was sent waits for whoever sent it to say what its columns are.
_PATIENCE = timedelta(days=1)


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write a moment like 2010-02-01T09:00:00+01:00") from None
    if moment.year not in _YEARS:
        # Farther away, a moment plus some days would be no moment any more.
        raise click.BadParameter("the year lies between 1900 and 2999")
    if moment.tzinfo is None:
        raise click.BadParameter("the moment has no offset, like +01:00")
    return moment


@click.command()
@click.option("--at", callback=_moment, help="Take this moment for the present one.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def tick(at: datetime | None, as_json: bool) -> None:
    """Do what time demands: lapse, end holds, mark dates, gather daily mail, seal the trail.

    Lists that were sent and not imported within a day are given up, and sessions forgotten that were last
    used a month ago. May be run at any time.

    A proposal at which it fails stays as it is and is tried again next time; exit code 1 then.
    """
    now = at or clock.now()
    library = site.library()
    chosen = site.settings()
    with site.opened(chosen) as (database, files), site.signer(chosen) as signer:
        # By the machine's clock, as the times of files are.
        files.waiting.give_up(clock.now() - _PATIENCE)
        releases.note_in_force(database, library, now)
        failed = (_print_json if as_json else _print)(ticking(database, library, now))
        try:
            made = checkpoints.daily_checkpoint(database, now, signer)
        except (KeyMissing, Unsignable) as error:
            site.fail(f"The checkpoint cannot be signed: {error}.", code=1)
    if made is not None and not as_json:
        click.echo(f"Checkpoint {made.sequence} of the audit trail is written.")
    if failed:
        raise SystemExit(1)


def _print_json(found: Iterable[Ticked]) -> int:
    done = time_steps.joined(found)
    parts = {"steps": done.steps, "marks": done.marks, "faults": done.faults}
    site.echo_json({name: [list(entry) for entry in entries] for name, entries in parts.items()})
    return len(done.faults)


def _print(found: Iterable[Ticked]) -> int:
    """Print what is done as it is done; return how many proposals it failed at."""
    steps = marks = failed = 0
    for ticked in found:
        for number, what in (*ticked.steps, *ticked.marks):
            click.echo(f"{number}: {what}")
        for number, reason in ticked.faults:
            click.echo(f"{number}: failed, {reason}", err=True)
        steps, marks, failed = (
            steps + len(ticked.steps),
            marks + len(ticked.marks),
            failed + len(ticked.faults),
        )
    click.echo(f"{steps} steps, {marks} marks{f', {failed} failed' if failed else ''}.")
    return failed
