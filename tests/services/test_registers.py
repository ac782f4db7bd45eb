"""Registers: what is found of a file stands beside what the database knows of it."""

import hashlib

import pytest
from sqlalchemy import select

from appraisal.domain.findings import Finding, fails, holds, unchecked
from appraisal.services import jobs, records, registers
from appraisal.services.verifications import Verification
from appraisal.storage import records as stored
from appraisal.storage import tables
from tests import casts
from tests.casts import Stage

DRAWN = {
    "fails": fails("pages", "Drawn again, another."),
    "holds": holds("pages", "Drawn again, this."),
    "unchecked": unchecked("pages", "Not drawn."),
}


@pytest.mark.parametrize(("outcome", "kept"), [("fails", True), ("holds", True), ("unchecked", False)])
def test_pages_that_were_looked_at_are_told_whatever_the_register_says(
    lite: Stage, outcome: str, kept: bool
) -> None:
    number = casts.approved(lite)
    table, pages = tables.Record.__table__, DRAWN[outcome]
    with lite.database.begin() as db:
        record = db.execute(select(table.c.id, table.c.digest).order_by(table.c.id)).first()
        assert record is not None
        records.keep_rendering(db, lite.files, record.id, "en", b"%PDF", lite.now)
    found = Verification(number, record.digest, (pages,), None, {})

    with lite.database.read() as db:
        checks = {
            sha256: _checks(registers.compared(db, found, sha256))
            for sha256 in (hashlib.sha256(b"%PDF").hexdigest(), "0" * 64)
        }

    known, unknown = checks.values()
    assert (known["register"].outcome, unknown["register"].outcome) == ("holds", "fails")
    assert ("pages" in known, unknown["pages"]) == (kept, pages)


def test_a_file_that_was_drawn_again_stays_known(stage: Stage) -> None:
    number = casts.approved(stage)
    with stage.database.read() as db:
        record = stored.newest_record(db, number)
    assert record is not None
    id = record.id

    def drawn(drawing: bytes, *, again: bool = False) -> bytes:
        given = (lambda *_: drawing, None, id, "en", stage.now)
        return jobs.drawn(stage.database, stage.files, *given, again=again)

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
            pdf: _checks(registers.compared(db, found, hashlib.sha256(pdf).hexdigest()))["register"].say("en")
            for pdf in files
        }
    earlier = "This installation issued this record; this file is an earlier drawing of it, of 2010-02-0"
    assert [sentence.startswith(earlier) for sentence in said.values()] == [True, True, True, False]
    assert list(said.values())[-1] == "This installation issued this record, and this very file of it."


def _checks(found: Verification) -> dict[str, Finding]:
    return {entry.check: entry for entry in found.findings}
