"""The database refuses to change or delete what is only ever appended, whoever asks."""

import pytest
from sqlalchemy import Executable, delete, text, update
from sqlalchemy.exc import IntegrityError

from appraisal.database import schema, tables, triggers
from appraisal.database.engine import Database
from appraisal.database.rows import insert_row
from appraisal.lists.store.matching import insert_match
from appraisal.records.services import issuers
from appraisal.trail.store import site
from appraisal.verification.services import checkpoints
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text
from tests.tampering import unwatched

COLUMNS = {
    "events": "body",
    "site_events": "body",
    "records": "value",
    "versions": "value",
    "indicator_reports": "value",
    "accesses": "detail",
    "checkpoints": "signature",
    "issuers": "address",
    "imports": "filename",
    "entries": "value",
    "matches": "how",
    "rates": "source",
}


@pytest.fixture
def filled(stage: Stage) -> Stage:
    """A stage with a row in every table that is guarded."""
    casts.approved(stage)
    with unwatched(stage.database) as db:
        site.log_access(db, stage.now, stage.people["ana"].id, "sign_in")
        insert_row(
            db,
            tables.indicator_reports,
            indicator="2.1",
            biennium="2010-11",
            value="{}",
            digest="",
            at=stage.now,
            by=stage.people["desk"].id,
        )
    with stage.database.begin() as db:
        issuers.note_address(db, "https://appraisal.example.org", stage.now)
    import_text(stage, "gaps", "gap,outcome,amount,recorded_on\nG 1,1,5,2010-01-31\n")
    with stage.database.begin() as db:
        insert_match(db, "zam/13/01/fin", None, "undone", stage.now, stage.people["desk"].id)
    casts.enter_rate(stage, "EUR", stage.now.date(), "0.8")
    checkpoints.checkpoint(stage.database, stage.now)
    return stage


def _refused(database: Database, statement: Executable) -> str:
    with pytest.raises(IntegrityError) as caught, unwatched(database) as db:
        db.execute(statement)
    return str(caught.value.orig).splitlines()[0]


def test_no_row_is_changed_or_deleted(filled: Stage) -> None:
    assert set(triggers.APPENDED) == set(COLUMNS)
    for table, column in COLUMNS.items():
        told = f"{table} is append-only: {{}} is refused"
        rows = tables.METADATA.tables[table]
        changed = _refused(filled.database, update(rows).values({column: rows.c[column]}))
        assert changed == told.format("UPDATE")
        assert _refused(filled.database, delete(rows)) == told.format("DELETE")
        if not filled.database.is_sqlite:
            emptied = _refused(filled.database, text(f"TRUNCATE {table} CASCADE"))
            assert emptied.endswith("TRUNCATE is refused")
    assert checkpoints.checkpoint(filled.database, filled.now) is None


def test_a_trigger_that_is_gone_or_bent_is_told(database: Database) -> None:
    assert schema.differences(database) == []
    guard = "events_no_update" if database.is_sqlite else "events_append_only"
    with database.begin() as db:
        db.execute(text(f"DROP TRIGGER {guard}" + ("" if database.is_sqlite else " ON events")))
    assert schema.differences(database) == [f"the trigger {guard} is missing"]
    with database.begin() as db:
        if database.is_sqlite:
            db.exec_driver_sql(f"CREATE TRIGGER {guard} BEFORE UPDATE ON events BEGIN SELECT 1; END")
        else:
            db.exec_driver_sql(
                f"CREATE TRIGGER {guard} BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            db.exec_driver_sql("ALTER TABLE versions DISABLE TRIGGER versions_no_truncate")
    bent = [f"the trigger {guard} is not as the product makes it"]
    off = [] if database.is_sqlite else ["the trigger versions_no_truncate is switched off"]
    assert schema.differences(database) == bent + off
