"""Triggers make the database itself refuse to change or delete what is only ever appended."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

# What the product never changes once it is written.
APPENDED = (
    "events",
    "site_events",
    "records",
    "versions",
    "indicator_reports",
    "accesses",
    "checkpoints",
    "issuers",
    "imports",
    "entries",
    "matches",
    "rates",
)
_FUNCTION = "refuse_change"
# "restrict_violation": the drivers raise an integrity error for it, as SQLite does.
_BODY = """
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '23001';
END
"""


def create(db: Connection) -> None:
    """Guard every table in which rows are only ever appended."""
    if db.dialect.name != "sqlite":
        db.exec_driver_sql(function().replace("%", "%%"))
    for table in APPENDED:
        for statement in statements(db.dialect.name, table):
            db.execute(text(statement))


def statements(dialect: str, table: str) -> Iterator[str]:
    """Yield the statements that guard a table; on PostgreSQL, :func:`function` comes first."""
    if dialect == "sqlite":
        yield from (_on_sqlite(table, verb) for verb in ("UPDATE", "DELETE"))
        return
    call = f"EXECUTE FUNCTION {_FUNCTION}()"
    yield f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}"
    yield f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}"


def function() -> str:
    """Return the statement that makes the function which refuses, on PostgreSQL."""
    return f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$"


def _on_sqlite(table: str, verb: str) -> str:
    told = f"{table} is append-only: {verb} is refused"
    return (
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
    )


def faults(db: Connection) -> list[str]:
    """Return what is wrong with the triggers: missing, switched off, or not as the product makes them."""
    return list(_faults_on_sqlite(db) if db.dialect.name == "sqlite" else _faults_on_postgres(db))


def _faults_on_sqlite(db: Connection) -> Iterator[str]:
    rows = db.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    made = {row.name: row.sql for row in rows}
    for table in APPENDED:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            yield from _compared(name, made.get(name), _on_sqlite(table, verb))


_MADE = """
SELECT t.tgname AS name, t.tgenabled AS enabled, t.tgtype AS kind, c.relname AS place, p.proname AS called,
       p.prosrc AS body
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgqual IS NULL AND c.relnamespace = current_schema()::regnamespace
"""
# Bits of pg_trigger.tgtype: row 1, before 2, delete 8, update 16, truncate 32.
_KINDS = {"append_only": 1 | 2 | 8 | 16, "no_truncate": 2 | 32}


def _faults_on_postgres(db: Connection) -> Iterator[str]:
    made = {row.name: row for row in db.execute(text(_MADE))}
    for table in APPENDED:
        for ending, kind in _KINDS.items():
            name = f"{table}_{ending}"
            row = made.get(name)
            if row is not None and row.enabled not in ("O", "A", b"O", b"A"):
                yield f"the trigger {name} is switched off"
                continue
            found = row and (row.place, row.kind, row.called, row.body)
            yield from _compared(name, found, (table, kind, _FUNCTION, _BODY))


def _compared(name: str, found: object, expected: object) -> Iterator[str]:
    if found is None:
        yield f"the trigger {name} is missing"
    elif found != expected:
        yield f"the trigger {name} is not as the product makes it"
