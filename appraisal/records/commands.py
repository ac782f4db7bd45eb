"""The command ``keys`` tells with which key records and checkpoints are signed, and changes it."""

import os
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import click

from appraisal import clock
from appraisal.canonical import plain
from appraisal.cli import site
from appraisal.errors import AppraisalError
from appraisal.records.services import issuers as services
from appraisal.records.signing.signer import Unsignable
from appraisal.records.signing.throwaway_authority import make_test_authority
from appraisal.records.store import issuers

FILES = {"authority": "authority.pem", "key": "signer.p12", "revocations": "authority.crl"}


@click.group()
def keys() -> None:
    """Say with which key records and checkpoints are signed.

    The key itself stays outside: APPRAISAL_SIGNER names it, as a PKCS#12 file or a key on a PKCS#11 token.
    """


@keys.command()
def use() -> None:
    """Have everything signed from now on with the key that APPRAISAL_SIGNER names.

    Records made from now on say that they are signed; a process without the key does not draw them.
    """
    chosen = site.settings()
    with site.opened(chosen) as (database, _), site.signer(chosen) as signer:
        if signer is None:
            site.fail("APPRAISAL_SIGNER names no key.")
        try:
            with database.begin() as db:
                changed = services.use_key(db, signer, clock.now())
                near = services.expiry(db, clock.now())
        except Unsignable as error:
            site.fail(f"The key cannot be used: {error}")
        said = "is in force from now on" if changed else "is in force already"
        click.echo(
            f"The key of {signer.subject} {said}; its certificate expires on {clock.geneva_date(signer.not_after)}."
        )
        site.warn_of_key(near)


@keys.command()
def retire() -> None:
    """Have nothing signed from now on; what is signed stays so.

    Records that were issued as signed are still drawn in further languages, signed with the next key, or with
    this one for as long as APPRAISAL_SIGNER names it.
    """
    with site.opened(site.settings()) as (database, _):
        with database.begin() as db:
            changed = services.retire_key(db, clock.now())
        click.echo("Nothing is signed from now on." if changed else "No key is in force.")


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Show which key is in force, and which were before, each with its newest address.

    With --json every change is an entry of its own.
    """
    with site.opened(site.settings()) as (database, _), database.read() as db:
        now = clock.now()
        rows, near, gone = issuers.history(db), services.expiry(db, now), services.expired_on(db, now)
    entries = [
        {"since": row.at, "address": row.address, "subject": row.subject, "certificate": row.fingerprint}
        for row in rows
    ]
    if as_json:
        site.echo_json(plain(entries))
        return
    if not entries:
        click.echo("No key was ever in force; nothing is signed.")
    for _, changes in groupby(entries, itemgetter("certificate")):
        click.echo(_line(list(changes)))
    if near is not None:
        click.echo(f"The certificate of the key in force expires on {clock.geneva_date(near.last)}.")
        site.warn_of_key(near)
    if gone is not None:
        click.echo(
            f"The certificate of the last key expired on {clock.geneva_date(gone)}: nothing is signed."
        )


def _line(changes: list[dict[str, Any]]) -> str:
    """Say when one key came into force; whatever changed after that is the address alone."""
    newest = changes[-1]
    begun, noted = _minute(changes[0]["since"]), _minute(newest["since"])
    key = f"{newest['subject']} (SHA-256 {newest['certificate']})" if newest["certificate"] else "not signed"
    address = newest["address"] or "none"
    return f"since {begun}: {key}; address: {address}{f' since {noted}' if noted != begun else ''}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@keys.command("make-test-authority")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--organisation", default="Example organisation", show_default=True, help="Whose key it is.")
@click.option("--password", default="", help="Of the key file; none by default.")
@click.option(
    "--days", default=365, show_default=True, type=click.IntRange(1, 36500), help="How long it is good."
)
def make_authority(folder: Path, organisation: str, password: str, days: int) -> None:
    """Make a throw-away authority and a key that it certified, in FOLDER; for demonstrations only.

    The authority's own key is kept nowhere, so it certifies nothing else.
    """
    now = clock.now().replace(microsecond=0)
    try:
        settings = write_test_authority(folder, organisation, password, now, now + timedelta(days=days))
    except (OSError, AppraisalError) as error:
        site.fail(f"{folder}: {getattr(error, 'strerror', None) or error}")
    click.echo("For demonstrations only. To sign with it:")
    for name, value in settings.items():
        click.echo(f"  export {name}={value}")
    click.echo("  appraisal keys use")


class AlreadyThere(AppraisalError):
    """A folder holds a key that would be lost."""


def write_test_authority(
    folder: Path, organisation: str, password: str, since: datetime, until: datetime
) -> dict[str, str]:
    """Write a test authority into a folder; return the settings that sign with it.

    Raises ``AlreadyThere`` where one of the files is there.
    """
    places = {name: folder.absolute() / file for name, file in FILES.items()}
    for place in places.values():
        if place.exists():
            raise AlreadyThere(f"{place.name} is there already")
    made = make_test_authority(
        organisation, password, since.astimezone(UTC), until.astimezone(UTC), clock.now()
    )
    folder.mkdir(parents=True, exist_ok=True)
    places["authority"].write_bytes(made.certificate)
    places["revocations"].write_bytes(made.revocations)
    with os.fdopen(os.open(places["key"], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(made.key)
    return signing_settings(folder, password)


def signing_settings(folder: Path, password: str) -> dict[str, str]:
    """Return the settings that sign with the key of a test authority in a folder."""
    places = {name: str(folder.absolute() / file) for name, file in FILES.items()}
    settings = {
        "APPRAISAL_SIGNER": places["key"],
        "APPRAISAL_SIGNER_PASSWORD": password,
        "APPRAISAL_TRUST": places["authority"],
        "APPRAISAL_REVOCATIONS": places["revocations"],
    }
    return {name: value for name, value in settings.items() if value}
