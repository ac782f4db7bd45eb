"""The command ``verify`` tells what the file of a record proves, without a database."""

import hashlib
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from appraisal import clock
from appraisal.cli import site
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.language.texts import say
from appraisal.printing.worker import Renderer
from appraisal.records.rules.validity import Validity
from appraisal.records.signing.certificates import NotCertificates, read_certificates, read_revocations
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.verification.reading.isolated import Opener
from appraisal.verification.reading.record_pdf import LARGEST_FILE, SENTENCES, Unreadable
from appraisal.verification.reading.signatures import Grounds
from appraisal.verification.services import known_here
from appraisal.verification.services.bundle_check import check as check_bundle
from appraisal.verification.services.bundle_examination import NoBundle
from appraisal.verification.services.record_file import CHECKS, OUTCOME_TITLES, Render, Verification
from appraisal.verification.services.record_file import verify as verify_file
from appraisal.vocabulary.findings import Finding

_WIDTH = 110
_OUTCOMES: Final = {
    "holds": "nothing fails",
    "ended": "genuine, but no longer in force",
    "unknown": "nothing fails, but not all can be known here",
    "fails": "something is wrong",
    "unreadable": "not readable",
}
# The exit code by the worst that came out of any file, the worst first.
_EXITS: Final = {"fails": 1, "unreadable": 2, "ended": 3, "unknown": 4}
_MOST_NAMED: Final = 20
_TITLES = {
    **{check: say("en", title) for check, title in CHECKS.items()},
    # Of bundles.
    "files": "Files",
    "asked": "What was asked",
    "standing": "In force",
    "events": "Audit trail",
    "checkpoints": "Checkpoints",
    "proofs": "Proofs",
    "site": "Installation",
    "versions": "Versions",
    "records": "Records",
}


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--render",
    "renders",
    is_flag=True,
    help="Draw the embedded record again and compare the bytes; needs the renderer that made the file.",
)
@click.option(
    "--trust",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    envvar="APPRAISAL_TRUST",
    help="Certificate of an authority whose signatures count (PEM or DER). May be given several times.",
)
@click.option(
    "--revocations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A list of revoked certificates (DER), beside those in the file. May be given several times.",
)
@click.option(
    "--register",
    "compares",
    is_flag=True,
    help="Compare with the database of this installation as well: whether the record is still in force, "
    "issued here, this very file, audit trail.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A checkpoint that was kept elsewhere: a bundle that does not hold it is too old, or was altered. "
    "May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    files: tuple[str, ...],
    renders: bool,
    trust: tuple[Path, ...],
    revocations: tuple[Path, ...],
    compares: bool,
    checkpoints: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Verify PDFs of records, or bundles (ZIP) for auditors, from nothing but the files.

    Signature, form, schema and digest of the embedded record, verdicts and recommendation computed again
    from the ratings, order of times, steps, route, and separation of duties. Whether a record is still in
    force, or was superseded, annulled or corrected, only the register can say (--register).

    Of a bundle also what was asked and whether that is there, chains of events, checkpoints and proofs, and
    which of its records were in force at its moment. Each of that holds, fails, or cannot be known here: with
    nobody's signature (--trust), only the bundle itself says that nothing was left out of it.

    Exits 0 when nothing fails, and of a bundle all holds; 1 when something fails; 2 when nothing else does
    but a file cannot be read; 3 when nothing is wrong, but the record of a file is no longer in force; and 4
    when nothing fails, but something about a bundle cannot be known here.
    """
    kept = [site.read_kept(file) for file in checkpoints]
    library = site.library()
    grounds = _grounds(trust, revocations)
    entries = []
    with ExitStack() as stack:
        database = stack.enter_context(site.opened(site.settings()))[0] if compares else None
        render: Render | None = stack.enter_context(Renderer()).render if renders else None
        opener = stack.enter_context(Opener())
        for file in files:
            try:
                with Path(file).open("rb") as opened:
                    if opened.read(2) == b"PK":
                        entries.append(_bundle(file, library, grounds, render, kept, database))
                        continue
                    opened.seek(0)
                    data = opened.read(LARGEST_FILE + 1)
                found = verify_file(data, opener.open(data, grounds), library, render)
                if database is not None:
                    found = _compared(database, found, data)
                entries.append(_entry(file, found))
            except NoBundle as error:
                entries.append({"file": file, "outcome": "unreadable", "reason": str(error)})
            except Unreadable as error:
                entries.append({"file": file, "outcome": "unreadable", "reason": error.reason})
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                if (Path(file) / "manifest.json").exists():
                    reason = "an unpacked bundle: verify the ZIP that it came from"
                entries.append({"file": file, "outcome": "unreadable", "reason": reason})
    if kept and all("number" in entry for entry in entries):
        site.fail("--checkpoint is about bundles, and none of these files is one.")
    if as_json:
        site.echo_json(entries)
    else:
        click.echo("\n\n".join(_table(entry) for entry in entries))
        if len(entries) > 1:
            click.echo(f"\n{_summed(entries)}")
    outcomes = {entry["outcome"] for entry in entries}
    raise SystemExit(next((code for outcome, code in _EXITS.items() if outcome in outcomes), 0))


def _summed(entries: Sequence[Mapping[str, Any]]) -> str:
    """Say of how many files what came out, and name those that are not in order."""
    counted = Counter(entry["outcome"] for entry in entries)
    told = [
        f"{_OUTCOMES[outcome]}: {counted[outcome]}"
        + ("" if outcome == "holds" else f" ({', '.join(_named(entries, outcome))})")
        for outcome in _OUTCOMES
        if counted[outcome]
    ]
    return f"Of {len(entries)} files – {'; '.join(told)}."


def _named(entries: Sequence[Mapping[str, Any]], outcome: str) -> list[str]:
    names = [_printable(entry["file"]) for entry in entries if entry["outcome"] == outcome]
    return names[:_MOST_NAMED] + ([f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else [])


def _bundle(
    file: str,
    library: Library,
    grounds: Grounds,
    render: Render | None,
    kept: Sequence[Checkpoint],
    database: Database | None,
) -> dict[str, Any]:
    """Examine a bundle; raises ``NoBundle``."""
    found = check_bundle(Path(file), library, grounds, render, _progress, kept)
    if database is not None:
        with database.read() as db:
            asked = known_here.bundle_findings(db, found)
        found = replace(found, findings=(*asked, *found.findings))
    manifest = found.manifest
    return {
        "file": file,
        "outcome": found.outcome,
        "made_at": manifest.made_at,
        "by": {"id": manifest.by[0], "name": manifest.by[1]},
        "asked": manifest.asked.value(),
        "digest": found.digest,
        "records": [
            {
                "number": entry.number,
                "path": entry.path,
                "digest": entry.digest,
                "validity": _validity(entry.validity),
            }
            for entry in found.standings
        ],
        "findings": [_finding(entry) for entry in found.findings],
    }


def _progress(done: int, total: int) -> None:
    """Show how far it is while standard error is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} ", nl=done == total, err=True)


def _compared(database: Database, found: Verification, data: bytes) -> Verification:
    with database.read() as db:
        return known_here.compared(db, found, hashlib.sha256(data).hexdigest())


def _grounds(trust: tuple[Path, ...], revocations: tuple[Path, ...]) -> Grounds:
    """Read what signatures are judged by; stops where a file holds nothing of the kind."""
    roots = tuple(file.read_bytes() for file in trust)
    lists = tuple(file.read_bytes() for file in revocations)
    for files, read in (
        (zip(trust, roots, strict=True), read_certificates),
        (zip(revocations, lists, strict=True), read_revocations),
    ):
        for file, data in files:
            try:
                read(data)
            except NotCertificates as error:
                site.fail(f"{file}: {error}")
    return Grounds(clock.now(), roots, lists)


def _entry(file: str, found: Verification) -> dict[str, Any]:
    return {
        "file": file,
        "outcome": "fails" if not found.holds else "ended" if found.is_ended else "holds",
        "number": found.number,
        "digest": found.digest,
        "validity": _validity(found.validity),
        "findings": [_finding(entry) for entry in found.findings],
    }


def _validity(found: Validity | None) -> dict[str, Any] | None:
    """Return what the register says of a record; None where it was not asked or knows no such record."""
    if found is None:
        return None
    at = "" if found.at is None else clock.stamp(found.at)
    return {"status": found.code, "at": at, "record": found.record}


def _finding(entry: Finding) -> dict[str, Any]:
    return {"check": entry.check, "outcome": entry.outcome, "sentence": entry.say("en")}


def _table(entry: dict[str, Any]) -> str:
    lines = [_printable(entry["file"])]
    if entry["outcome"] == "unreadable":
        reason = entry["reason"]
        return "\n".join([*lines, f"  {SENTENCES.get(reason, reason)}"])
    named = {finding["check"]: _TITLES[finding["check"]] for finding in entry["findings"]}
    width = max(map(len, named.values()), default=0)
    titles = {outcome: say("en", title) for outcome, title in OUTCOME_TITLES.items()}
    if "made_at" in entry:
        titles["unchecked"] = "NOT KNOWN"
        lines += ["", *_indented(_head(entry)), ""]
    mark = max(len(title) for title in titles.values())
    for finding in entry["findings"]:
        head = f"  {titles[finding['outcome']]:<{mark}}  {named[finding['check']]:<{width}}  "
        lines += textwrap.wrap(
            _printable(finding["sentence"]),
            _WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            # A digest is to be copied whole.
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join([*lines, "", f"  {_summary(entry)}"])


def _head(entry: dict[str, Any]) -> str:
    """Say what a bundle says of itself: when it was made, by whom, and what was asked for."""
    asked = entry["asked"]
    chosen = ", ".join(filter(None, (*asked["numbers"], asked["biennium"], asked["unit"], asked["state"])))
    by = f"by {entry['by']['name']}" if entry["by"]["id"] else "on the command line"
    pdfs = (
        f"every PDF in {', '.join(asked['languages'])}" if asked["languages"] else "the PDFs that there were"
    )
    moment = f"{entry['made_at'][:19].replace('T', ' ')} UTC"
    return f"By its manifest made on {moment}, asked for {by}: {chosen or 'all proposals'}, {pdfs}."


def _indented(text: str) -> list[str]:
    return textwrap.wrap(_printable(text), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _summary(entry: dict[str, Any]) -> str:
    outcomes = [finding["outcome"] for finding in entry["findings"]]
    failing, unchecked = outcomes.count("fails"), outcomes.count("unchecked")
    said = f"{failing} of the findings above say that something is wrong" if failing else "Nothing fails"
    if "made_at" in entry:
        return f"{said}; {unchecked} cannot be known here." if unchecked else f"{said}."
    if "ended" in outcomes:
        said += (
            ", but the record is no longer in force" if not failing else "; the record is no longer in force"
        )
    return f"{said}; {unchecked} could not be checked." if unchecked else f"{said}."


def _printable(text: str) -> str:
    """Return a text without what would steer a terminal: names and facts come out of the file."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
