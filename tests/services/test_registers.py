"""Registers: what is found of a file stands beside what the database knows of it."""

import hashlib

import pytest
from sqlalchemy import select

from appraisal.domain.findings import Finding, fails, holds, unchecked
from appraisal.services import records, registers
from appraisal.services.verifications import Verification
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


def _checks(found: Verification) -> dict[str, Finding]:
    return {entry.check: entry for entry in found.findings}
