"""The trail is read from end to end: rows in order, as they lie in the database, in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, case, cast, exists, func, insert, literal, select
from sqlalchemy.exc import DBAPIError

from appraisal.clock import parse_stamp
from appraisal.database import seals, tables
from appraisal.trail.rules import checkpoints, sealed_rows
from appraisal.trail.rules.checkpoints import Checkpoint

PROPOSALS = tables.proposals
EVENTS = tables.events
VERSIONS = tables.versions
RECORDS = tables.records
APPRAISALS = tables.appraisals
DECISIONS = tables.decisions
ACCESSES = tables.accesses
CHECKPOINTS = tables.checkpoints
REPORTS = tables.indicator_reports
DOCUMENTS = tables.documents
RENDERINGS = tables.renderings
IMPORTS = tables.imports
ENTRIES = tables.entries
MATCHES = tables.matches
REPORT_RENDERINGS = tables.report_renderings
SITE = tables.site_events
PAGE: Final = 2_000


def _stream(db: Connection, statement: Any, page: int = PAGE) -> Iterator[Any]:
    """Yield rows with their values as the driver gives them: moments stay text."""
    options = {"stream_results": True, "max_row_buffer": page}
    # Closed even where nobody reads to the end: PostgreSQL keeps the rows until then.
    with db.exec_driver_sql(_written(db, statement), execution_options=options) as result:
        for part in result.partitions(page):
            yield from part


def _written(db: Connection, statement: Any) -> str:
    """Write a statement out: the driver is given no parameters, and so looks for no places for them."""
    return str(statement.compile(dialect=db.dialect, compile_kwargs={"literal_binds": True}))


def sealed(db: Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Yield what events seal of a table, proposal by proposal, the id of which comes first."""
    return chain.from_iterable(_pages(db, seals.grouped(table)))


def _pages(db: Connection, statement: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield pages of rows as plain tuples from the driver itself, which takes a third of the time."""
    if not db.in_transaction():
        db.begin()
    given = () if db.dialect.name == "sqlite" else (f"trail_{next(_NUMBERS)}",)
    cursor: Any = db.connection.cursor(*given)
    try:
        cursor.execute(statement if isinstance(statement, str) else _written(db, statement))
        while part := cursor.fetchmany(PAGE):
            yield part
    except db.dialect.loaded_dbapi.Error as error:
        raise DBAPIError(None, None, error) from error
    finally:
        cursor.close()


# A cursor that PostgreSQL keeps the rows of has a name.
_NUMBERS: Final = count()


def events(db: Connection) -> Iterator[sealed_rows.EventRow]:
    """Yield the events of every chain in order, proposal by proposal."""
    columns = [EVENTS.c[name] for name in sealed_rows.EVENT]
    ordered = select(*columns).order_by(EVENTS.c.proposal_id, EVENTS.c.sequence, EVENTS.c.id)
    return chain.from_iterable(_pages(db, ordered))


def chain_of(db: Connection, number: str) -> Any:
    """Return id, and where the chain ends (sequence and head), of a proposal; None for an unknown number."""
    columns = (PROPOSALS.c.id, PROPOSALS.c.sequence, PROPOSALS.c.head)
    return db.execute(select(*columns).where(PROPOSALS.c.number == number)).first()


def digest_at(db: Connection, number: str, sequence: int) -> str | None:
    """Return the digest of an event of a chain; None where it has none there."""
    statement = select(EVENTS.c.digest).join(PROPOSALS, PROPOSALS.c.id == EVENTS.c.proposal_id)
    found: str | None = db.execute(
        statement.where(PROPOSALS.c.number == number, EVENTS.c.sequence == sequence)
    ).scalar_one_or_none()
    return found


_CHAIN: Final = " ".join(
    (
        "SELECT",
        ", ".join(f'"{name}"' for name in sealed_rows.EVENT),
        "FROM events WHERE proposal_id = @ ORDER BY sequence, id",
    )
)
_TEXTS: Final = "SELECT value, digest FROM versions WHERE proposal_id = @"


def events_of(db: Connection, proposal: int) -> list[sealed_rows.EventRow]:
    """Return the events of one chain in order."""
    return seals.read_rows(db, seals.placed(_CHAIN, db.dialect.name), (proposal,))


def events_and_versions(
    db: Connection, proposal: int
) -> tuple[list[sealed_rows.EventRow], list[tuple[str, str]]]:
    """Return the events of one chain in order, and the text and digest of every version."""
    asked = [(seals.placed(text, db.dialect.name), (proposal,)) for text in (_CHAIN, _TEXTS)]
    events, versions = seals.read_each(db, asked)
    return events, [(text, digest) for text, digest in versions]


def names_record(db: Connection, proposal: int, digest: str) -> bool:
    """Tell whether an event of a proposal says that it made the record of a digest."""
    made = EVENTS.c.body.contains(f'"record":"{digest}"', autoescape=True)
    return db.execute(select(exists().where(EVENTS.c.proposal_id == proposal, made))).scalar_one()


def proposals(db: Connection) -> Iterator[Any]:
    """Yield id, number, where the chain ends, and what it pins, of every proposal, and the form it counts by.

    That is empty where a version says so, and for a draft, which counts nowhere.
    """
    columns = [PROPOSALS.c[name] for name in ("id", "number", "sequence", "head", "pins")]
    has_version = exists().where(VERSIONS.c.proposal_id == PROPOSALS.c.id)
    form = case((and_(PROPOSALS.c.workflow != "", ~has_version), PROPOSALS.c.content), else_=literal(""))
    return _stream(db, select(*columns, form.label("form")).order_by(PROPOSALS.c.id))


def versions(db: Connection) -> Iterator[Any]:
    """Yield every version, proposal by proposal."""
    columns = [VERSIONS.c[name] for name in sealed_rows.VERSION]
    return _stream(db, select(*columns).order_by(VERSIONS.c.proposal_id, VERSIONS.c.number), page=50)


def records(db: Connection) -> Iterator[Any]:
    """Yield every record with what the appraisal or decision that it is of is known by."""
    named = (
        APPRAISALS.c.number.label("appraisal_number"),
        APPRAISALS.c.proposal_id.label("appraisal_proposal"),
        DECISIONS.c.kind.label("decision_kind"),
        DECISIONS.c.at.label("decision_at"),
        DECISIONS.c.proposal_id.label("decision_proposal"),
    )
    statement = (
        select(*(RECORDS.c[name] for name in sealed_rows.RECORD[:8]), *named)
        .outerjoin(APPRAISALS, APPRAISALS.c.id == RECORDS.c.appraisal_id)
        .outerjoin(DECISIONS, DECISIONS.c.id == RECORDS.c.decision_id)
        .order_by(RECORDS.c.proposal_id, RECORDS.c.id)
    )
    return _stream(db, statement, page=50)


def reports(db: Connection) -> Iterator[Any]:
    """Yield every published report of an indicator."""
    return _stream(db, select(REPORTS).order_by(REPORTS.c.id), page=50)


def imports(db: Connection) -> Iterator[Any]:
    """Yield every import of a list."""
    return _stream(db, select(IMPORTS).order_by(IMPORTS.c.id), page=200)


def entries(db: Connection) -> Iterator[Any]:
    """Yield what every import wrote, import by import, in its order."""
    columns = (
        ENTRIES.c.import_id,
        ENTRIES.c.id,
        ENTRIES.c.dataset,
        ENTRIES.c.key,
        ENTRIES.c.line,
        ENTRIES.c.value,
        ENTRIES.c.at,
    )
    return _stream(db, select(*columns).order_by(ENTRIES.c.import_id, ENTRIES.c.id))


def matches(db: Connection) -> Iterator[Any]:
    """Yield what was ever found of a project, in its order, with number and symbol of the proposal."""
    statement = select(MATCHES, PROPOSALS.c.number, PROPOSALS.c.symbol).outerjoin(
        PROPOSALS, PROPOSALS.c.id == MATCHES.c.proposal_id
    )
    return _stream(db, statement.order_by(MATCHES.c.id))


def rates(db: Connection) -> Iterator[Any]:
    """Yield every rate that was ever entered, in its order."""
    return _stream(db, select(tables.rates).order_by(tables.rates.c.id))


def files(db: Connection) -> Iterator[Any]:
    """Yield SHA-256 and size of every document, rendering and imported list, and what it belongs to.

    A rendering of a published report belongs to an indicator and a biennium.
    """
    documents = select(
        DOCUMENTS.c.sha256, DOCUMENTS.c.size, PROPOSALS.c.number, DOCUMENTS.c.filename.label("name")
    ).join(PROPOSALS, PROPOSALS.c.id == DOCUMENTS.c.proposal_id)
    renderings = (
        select(
            RENDERINGS.c.sha256, RENDERINGS.c.size, PROPOSALS.c.number, RENDERINGS.c.language.label("name")
        )
        .join(RECORDS, RECORDS.c.id == RENDERINGS.c.record_id)
        .join(PROPOSALS, PROPOSALS.c.id == RECORDS.c.proposal_id)
    )
    printed = select(
        REPORT_RENDERINGS.c.sha256,
        REPORT_RENDERINGS.c.size,
        REPORTS.c.indicator.concat(" ").concat(REPORTS.c.biennium).label("number"),
        REPORT_RENDERINGS.c.language.label("name"),
    ).join(REPORTS, REPORTS.c.id == REPORT_RENDERINGS.c.report_id)
    lists = select(
        IMPORTS.c.sha256, IMPORTS.c.size, IMPORTS.c.dataset.label("number"), IMPORTS.c.filename.label("name")
    )
    yield from _stream(db, documents.order_by(DOCUMENTS.c.id))
    yield from _stream(db, renderings.order_by(RENDERINGS.c.id))
    yield from _stream(db, printed.order_by(REPORT_RENDERINGS.c.id))
    yield from _stream(db, lists.order_by(IMPORTS.c.id))


def dangling(db: Connection) -> list[str]:
    """Return the tables of rows that name a row which is not there.

    PostgreSQL lets none be, except from those who tell it to look away.
    """
    if db.dialect.name == "sqlite":
        rows: Iterable[Any] = db.exec_driver_sql("PRAGMA foreign_key_check").all()
    else:
        rows = chain.from_iterable(_orphans(db, table) for table in tables.METADATA.sorted_tables)
    return [f"{row[0]}: row {row[1]} names a row of {row[2]} that is not there" for row in rows]


def _orphans(db: Connection, table: Table) -> Iterator[tuple[str, Any, str]]:
    for key in table.foreign_keys:
        named = key.column.table.alias("named")
        is_there = exists().where(named.c[key.column.name] == key.parent)
        orphans = select(*table.primary_key).where(key.parent.is_not(None), ~is_there)
        yield from ((table.name, row[0], key.column.table.name) for row in db.execute(orphans))


def renumbered(db: Connection) -> list[str]:
    """Return the tables whose ids are not those that the database gave.

    Nothing in a version, record or entry of a list says the id of its row, and none of them is ever deleted,
    nor is an event or a row of the access log: SQLite counts them from one. PostgreSQL may leave some out,
    but gives none beyond the last of its sequence.
    """
    found = []
    for table in (EVENTS, VERSIONS, RECORDS, ENTRIES, ACCESSES):
        first, last, count = db.execute(
            select(func.min(table.c.id), func.max(table.c.id), func.count()).select_from(table)
        ).one()
        if not count:
            continue
        if db.dialect.name == "sqlite":
            is_given = (first, last) == (1, count)
        else:
            is_given = last <= (_last_given(db, table) or 0)
        if not is_given:
            found.append(f"{table.name}: {count} rows have ids from {first} to {last}")
    return found


def _last_given(db: Connection, table: Table) -> int | None:
    """Return the last id that PostgreSQL gave to a row of a table."""
    # Not imported where SQLite is all there is.
    from sqlalchemy.dialects.postgresql import REGCLASS

    sequence = func.pg_get_serial_sequence(table.name, "id")
    found: int | None = db.execute(select(func.pg_sequence_last_value(cast(sequence, REGCLASS)))).scalar()
    return found


def counts(db: Connection) -> dict[str, int]:
    """Return how many rows there are to look at."""
    named = {
        "events": EVENTS,
        "documents": DOCUMENTS,
        "renderings": RENDERINGS,
        "report_renderings": REPORT_RENDERINGS,
        "imports": IMPORTS,
    }
    found = {
        name: db.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in named.items()
    }
    found["sealed"] = db.execute(
        select(func.count()).where(EVENTS.c.id <= select(func.max(CHECKPOINTS.c.events_to)).scalar_subquery())
    ).scalar_one()
    return found


def all_checkpoints(db: Connection) -> Iterator[Any]:
    """Yield the checkpoints in order, with the columns beside their text."""
    return _stream(db, select(CHECKPOINTS).order_by(CHECKPOINTS.c.sequence), page=200)


def last_checkpoint(db: Connection) -> Checkpoint | None:
    """Return the newest checkpoint."""
    row = db.execute(select(CHECKPOINTS).order_by(CHECKPOINTS.c.sequence.desc()).limit(1)).first()
    return None if row is None else Checkpoint(row.sequence, row.body, row.digest)


def signature_of(db: Connection, sequence: int) -> bytes | None:
    """Return the signature of a checkpoint (CMS, DER), None where it has none."""
    statement = select(CHECKPOINTS.c.signature).where(CHECKPOINTS.c.sequence == sequence)
    found: bytes | None = db.execute(statement).scalar()
    return found


def find_checkpoint(db: Connection, sequence: int) -> Checkpoint | None:
    """Return a checkpoint by its place."""
    row = db.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.sequence == sequence)).first()
    return None if row is None else Checkpoint(row.sequence, row.body, row.digest)


def insert_checkpoint(db: Connection, made: Checkpoint, signature: bytes | None) -> None:
    """Append a checkpoint with its signature (CMS, DER) if any; the columns repeat what its text says."""
    columns = beside(made)
    columns["at"] = parse_stamp(columns["at"])
    values = {
        "sequence": made.sequence,
        "body": made.body,
        "digest": made.digest,
        "signature": signature,
        **columns,
    }
    db.execute(insert(CHECKPOINTS).values(values))


def beside(made: Checkpoint) -> dict[str, Any]:
    """Return the columns that stand beside the text of a checkpoint."""
    facts = made.facts
    return {
        "at": facts["at"],
        "root": facts["chains"]["root"],
        "chains": facts["chains"]["count"],
        "events_to": facts["events"]["to"],
        "accesses_from": facts["accesses"]["from"],
        "accesses_to": facts["accesses"]["to"],
        "previous": facts["previous"],
    }


def site_head(db: Connection) -> Any:
    """Return sequence and digest of the last event of the site's own chain; None where it has none."""
    return db.execute(
        select(SITE.c.sequence, SITE.c.digest).order_by(SITE.c.sequence.desc()).limit(1)
    ).first()


def heads(db: Connection, to: int) -> Iterator[bytes]:
    """Yield the entry of every chain as it stood at an event, in the order in which they began."""
    first = EVENTS.alias("first")
    reached = EVENTS.alias("reached")
    last = (
        select(func.max(reached.c.sequence))
        .where(reached.c.proposal_id == first.c.proposal_id, reached.c.id <= to)
        .scalar_subquery()
    )
    statement = (
        select(PROPOSALS.c.number, EVENTS.c.sequence, EVENTS.c.digest)
        .select_from(first)
        .join(PROPOSALS, PROPOSALS.c.id == first.c.proposal_id)
        .join(EVENTS, (EVENTS.c.proposal_id == first.c.proposal_id) & (EVENTS.c.sequence == last))
        .where(first.c.sequence == 1, first.c.id <= to)
        .order_by(first.c.id)
    )
    return (checkpoints.head_entry(*row) for row in _stream(db, statement))


def event_entries(db: Connection, after: int, to: int) -> Iterator[bytes]:
    """Yield what the events from one to another add to the digest over them."""
    between = select(EVENTS.c.id, EVENTS.c.digest).where(EVENTS.c.id > after, EVENTS.c.id <= to)
    return (checkpoints.event_entry(*row) for row in _stream(db, between.order_by(EVENTS.c.id)))


def access_entries(db: Connection, after: int, to: int) -> Iterator[bytes]:
    """Yield the entries of the rows of the access log after one to another."""
    columns = [ACCESSES.c[name] for name in ("id", "at", "person_id", "action", "subject", "detail")]
    between = select(*columns).where(ACCESSES.c.id > after, ACCESSES.c.id <= to).order_by(ACCESSES.c.id)
    return (checkpoints.access_entry(*row) for row in _stream(db, between))


def places(db: Connection, after: int, to: int) -> Iterator[Sequence[Any]]:
    """Yield pages of id, proposal, sequence and digest of the events after one to another."""
    columns = (EVENTS.c.id, EVENTS.c.proposal_id, EVENTS.c.sequence, EVENTS.c.digest)
    between = select(*columns).where(EVENTS.c.id > after, EVENTS.c.id <= to).order_by(EVENTS.c.id)
    return _pages(db, between)


def exported(db: Connection, number: str | None = None) -> Iterator[Any]:
    """Yield number, sequence, text and digest of events in the order in which they were written."""
    statement = select(PROPOSALS.c.number, EVENTS.c.sequence, EVENTS.c.body, EVENTS.c.digest).join(
        PROPOSALS, PROPOSALS.c.id == EVENTS.c.proposal_id
    )
    if number is not None:
        statement = statement.where(PROPOSALS.c.number == number).order_by(EVENTS.c.sequence)
    return _stream(db, statement.order_by(EVENTS.c.id))


class Groups:
    """Rows that are sorted by their first column, taken key by key beside others that are sorted so too."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)

    def before(self, key: int | None) -> Iterator[Any]:
        """Yield the rows whose key is lower, which nobody has asked for; all that are left for None."""
        while self._next is not None and (key is None or self._next[0] < key):
            row, self._next = self._next, next(self._rows, None)
            yield row

    def of(self, key: int) -> Sequence[Any]:
        """Return the rows of a key; those before it were taken already."""
        return list(self.before(key + 1))
