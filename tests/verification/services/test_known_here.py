"""The register: what is found of a file stands beside what the database knows of it."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from appraisal.app import worker
from appraisal.canonical import canonical
from appraisal.database import tables
from appraisal.records.rules.validity import Validity
from appraisal.records.services import issuers, records
from appraisal.records.store import records as stored
from appraisal.verification.reading.signatures import Signature
from appraisal.verification.rules.bundle_manifest import Asked, Held, Manifest
from appraisal.verification.services import known_here
from appraisal.verification.services.bundle_check import Checked, Standing
from appraisal.verification.services.record_file import Verification
from appraisal.vocabulary.findings import Finding, fails, holds, unchecked
from tests import casts
from tests.casts import Stage
from tests.keys import make_keyring
from tests.tampering import unguarded

DRAWN = {
    "fails": fails("pages", "Drawn again, another."),
    "holds": holds("pages", "Drawn again, this."),
    "unchecked": unchecked("pages", "Not drawn."),
}


REGISTERED = unchecked(
    "pages",
    "The file is not signed: that its pages are those which were drawn only the register says, or drawing the "
    "record again (--render).",
)
SIGNED = Signature((), "unasked", "X", "0" * 64)


@pytest.mark.parametrize(
    ("outcome", "signature", "expected"),
    [
        ("fails", None, DRAWN["fails"]),
        ("holds", None, DRAWN["holds"]),
        ("unchecked", None, REGISTERED),
        ("unchecked", SIGNED, None),
    ],
)
def test_pages_that_were_looked_at_are_told_whatever_the_register_says(
    lite: Stage, outcome: str, signature: Signature | None, expected: Finding | None
) -> None:
    number = casts.approved(lite)
    table, pages = tables.records, DRAWN[outcome]
    with lite.database.begin() as db:
        record = db.execute(select(table.c.id, table.c.digest).order_by(table.c.id)).first()
        assert record is not None
        records.keep_rendering(db, lite.files, record.id, "en", b"%PDF", lite.now)
    found = Verification(number, record.digest, (pages,), signature, {})

    with lite.database.read() as db:
        checks = {
            sha256: _checks(known_here.compared(db, found, sha256))
            for sha256 in (hashlib.sha256(b"%PDF").hexdigest(), "0" * 64)
        }

    known, unknown = checks.values()
    assert (known["register"].outcome, unknown["register"].outcome) == ("holds", "fails")
    assert (known.get("pages"), unknown["pages"]) == (expected, pages)


def test_a_file_that_was_drawn_again_stays_known(stage: Stage) -> None:
    number = casts.approved(stage)
    with stage.database.read() as db:
        record = stored.newest_record(db, number)
    assert record is not None
    id = record.id

    def drawn(drawing: bytes, *, again: bool = False) -> bytes:
        given = (lambda *_: drawing, None, id, "en", stage.now)
        return worker.drawn(stage.database, stage.files, *given, again=again)

    files = []
    for drawing in (b"%PDF one", b"%PDF two", b"%PDF one", b"%PDF three"):
        stage.wait(days=1)
        files.append(drawn(drawing, again=True))
    # Without being asked to it is not drawn again, but where its file is lost.
    assert drawn(b"%PDF") == b"%PDF three"
    lost = hashlib.sha256(b"%PDF three").hexdigest()
    (stage.files.folder / lost[:2] / lost).unlink()
    files.append(drawn(b"%PDF"))
    found = Verification(number, record.digest, (), None, {})
    with stage.database.read() as db:
        said = {
            pdf: _checks(known_here.compared(db, found, hashlib.sha256(pdf).hexdigest()))["register"].say(
                "en"
            )
            for pdf in files
        }
    earlier = "This installation issued this record; this file is an earlier drawing of it, of 2010-02-0"
    assert [sentence.startswith(earlier) for sentence in said.values()] == [True, True, True, False]
    assert list(said.values())[-1] == "This installation issued this record, and this very file of it."


def _checks(found: Verification) -> dict[str, Finding]:
    return {entry.check: entry for entry in found.findings}


def _annulled(stage: Stage) -> Verification:
    """Annul an approval; return what was found of the file of its decision sheet."""
    number = casts.approved(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="Wrong fund.")
    casts.take(stage, "deputy", number, "annul", note="So it is.")
    with stage.database.read() as db:
        table = tables.records
        row = db.execute(select(table.c.digest, table.c.value).where(table.c.id == 2)).one()
    return Verification(number, row.digest, (NOT_ASKED,), None, json.loads(row.value)["chain"])


NOT_ASKED = unchecked("validity", "Whether the record is still in force only the register can say.")
NOT_TOLD = "What is stored of the proposal is not what its audit trail says; see “appraisal audit verify”."
BROKEN = "The audit trail of the proposal does not hold; see “appraisal audit verify”."
UNKNOWN = "Whether the record is still in force cannot be said: its audit trail proves nothing."
FORGED = (
    ("UPDATE decisions SET voided_at = NULL", NOT_TOLD),
    ("DELETE FROM decisions WHERE kind = 'annul'", NOT_TOLD),
    ("UPDATE ratings SET value = '1' WHERE item = 'TRI-1'", NOT_TOLD),
    ("UPDATE events SET note = 'Bent.' WHERE sequence = 2", BROKEN),
)


@pytest.mark.parametrize(("statement", "said"), FORGED)
def test_a_register_whose_rows_are_not_what_the_trail_says_vouches_for_nothing(
    stage: Stage, statement: str, said: str
) -> None:
    found = _annulled(stage)
    with stage.database.read() as db:
        before = known_here.compared(db, found, "0" * 64)
    assert (
        _checks(before)["validity"].say("en")
        == "No longer in force: the approval was annulled on 2010-02-01."
    )

    with unguarded(stage.database) as db:
        db.execute(text(statement))
    with stage.database.read() as db:
        after = known_here.compared(db, found, "0" * 64)
        asked = known_here.standing_of(db, found.digest)

    assert _checks(after)["trail"] == fails("trail", said)
    assert _checks(after)["validity"] == unchecked("validity", UNKNOWN)
    assert after.validity is None
    assert asked is not None
    assert (asked.validity, asked.trail) == (None, fails("trail", said))


def _add_record(db: Connection, value: dict[str, Any]) -> str:
    """Add a record beside those that events name; return its digest."""
    table = tables.records
    row = dict(db.execute(select(table).order_by(table.c.id.desc()).limit(1)).mappings().one())
    made = canonical(value)
    digest = hashlib.sha256(made).hexdigest()
    db.execute(insert(table).values({**row, "id": row["id"] + 1, "value": made.decode(), "digest": digest}))
    return digest


def test_a_record_that_no_event_names_was_not_issued_in_the_trail(stage: Stage) -> None:
    number = casts.approved(stage)
    with stage.database.read() as db:
        real = stored.newest_record(db, number)
    assert real is not None
    value = json.loads(real.value)
    value["decision"]["note"] = "Approved without conditions."
    with unguarded(stage.database) as db:
        digest = _add_record(db, value)
    found = Verification(number, digest, (NOT_ASKED,), None, value["chain"])

    with stage.database.read() as db:
        checks = _checks(known_here.compared(db, found, "0" * 64))

    assert checks["trail"] == fails("trail", "No event in the audit trail of the proposal names the record.")
    assert checks["validity"] == unchecked("validity", UNKNOWN)


def test_a_key_that_the_trail_of_the_installation_does_not_tell_of_is_not_its_own(
    lite: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    number = casts.approved(lite)
    own, foreign = (make_keyring(tmp_path_factory.mktemp("keys")).signer() for _ in range(2))
    with lite.database.begin() as db:
        issuers.use_key(db, own, lite.now)
        record = stored.newest_record(db, number)
    assert record is not None
    table = tables.issuers
    with unguarded(lite.database) as db:
        row = {"address": "", "subject": foreign.subject, "by": 0, "at": lite.now}
        given = {"fingerprint": foreign.fingerprint, "certificate": foreign.certificate}
        db.execute(insert(table).values(**row, **given))
    with lite.database.read() as db:
        said = [
            _checks(
                known_here.compared(
                    db,
                    Verification(number, record.digest, (), Signature((), "unknown", "X", key.fingerprint)),
                    "0" * 64,
                )
            ).get("signer")
            for key in (own, foreign)
        ]
    assert said[0] is not None
    assert said[0].outcome == "holds"
    assert said[1] is None


@pytest.mark.parametrize(("statement", "said"), FORGED[:1])
def test_nothing_of_a_bundle_counts_by_rows_that_are_not_what_the_trail_says(
    lite: Stage, statement: str, said: str
) -> None:
    found = _annulled(lite)
    case = casts.load(lite, found.number)
    held = {found.number: Held(case.sequence, case.head, 1, {found.digest: ()})}
    manifest = Manifest("2010-02-02T00:00:00.000000Z", (0, ""), Asked(), held, {})
    with lite.database.read() as db:
        now = known_here.standing_of(db, found.digest)
    assert now is not None
    assert now.validity is not None
    standing = Standing(found.number, "records/1.json", found.digest, now.validity)
    whole = Checked(manifest, "", (), (standing,))
    earlier = replace(whole, standings=(replace(standing, validity=Validity()),))

    def outcomes(checked: Checked) -> list[tuple[str, str]]:
        with lite.database.read() as db:
            return [(entry.outcome, entry.say("en")) for entry in known_here.bundle_findings(db, checked)]

    there = "This installation has the chains of the bundle, and has issued its records (1)."
    since = "Since the moment of the bundle, of records/1.json: No longer in force: the approval was annulled on 2010-02-01."
    assert outcomes(whole) == [("holds", there)]
    assert outcomes(earlier) == [("ended", since), ("holds", there)]
    with unguarded(lite.database) as db:
        db.execute(text(statement))
    for checked in (whole, earlier):
        assert outcomes(checked) == [("fails", f"Of records/1.json: {said}")]
