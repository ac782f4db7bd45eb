"""The command ``audit`` writes checkpoints over the whole trail, verifies it, and takes it out."""

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.clock import geneva_date
from appraisal.database import seals
from appraisal.errors import StepConflict
from appraisal.proposals.store import writing
from appraisal.records.services.issuers import KeyMissing, expired_on
from appraisal.records.signing.signer import Unsignable
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.trail.store import whole_trail as stored
from appraisal.verification.services import checkpoints, releases
from appraisal.verification.services import database as verification_database
from appraisal.verification.services.database import Report


@click.group()
def audit() -> None:
    """Verify the audit trail, seal it with checkpoints, and take it out."""


@audit.command()
@click.option(
    "--out",
    type=click.File("wb", lazy=True),
    help="Write the newest checkpoint to this file; - for standard output.",
)
def checkpoint(out: BinaryIO | None) -> None:
    """Append a checkpoint over the whole trail, unless nothing has changed since the last one.

    A third party who keeps the file can show later that nothing before it was changed: appraisal audit
    verify --against FILE. The signature, if there is one, is written beside it to FILE.p7s.
    """
    chosen = site.settings()
    with site.opened(chosen) as (database, _), site.signer(chosen) as signer:
        try:
            made = checkpoints.checkpoint(database, clock.now(), signer)
        except StepConflict:
            site.fail("The trail is being written to; try again.", code=1)
        except (KeyMissing, Unsignable) as error:
            site.fail(f"The checkpoint cannot be signed: {error}.", code=1)
        with database.read() as db:
            newest = stored.last_checkpoint(db)
            expired = expired_on(db, clock.now())
            signature = stored.signature_of(db, newest.sequence) if newest else None
    if newest is None:
        site.fail("There is nothing to seal yet.", code=1)
    if out is not None:
        out.write(newest.body.encode())
        _write_signature(out, signature)
    said = _said(newest) if made else f"Nothing has changed since checkpoint {newest.sequence}."
    if expired is not None and signature is None:
        said += f"\nUnsigned: the key expired on {geneva_date(expired)}."
    click.echo(said, err=out is not None)


def _write_signature(out: BinaryIO, signature: bytes | None) -> None:
    """Write the signature of a checkpoint beside its file, which anybody can verify with openssl cms."""
    if signature is not None and out.name != "<stdout>":
        Path(f"{out.name}.p7s").write_bytes(signature)


def _said(made: Checkpoint) -> str:
    facts = made.facts
    return (
        f"Checkpoint {made.sequence}: {facts['chains']['count']} chains, {facts['events']['count']} new events, "
        f"{facts['accesses']['count']} new rows of the access log.\nDigest {made.digest}"
    )


@audit.command()
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A checkpoint that was kept: prove that the trail still holds it. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(against: tuple[Path, ...], as_json: bool) -> None:
    """Verify the whole trail: triggers, chains, checkpoints, records, versions, files, definitions.

    Every row that events seal is compared with the last event that does; appraisal audit unsealed lists the
    others.

    Exit code 1 when anything is wrong, and 2 when it could not be looked at.
    """
    kept = [site.read_kept(file) for file in against]
    library = site.library()
    with site.opened(site.settings()) as (database, files), site.progress_bar() as progress:
        report = verification_database.verify(database, library, files, progress)
        for file, made in zip(against, kept, strict=True):
            report.checked["kept_checkpoints"] += 1
            report.tell("kept_checkpoints", str(file), checkpoints.kept_in(database, made))
    (_print_json if as_json else _print)(report)
    if report.wrong:
        raise SystemExit(1)


def _print_json(report: Report) -> None:
    wrong = [{"check": found.check, "place": found.place, "what": found.what} for found in report.breaks]
    site.echo_json(
        {
            "checked": dict(report.checked),
            "first": wrong[0] if wrong else None,
            "wrong": wrong,
            "wrong_count": report.wrong,
            "emergencies": [
                {"at": at, "action": action, "person": person} for at, action, person in report.emergencies
            ],
        }
    )


# One, and more than one, of what is counted.
_NAMES: Final = {
    "chains": ("chain", "chains"),
    "events": ("event", "events"),
    "site_events": ("event of the installation", "events of the installation"),
    "versions": ("version", "versions"),
    "records": ("record", "records"),
    "sealed_rows": ("row that events seal", "rows that events seal"),
    "indicator_reports": ("indicator report", "indicator reports"),
    "imports": ("import of a list", "imports of lists"),
    "entries": ("row that it brought", "rows that they brought"),
    "matches": ("match of a project", "matches of projects"),
    "rates": ("rate", "rates"),
    "checkpoints": ("checkpoint", "checkpoints"),
    "signatures": ("signature of a checkpoint", "signatures of checkpoints"),
    "issuers": ("change of key or address", "changes of key or address"),
    "accesses": ("row of the access log", "rows of the access log"),
    "files": ("file", "files"),
    "definitions": ("definition", "definitions"),
    "kept_checkpoints": ("checkpoint that was kept", "checkpoints that were kept"),
}


def _print(report: Report) -> None:
    """Print what is wrong line by line, the first thing first, and what was looked at."""
    for found in report.breaks:
        click.echo(str(found))
    if report.wrong > len(report.breaks):
        click.echo(f"and {report.wrong - len(report.breaks)} more")
    looked = ", ".join(
        f"{count} {names[count != 1]}" for key, names in _NAMES.items() if (count := report.checked[key])
    )
    click.echo(f"Verified the triggers{f', {looked}' if looked else ''}.")
    if older := report.checked["older_events"]:
        click.echo(
            f"{older} events are of an earlier version of the product, "
            "whose texts do not hold the columns act, request, track and days."
        )
    if before := report.checked["unsealed_chains"]:
        click.echo(
            f"{before} {'chain ends' if before == 1 else 'chains end'} before seals were kept: "
            "what is stored beside is compared from the next event on."
        )
    for at, action, person in report.emergencies:
        click.echo(f"Emergency on the command line at {at}: {action}, account {person}.")
    if report.breaks:
        click.echo(f"{report.wrong} wrong; the first: {report.breaks[0]}")
    else:
        click.echo("Nothing is wrong.")


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def definitions(as_json: bool) -> None:
    """List which definitions came into force here, on which day and with which digest."""
    with site.opened(site.settings()) as (database, _), database.read() as db:
        found = releases.list_in_force(db)
    if as_json:
        site.echo_json([plain(asdict(entry)) for entry in found])
        return
    for entry in found:
        click.echo(f"{geneva_date(entry.at)}  {entry.digest}  {entry.key}")
    if not found:
        click.echo("No released definition is in force yet.")


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def unsealed(as_json: bool) -> None:
    """List what no event seals of what is stored, or not at once, with the reason.

    appraisal audit verify compares everything else.
    """
    found = [{"table": table, "column": column, "why": why} for table, column, why in seals.unsealed()]
    if as_json:
        site.echo_json(found)
        return
    for entry in found:
        place = ".".join(filter(None, (entry["table"], entry["column"])))
        click.echo(f"{place}: {entry['why']}")


@audit.command()
@click.option("--proposal", help="The number of one proposal, like TC-2010-0001; all of them by default.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="-",
    help="Where to; standard output by default.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def export(proposal: str | None, out: Path, force: bool) -> None:
    """Write the events of proposals as JSON lines, in the order in which they were written.

    Each line holds the text of an event as it was digested, and the digest. The events of the installation
    itself (people, roles, keys, imports) belong to no proposal and are not among them; a bundle has them.
    """
    with (
        site.opened(site.settings()) as (database, _),
        database.read() as db,
        nullcontext(sys.stdout.buffer) if str(out) == "-" else site.written(out, force=force) as file,
    ):
        if proposal is not None and not writing.is_known(db, proposal):
            site.fail(f"There is no proposal {proposal}.")
        for number, sequence, body, digest in stored.exported(db, proposal):
            line: dict[str, Any] = {"proposal": number, "sequence": sequence, "digest": digest, "body": body}
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
