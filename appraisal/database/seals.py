"""Every event seals the rows that are stored once it is written, so that no value is altered unseen.

Each event of a proposal carries, table by table, a digest over the rows of that proposal as they are once
it is written; an event of the site's chain carries one for each row that it wrote. A transaction that would
leave rows behind that no event seals ends in :class:`Unsealed`, and one that would write over rows that are
not what the last event says is refused. :data:`SEALS` and :data:`BESIDE` speak of every table; a new column
is sealed unless it is named there with the reason why not.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain, count
from typing import Any, Final

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Dialect, Engine, Table, event, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase

from appraisal.clock import parse_stamp
from appraisal.database.tables import METADATA
from appraisal.vocabulary.refusals import NotAllowed, refuse

# Half of a SHA-256: nobody finds other rows of the same digest.
_DIGITS: Final = 32
_VERSION = "is the form of a page that somebody has open, and no fact"
_OWN_ID: Final = "{0}.proposal_id"


@dataclass(frozen=True, slots=True)
class Seal:
    """How the rows of a table are sealed.

    ``owner`` is the SQL of the proposal that a row belongs to, empty for the site, and ``joined`` what that
    needs. ``open`` names the columns that are never sealed, each with the reason. ``later`` holds those that
    are sealed once ``sealed_when`` is true, and ``rows_when`` the condition under which a row is sealed at
    all, with ``why``. ``follows`` names the columns of other tables that those conditions look at. ``whole``
    has the site seal all rows as one, not one by one.
    """

    owner: str = ""
    joined: str = ""
    open: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    sealed_when: str = ""
    rows_when: str = ""
    why: str = ""
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: bool = False


_IN_APPRAISAL: Final = Seal(
    owner="a.proposal_id",
    joined="JOIN appraisals a ON a.id = {0}.appraisal_id",
    rows_when="(a.finalised_at IS NOT NULL OR a.closed_at IS NOT NULL)",
    why="the lead's own until the appraisal is finalised or closed",
    follows={"appraisals": ("finalised_at", "closed_at")},
)
_LAST_VERSION: Final = "(SELECT max(v.{1}) FROM versions v WHERE v.proposal_id = {0}.proposal_id)"
_OF_FORM: Final = (
    "title",
    "countries",
    "donors",
    "funds",
    "unit",
    "region",
    "symbol",
    "kind",
    "parent",
    "predecessor",
    "usd",
)
# Every table whose rows are sealed by events. The name of the table stands for {0}.
SEALS: Final[Mapping[str, Seal]] = {
    "proposals": Seal(
        owner="{0}.id",
        open={
            "content": "what the authors are writing; a version seals what they submit, and the sheet of an approval "
            "that is registered without one, what it counts by",
            "edited_at": "when the authors last wrote",
            "row_version": _VERSION,
            "sequence": "where the chain ends, which verifying follows it to",
            "head": "where the chain ends, which verifying follows it to",
            "due_on": "follows the calendars of duty stations from day to day, and db check works it out again",
            "wake_on": "when time looks at the proposal next, which db check works out again",
            "awaits_manager": "follows from the steps and the workflow, and db check works it out again",
        },
        later=_OF_FORM,
        sealed_when="{0}.workflow <> ''",
        why="repeat the form, which is its authors' alone until it is submitted or registered",
    ),
    "relations": Seal(owner=_OWN_ID),
    "versions": Seal(owner=_OWN_ID, open={"value": "its digest is sealed, and compared with it"}),
    "documents": Seal(
        owner=_OWN_ID,
        open={"removed_at": "taken out of the version that is being written; earlier ones keep it"},
        rows_when="EXISTS (SELECT 1 FROM versions v WHERE v.proposal_id = {0}.proposal_id"
        " AND v.value LIKE '%\"id\":' || {0}.id || ',\"kind\":%')",
        why="the authors' own until a version holds it",
        follows={"versions": ("value",)},
    ),
    "changes": Seal(
        owner=_OWN_ID,
        later=("answer", "answer_text", "answered_at"),
        sealed_when="{0}.answered_at < " + _LAST_VERSION.replace("{1}", "at"),
        why="the authors' own until the version that it comes in with",
        follows={"versions": ("at",)},
    ),
    "decisions": Seal(owner=_OWN_ID),
    "holds": Seal(owner=_OWN_ID),
    "appraisals": Seal(
        owner=_OWN_ID,
        open={"row_version": _VERSION},
        later=("chosen", "reason"),
        sealed_when="({0}.finalised_at IS NOT NULL OR {0}.closed_at IS NOT NULL)",
        why="the lead's own until the appraisal is finalised or closed",
    ),
    "ratings": _IN_APPRAISAL,
    "conditions": Seal(owner=_OWN_ID, open={"row_version": _VERSION}),
    "consultations": Seal(owner=_OWN_ID),
    "reviews": Seal(owner=_OWN_ID, open={"row_version": _VERSION}),
    "review_ratings": Seal(
        owner="r.proposal_id",
        joined="JOIN reviews r ON r.id = {0}.review_id",
        rows_when="r.signed_at IS NOT NULL",
        why="the reviewer's own until the review is signed",
        follows={"reviews": ("signed_at",)},
    ),
    "people": Seal(
        open={
            "language": "a preference of whoever reads",
            "delivery": "a preference of whoever gets mail",
            "password": "a door, and no fact: events tell when it was set",
            "password_set_at": "a door, and no fact: events tell when it was set",
        }
    ),
    "account_requests": Seal(),
    "holidays": Seal(),
    "substitutions": Seal(),
    "lessons": Seal(whole=True),
    "imports": Seal(),
    "issuers": Seal(open={"certificate": "its digest is sealed, and compared with it"}),
    "indicator_reports": Seal(open={"value": "its digest is sealed, and compared with it"}),
}
_COMPARED: Final = "compared by the trail itself: "
_QUEUE: Final = "the queue of what is still to be done"
# Every other table, with what proves its rows, or the reason why nothing does.
BESIDE: Final[Mapping[str, str]] = {
    "events": f"{_COMPARED}the chains",
    "site_events": f"{_COMPARED}the site's chain",
    "records": f"{_COMPARED}an event names the digest",
    "entries": f"{_COMPARED}the event of the import seals them",
    "matches": f"{_COMPARED}an event of the site tells of each that a person made",
    "rates": f"{_COMPARED}an event of the site tells of each",
    "checkpoints": f"{_COMPARED}an event of the site tells of each",
    "accesses": f"{_COMPARED}checkpoints seal them from day to day",
    "tallies": "added up from the events, and compared with them by db check",
    "renderings": "a drawing of a record, made again wherever it is missing; its file is compared",
    "earlier_renderings": "the drawings that newer ones of the same record replaced, known by digest alone",
    "report_renderings": "a drawing of a report, made again wherever it is missing; its file is compared",
    "self_ratings": "the authors' own: nothing rests on them, and no seal may tell that they are there",
    "tokens": "a door, and no fact: events tell of each link, and of each that was used",
    "sessions": "a door, and no fact: removed some time after it was last used",
    "jobs": _QUEUE,
    "notices": _QUEUE,
    "reminders": "a mark that a date was told of",
}
# Those of proposals, and those of the site.
OF_PROPOSALS: Final = tuple(name for name, seal in SEALS.items() if seal.owner)
OF_SITE: Final = tuple(name for name, seal in SEALS.items() if not seal.owner)


def unsealed() -> Iterator[tuple[str, str, str]]:
    """Yield what no event seals, or not at once: the table, the column (empty for all), and the reason."""
    for name, seal in SEALS.items():
        yield from ((name, column, reason) for column, reason in seal.open.items())
        yield from ((name, column, seal.why) for column in seal.later)
        if seal.rows_when:
            yield name, "", seal.why
    yield from ((name, "", reason) for name, reason in BESIDE.items())


class Unsealed(Exception):
    """A transaction would have left rows behind that no event seals: a mistake of the product."""


def _table(name: str) -> Table:
    return METADATA.tables[name]


@cache
def _columns(name: str) -> tuple[Column[Any], ...]:
    """Return the columns of a table that are sealed, in the order of their names."""
    kept = (column for column in _table(name).c if column.name not in SEALS[name].open)
    return tuple(sorted(kept, key=lambda column: column.name))


@cache
def _neutral(name: str) -> tuple[tuple[str, Any], ...]:
    """Return each sealed column with the value that is left out: that which rows have from before it was."""
    return tuple((column.name, _default(column)) for column in _columns(name))


def _default(column: Column[Any]) -> Any:
    given = getattr(column.default, "arg", None)
    return int(given) if isinstance(given, bool) else given


def _selected(name: str) -> str:
    seal = SEALS[name]
    chosen = []
    for column in _columns(name):
        # One database has numbers where the other has truth.
        cast = "CAST({0}.{1} AS INTEGER)" if isinstance(column.type, Boolean) else "{0}.{1}"
        # Some names, like "text" or "by", mean something else to a database.
        written = cast.format(name, f'"{column.name}"')
        if column.name in seal.later:
            written = f"CASE WHEN {seal.sealed_when.format(name)} THEN {written} END"
        chosen.append(written)
    return ", ".join(chosen)


def _statement(name: str, where: str = "", *, grouped: bool = False) -> str:
    """Write the query for what is sealed of a table; grouped, by proposal, whose id comes first."""
    seal = SEALS[name]
    owner = seal.owner.format(name)
    conditions = " AND ".join(part for part in (where, seal.rows_when.format(name)) if part)
    return " ".join(
        (
            f"SELECT {f'{owner}, ' if grouped else ''}{_selected(name)}",
            f"FROM {name} {seal.joined.format(name)}",
            f"WHERE {conditions}" if conditions else "",
            f"ORDER BY {f'{owner}, ' if grouped else ''}{name}.id",
        )
    )


@cache
def _of_one(name: str, dialect: str) -> str:
    """Write the query for what is sealed of a proposal, or for one row of the site."""
    return placed(_statement(name, f"{SEALS[name].owner.format(name) or f'{name}.id'} = @"), dialect)


def placed(statement: str, dialect: str, count: int = 1) -> str:
    """Write so many places for values into a query, where it says @, as the driver of a database has them."""
    is_sqlite = dialect == "sqlite"
    places = ", ".join(["?" if is_sqlite else "%s"] * count)
    return (statement if is_sqlite else statement.replace("%", "%%")).replace("@", places)


def read_rows(db: Connection, statement: str, given: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Read rows by the driver itself: through SQLAlchemy a small query takes several times as long.

    Raises ``DBAPIError``, as SQLAlchemy does.
    """
    return read_each(db, [(statement, given)])[0]


def read_each(db: Connection, asked: Sequence[tuple[str, tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    """Read the rows of several queries like :func:`read_rows`, from a server without waiting for each."""
    driver: Any = db.connection.driver_connection
    try:
        if (
            len(asked) == 1
            or db.dialect.name == "sqlite"
            or not db.dialect.loaded_dbapi.Pipeline.is_supported()
        ):
            return [driver.execute(*each).fetchall() for each in asked]
        with driver.pipeline():
            cursors = [driver.execute(*each) for each in asked]
            return [cursor.fetchall() for cursor in cursors]
    except db.dialect.loaded_dbapi.Error as error:
        raise DBAPIError(None, None, error) from error


_decode: Final = json.JSONDecoder().raw_decode
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def sealing(name: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return the seal over the rows of a table as the driver gives them: how many, and their digest.

    It is empty for none.
    """
    columns = _neutral(name)
    return _sealing(
        [
            {
                key: value
                for (key, unset), value in zip(columns, row, strict=True)
                if value is not None and value != unset
            }
            for row in rows
        ]
    )


def _sealing(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return f"{len(rows)}:{hashlib.sha256(_encode(rows).encode()).hexdigest()[:_DIGITS]}"


def difference(name: str, told: str, now: str) -> str:
    """Say how the rows of a proposal in a table differ from those that its newest event tells of."""
    was, is_now = (int(found.partition(":")[0] or 0) for found in (told, now))
    if was == is_now:
        return f"{name}: {'the row was' if was == 1 else f'some of the {was} rows were'} altered"
    return f"{name}: {is_now} rows, though its newest event tells of {was}"


def grouped(name: str) -> str:
    """Return the query for all that is sealed of a table by proposals, the id of which comes first."""
    return _statement(name, grouped=True)


def of_proposal(db: Connection, proposal: int, names: Sequence[str]) -> dict[str, str]:
    """Return the seals over the rows of a proposal in some tables, as they are now."""
    asked = [(_of_one(name, db.dialect.name), (proposal,)) for name in names]
    found = read_each(db, asked) if asked else []
    return {name: sealing(name, rows) for name, rows in zip(names, found, strict=True)}


@dataclass(slots=True)
class Watch:
    """What a transaction has written so far, and what the events that it has read or made seal.

    Of a table that was written, the number of the last such statement is kept, and of each proposal the
    number of statements that were written before its newest event.
    """

    # By proposal: what the newest event of its chain seals; None where the chain is older than seals.
    told: dict[int, dict[str, str] | None] = field(default_factory=dict)
    # When that event was, of each that was loaded.
    moments: dict[int, datetime | None] = field(default_factory=dict)
    # Those of them that sealed anything when they were loaded.
    earlier: list[int] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    sealed: dict[tuple[int, str], int] = field(default_factory=dict)
    compared: set[tuple[int, str]] = field(default_factory=set)
    # Those of them whose rows it holds to its end.
    held: set[int] = field(default_factory=set)
    # What the row of a proposal becomes by the event that was just made.
    becoming: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    # Rows of the site: each that was changed with its seal before, and where the new ones begin.
    before: dict[tuple[str, int], str] = field(default_factory=dict)
    beyond: dict[str, int] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    statements: Iterator[int] = field(default_factory=lambda: count(1))


SITE: Final = _table("site_events")
_KEY: Final = "appraisal.seals"
_UNWATCHED: Final = "events are written in a transaction of Database.begin"
_LOG: Final = logging.getLogger(__name__)


def begin(db: Connection) -> None:
    """Begin to watch a transaction that writes."""
    db.info[_KEY] = Watch()


def end(db: Connection) -> None:
    """Watch a transaction no longer, whatever became of it."""
    db.info.pop(_KEY, None)


def _watch(db: Connection) -> Watch | None:
    found: Watch | None = db.info.get(_KEY)
    return found


def watch(engine: Engine) -> None:
    """Have every statement that writes by an engine noted."""

    # One that returns what it was given is called by itself, others by one more function.
    @event.listens_for(engine, "before_execute", retval=True)
    def _(db: Connection, statement: Any, many: Any, one: Any, options: Any) -> tuple[Any, Any, Any]:
        if isinstance(statement, UpdateBase) and (watched := _watch(db)) is not None:
            _note(db, watched, statement, many or one)
        return statement, many, one


def _note(db: Connection, watched: Watch, statement: UpdateBase, given: Any) -> None:
    name = str(getattr(statement.table, "name", ""))
    seal = SEALS.get(name)
    if seal is None:
        return
    values = _values(statement, given) if isinstance(statement, Update) else None
    if values is not None and values.keys() <= seal.open.keys():
        return
    if not seal.owner:
        _note_site(db, watched, name, statement, given)
        return
    if values is not None and name == "proposals" and _is_told(watched, seal, values, given):
        return
    reached = [name]
    for other, looked_at in _followers(name):
        if values is None or not values.keys().isdisjoint(looked_at):
            reached.append(other)
    number = next(watched.statements)
    for proposal in watched.earlier:
        _compare_once(db, watched, proposal, reached)
    watched.written |= dict.fromkeys(reached, number)


@cache
def _followers(name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the tables that look at columns of another, with those columns."""
    return tuple((other, seal.follows[name]) for other, seal in SEALS.items() if name in seal.follows)


def _values(statement: Update, given: Any) -> dict[str, Any]:
    """Return what an update sets, by column: its own values, and those that it is executed with."""
    own: Mapping[Any, Any] = statement._values or {}
    found = {str(getattr(column, "name", column)): value for column, value in own.items()}
    for row in given if isinstance(given, (list, tuple)) else (given or {},):
        found |= row
    columns = _table(str(getattr(statement.table, "name", ""))).c
    return {name: value for name, value in found.items() if name in columns}


def _is_told(watched: Watch, seal: Seal, values: Mapping[str, Any], given: Any) -> bool:
    """Tell whether the row of a proposal is written as the event that was just made says."""
    row = given[0] if isinstance(given, (list, tuple)) and given else given
    becoming = watched.becoming.get((row or {}).get("this", 0))
    return becoming is not None and all(
        becoming.get(key, ...) == value for key, value in values.items() if key not in seal.open
    )


# -- Proposals


def note(db: Connection, proposal: int, *, held: bool = False) -> None:
    """Note that a transaction which writes has loaded a proposal: what it writes is compared from now on.

    Once its row is *held* nobody else appends to its chain; until then somebody may have.
    """
    watched = _watch(db)
    if watched is None or proposal in watched.held or (proposal in watched.told and not held):
        return
    if held:
        watched.held.add(proposal)
    if proposal in watched.becoming:
        # Its newest event is of this transaction.
        return
    body = _newest(db, proposal)
    watched.moments[proposal] = _moment_of(body)
    watched.told[proposal] = told = _told_by(proposal, body)
    if told and proposal not in watched.earlier:
        watched.earlier.append(proposal)


_NEWEST: Final = "SELECT body FROM events WHERE proposal_id = @ ORDER BY sequence DESC LIMIT 1"
_AT: Final = re.compile('"at":"([^"]*)"')


def _newest(db: Connection, proposal: int) -> str:
    """Return the text of the newest event of a chain, empty for a chain without events."""
    rows = read_rows(db, placed(_NEWEST, db.dialect.name), (proposal,))
    return rows[0][0] if rows else ""


def _moment_of(body: str) -> datetime | None:
    found = _AT.search(body)
    try:
        return parse_stamp(found[1]) if found else None
    except ValueError:
        return None


def newest_at(db: Connection, proposal: int) -> datetime | None:
    """Return the moment of the newest event of a proposal that a transaction has loaded; None without one."""
    watched = _watch(db)
    assert watched is not None, _UNWATCHED
    note(db, proposal)
    return watched.moments.get(proposal)


def _told(db: Connection, proposal: int) -> dict[str, str] | None:
    """Return what the newest event of a chain seals; nothing for a chain without events."""
    return _told_by(proposal, _newest(db, proposal))


def _told_by(proposal: int, body: str) -> dict[str, str] | None:
    if not body:
        return {}
    # The rest of the text, which may be long, is of no interest here.
    _, sealed, rest = body.rpartition('"seals":')
    if not sealed:
        return None
    try:
        found: dict[str, str] = _decode(rest)[0]
    except ValueError:
        raise differs(proposal, "events") from None
    return found


def is_altered(db: Connection, proposal: int, names: Iterable[str] = OF_PROPOSALS) -> bool:
    """Tell whether rows of a proposal, of all tables or of some, are not those that its newest event seals.

    A chain of before seals were kept tells of none.
    """
    try:
        told = _told(db, proposal)
    except NotAllowed:
        return True
    if not told:
        return False
    now = of_proposal(db, proposal, tuple(names))
    return any(seal != told.get(name, "") for name, seal in now.items())


def differs(proposal: int, table: str) -> NotAllowed:
    """Return the refusal to rest anything on rows that are not what the events say, and log it."""
    _LOG.error("proposal %s: what is stored in %s is not what its events say", proposal, table)
    return NotAllowed([refuse("stored_differs", table=table)])


def _compare_once(db: Connection, watched: Watch, proposal: int, names: Sequence[str]) -> None:
    """Raise ``NotAllowed`` where rows that are about to be written over are not what the chain says."""
    new = [name for name in names if (proposal, name) not in watched.compared]
    watched.compared.update((proposal, name) for name in new)
    told = watched.told[proposal]
    # A chain that is older than seals, or has no event yet, says nothing.
    now = of_proposal(db, proposal, new) if told else {}
    if not told or not (differing := [name for name in new if now[name] != told.get(name, "")]):
        return
    # Where nobody holds the row, somebody else may have written the next event meanwhile.
    watched.told[proposal] = again = _told(db, proposal)
    now = of_proposal(db, proposal, differing)
    for name in differing:
        if again == told or not again or now[name] != again.get(name, ""):
            raise differs(proposal, name)


def check(db: Connection, proposal: int) -> None:
    """Compare all rows of a proposal with what its newest event seals, before anything rests on them.

    Raises ``NotAllowed``.
    """
    watched = _watch(db)
    assert watched is not None, _UNWATCHED
    note(db, proposal)
    _compare_once(db, watched, proposal, OF_PROPOSALS)


def seal(db: Connection, proposal: int, columns: Mapping[str, Any]) -> dict[str, str]:
    """Return what the next event of a proposal seals, whose row becomes what the columns say."""
    watched = _watch(db)
    assert watched is not None, _UNWATCHED
    note(db, proposal)
    told = watched.told[proposal]
    number = next(watched.statements)
    now = dict(told or {})
    others = [name for name in OF_PROPOSALS if name != "proposals"]
    changed = [
        name
        for name in others
        if told is None or watched.written.get(name, 0) > watched.sealed.get((proposal, name), 0)
    ]
    now |= of_proposal(db, proposal, changed)
    watched.sealed |= {(proposal, name): number for name in others}
    now["proposals"] = _sealed_row(db, watched, proposal, columns)
    watched.sealed[proposal, "proposals"] = number
    watched.becoming[proposal] = columns
    found = {name: said for name, said in now.items() if said}
    watched.told[proposal] = found
    return found


def _sealed_row(db: Connection, watched: Watch, proposal: int, columns: Mapping[str, Any]) -> str:
    """Return the seal over the row of a proposal as it will be, which is read once for both."""
    names = _names("proposals")
    before = dict(zip(names, read_rows(db, _whole_row(db.dialect.name), (proposal,))[0], strict=True))
    told = watched.told[proposal]
    if (proposal, "proposals") not in watched.compared and told and told["proposals"] != _of_row(before):
        raise differs(proposal, "proposals")
    watched.compared.add((proposal, "proposals"))
    bound = {name: _bound(db.dialect, name, value) for name, value in columns.items() if name in before}
    return _of_row(before | bound)


@cache
def _names(name: str) -> tuple[str, ...]:
    return tuple(column.name for column in _columns(name))


@cache
def _whole_row(dialect: str) -> str:
    """Write the query for the row of a proposal with the columns that are sealed only later."""
    name = "proposals"
    open_end = f"CASE WHEN {SEALS[name].sealed_when.format(name)} THEN "
    return _of_one(name, dialect).replace(open_end, "").replace(" END", "")


def _of_row(row: Mapping[str, Any]) -> str:
    later = () if row["workflow"] else SEALS["proposals"].later
    kept = {
        name: row[name]
        for name, unset in _neutral("proposals")
        if row[name] is not None and row[name] != unset and name not in later
    }
    return _sealing([kept])


def _bound(dialect: Dialect, name: str, value: Any) -> Any:
    """Return a value as the database has it."""
    bind = _binding(name, dialect)
    found = bind(value) if bind else value
    return int(found) if isinstance(found, bool) else found


@cache
def _binding(name: str, dialect: Dialect) -> Callable[[Any], Any] | None:
    return _table("proposals").c[name].type.dialect_impl(dialect).bind_processor(dialect)


# -- The site


def _note_site(db: Connection, watched: Watch, name: str, statement: UpdateBase, given: Any) -> None:
    if SEALS[name].whole:
        watched.whole.setdefault(name, _sealing_of_all(db, name))
        return
    table = _table(name)
    if isinstance(statement, Insert):
        if name not in watched.beyond:
            last = db.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
            watched.beyond[name] = last
        return
    assert isinstance(statement, (Update, Delete))
    chosen = select(table.c.id)
    where = statement.whereclause
    ids = db.execute(chosen if where is None else chosen.where(where), given or None).scalars()
    for id in ids.all():
        if (name, id) not in watched.before:
            watched.before[name, id] = _compared_row(db, name, id)


def check_site(db: Connection, name: str, ids: Iterable[int]) -> None:
    """Compare rows of a table with what the site's chain says, before anything rests on them.

    Raises ``NotAllowed``.
    """
    wanted = sorted(set(ids))
    if name != "people":
        for id in wanted:
            _compared_row(db, name, id)
        return
    now = dict(_now_of_site(db, name, wanted)) if wanted else {}
    own = _events_of_accounts(db, wanted) if wanted else []
    first: Mapping[str, str] | None = None
    for id in wanted:
        key = f'"{name}:{id}":"'
        body = next((body for body in own if key in body), None)
        told: str | None
        if body is not None:
            told = _told_in(body, key)
        else:
            # Nothing was done about the account since the first event that seals anything, which tells of
            # all; whoever looks for the last that does reads the whole chain.
            first = _first_told(db) if first is None else first
            told = first.get(f"{name}:{id}")
        if told is None or told != now.get(id, ""):
            _compared_row(db, name, id)


def _now_of_site(db: Connection, name: str, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield each of some rows with the seal over it."""
    place = _names(name).index("id")
    statement = placed(_statement(name, f"{name}.id IN (@)"), db.dialect.name, len(ids))
    for row in read_rows(db, statement, tuple(ids)):
        yield row[place], sealing(name, [row]).partition(":")[2]


def _events_of_accounts(db: Connection, ids: Sequence[int]) -> list[str]:
    """Return the texts of the events about some accounts, newest first."""
    statement = "SELECT body FROM site_events WHERE person_id IN (@) ORDER BY sequence DESC"
    return [row[0] for row in read_rows(db, placed(statement, db.dialect.name, len(ids)), tuple(ids))]


def _told_in(body: str, key: str) -> str:
    return body.rpartition(key)[2].partition('"')[0]


def differs_here(name: str, id: int) -> NotAllowed:
    """Return the refusal to rest anything on a row that is not what the site's chain says, and log it."""
    _LOG.error("%s, row %s: what is stored is not what the site's chain says", name, id)
    return NotAllowed([refuse("stored_differs_here", table=name)])


def _compared_row(db: Connection, name: str, id: int) -> str:
    """Return the seal over one row of the site; raises ``NotAllowed`` where the site's chain says another."""
    now = of_site(db, name, id)
    # Most of what an account went through names it, and is found by that at once.
    if name == "people" and _told_of_site(db, name, id, SITE.c.person_id == id) == now:
        return now
    told = _told_of_site(db, name, id)
    if told is not None and told != now:
        raise differs_here(name, id)
    return now


def _told_of_site(db: Connection, name: str, id: int, *where: ColumnElement[bool]) -> str | None:
    """Return the last seal over a row of the site; None where the site's chain is older than seals."""
    key = f'"{name}:{id}":"'
    newest = select(SITE.c.body).order_by(SITE.c.sequence.desc()).limit(1)
    found = db.execute(newest.where(*where, SITE.c.body.contains(key, autoescape=True))).scalar()
    if found is not None:
        return _told_in(str(found), key)
    last = db.execute(newest).scalar()
    return "" if last is not None and '"seals":' in last else None


def _first_told(db: Connection) -> Mapping[str, str]:
    """Return what the first event of the site that seals anything seals: every row that was there then."""
    sealing = select(SITE.c.body).where(SITE.c.body.contains('"seals":', autoescape=True))
    found = db.execute(sealing.order_by(SITE.c.sequence).limit(1)).scalar()
    told: Mapping[str, str] = _decode(str(found).rpartition('"seals":')[2])[0] if found else {}
    return told


def _sealing_of_all(db: Connection, name: str) -> str:
    return sealing(name, read_rows(db, _statement(name)))


def of_site(db: Connection, name: str, id: int) -> str:
    """Return the seal over one row of the site; empty where it is not there."""
    found = sealing(name, read_rows(db, _of_one(name, db.dialect.name), (id,)))
    return found.partition(":")[2]


def seal_site(db: Connection, is_first: bool) -> dict[str, str]:
    """Return what the next event of the site's chain seals: each row that was written, empty if it is gone.

    The first event that seals anything seals all rows.
    """
    watched = _watch(db)
    assert watched is not None, _UNWATCHED
    if is_first:
        found = dict(chain.from_iterable(all_of_site(db, name) for name in OF_SITE))
    else:
        found = dict(_changed(db, watched))
    watched.before.clear()
    watched.beyond.clear()
    watched.whole.clear()
    return found


def all_of_site(db: Connection, name: str) -> Iterator[tuple[str, str]]:
    """Yield the key and the seal of every row of a table of the site."""
    rows = read_rows(db, _statement(name))
    if SEALS[name].whole:
        yield name, sealing(name, rows)
        return
    place = _names(name).index("id")
    for row in rows:
        yield f"{name}:{row[place]}", sealing(name, [row]).partition(":")[2]


def _changed(db: Connection, watched: Watch) -> Iterator[tuple[str, str]]:
    for name, before in watched.whole.items():
        if (now := _sealing_of_all(db, name)) != before:
            yield name, now
    for name, last in watched.beyond.items():
        table = _table(name)
        for id in (
            db.execute(select(table.c.id).where(table.c.id > last).order_by(table.c.id)).scalars().all()
        ):
            watched.before.setdefault((name, id), "")
    for (name, id), before in watched.before.items():
        if (now := of_site(db, name, id)) != before:
            yield f"{name}:{id}", now


def settle(db: Connection) -> None:
    """Make sure that all rows which a transaction wrote are sealed by an event; raises :class:`Unsealed`."""
    watched = _watch(db)
    if watched is None:
        return
    for name, number in watched.written.items():
        if not watched.told:
            raise Unsealed(f"{name} was written, and no event of any proposal")
        for proposal, told in watched.told.items():
            if told is None or number <= watched.sealed.get((proposal, name), 0):
                continue
            if of_proposal(db, proposal, [name])[name] != told.get(name, ""):
                again = _told(db, proposal)
                now = of_proposal(db, proposal, [name])[name]
                if again == told or now != (again or {}).get(name, ""):
                    raise Unsealed(f"{name} of proposal {proposal} was written after the event that seals it")
    for key, _ in _changed(db, watched):
        raise Unsealed(f"{key} was written after the event that seals it, or without any")
