"""Publishable proposals are read here a few at a time, and so is what an import compares with."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Connection, Select, and_, cast, func, select, type_coerce

from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.indicators.store.approvals import biennium_days
from appraisal.proposals import facts
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.store.contributions import contribution
from appraisal.proposals.store.writing import entered
from appraisal.trail.rules import approvals
from appraisal.vocabulary.project_symbols import normalised

PROPOSALS = tables.proposals
VERSIONS = tables.versions
EVENTS = tables.events
DECISIONS = tables.decisions
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """One proposal that was submitted or registered, as ``iati.rules.activities.Publishable`` explains."""

    number: str
    workflow: str
    state: str
    content: facts.Content
    contributions: tuple[facts.Contribution, ...]
    valued_at: datetime
    updated_at: datetime
    held: bool
    illustrative: bool
    started_on: date | None
    parent: str
    predecessor: str
    children: tuple[str, ...]


def choose(db: Connection, biennium: str = "") -> Iterator[Chosen]:
    """Yield, by number, proposals that were submitted or registered; of a biennium where one is given.

    A proposal belongs to the biennium of its approval, or before one to that of its latest submission.
    However many there are, no more than a batch of them is held.
    """
    last = ""
    while rows := db.execute(_batch(biennium, last)).all():
        last = rows[-1].number
        steps = _steps(db, [row.id for row in rows])
        frozen = _frozen(db, [row.id for row in rows if row.value is None])
        contents = [_content(row, frozen.get(row.id)) for row in rows]
        numbers = [row.number for row in rows]
        named = known_numbers(db, {text for row in rows for text in (row.parent, row.predecessor) if text})
        children = _children(db, numbers)
        for row, (content, given) in zip(rows, contents, strict=True):
            updated_at, started_on = steps.get(row.id, (row.state_since, None))
            yield Chosen(
                number=row.number,
                workflow=row.workflow,
                state=row.state,
                content=content,
                contributions=given,
                valued_at=row.valued_at,
                updated_at=updated_at,
                held=row.on_hold,
                illustrative=row.illustrative,
                started_on=started_on,
                parent=row.parent if row.parent in named else "",
                predecessor=row.predecessor if row.predecessor in named else "",
                children=tuple(children.get(row.number, ())),
            )


def _batch(biennium: str, last: str) -> Select[Any]:
    newest = (
        select(func.max(VERSIONS.c.number))
        .where(VERSIONS.c.proposal_id == PROPOSALS.c.id)
        .correlate(PROPOSALS)
        .scalar_subquery()
    )
    names = (
        "id",
        "number",
        "workflow",
        "state",
        "state_since",
        "on_hold",
        "illustrative",
        "content",
        "parent",
        "predecessor",
    )
    # The rates of an approval that was registered are those of its own day, not of that on which it came in.
    moments = (VERSIONS.c.at, PROPOSALS.c.approved_at, PROPOSALS.c.created_at)
    valued_at = func.coalesce(*moments, type_=VERSIONS.c.at.type)
    statement = (
        select(*(PROPOSALS.c[name] for name in names), VERSIONS.c.value, valued_at.label("valued_at"))
        .outerjoin(VERSIONS, and_(VERSIONS.c.proposal_id == PROPOSALS.c.id, VERSIONS.c.number == newest))
        .where(*entered(), PROPOSALS.c.number > last)
        .order_by(PROPOSALS.c.number)
        .limit(_BATCH)
    )
    if not biennium:
        return statement
    begins, ends = biennium_days(biennium)
    moment = func.coalesce(
        PROPOSALS.c.approved_at, VERSIONS.c.at, PROPOSALS.c.created_at, type_=VERSIONS.c.at.type
    )
    return statement.where(moment >= begins, moment < ends)


def _content(
    row: Any, frozen: tuple[facts.Contribution, ...] | None
) -> tuple[facts.Content, tuple[facts.Contribution, ...]]:
    """Return what was submitted with its frozen US$, or what was registered with that of the approval.

    Where no approval stands of what was only registered, no rate was frozen.
    """
    if row.value is None:
        content = json.loads(row.content)
        given = (
            track_and_money.contributions(content, (), geneva_date(row.valued_at))
            if frozen is None
            else frozen
        )
        return content, given
    value = json.loads(row.value)
    return value["content"], tuple(contribution(entry) for entry in value["contributions"])


def _frozen(db: Connection, ids: Sequence[int]) -> Mapping[int, tuple[facts.Contribution, ...]]:
    """Return what the approvals of some proposals froze of their money, where they stand."""
    names = (DECISIONS.c.proposal_id, DECISIONS.c.kind.label("act"), DECISIONS.c.contributions)
    statement = select(*names).where(DECISIONS.c.proposal_id.in_(ids)).order_by(DECISIONS.c.id)
    taken: dict[int, list[Any]] = defaultdict(list)
    for row in db.execute(statement) if ids else ():
        taken[row.proposal_id].append(row)
    approved = {id: approvals.approval(rows) for id, rows in taken.items()}
    return {
        id: tuple(map(contribution, json.loads(row.contributions)))
        for id, row in approved.items()
        if row is not None and row.contributions
    }


def _steps(db: Connection, ids: Sequence[int]) -> Mapping[int, tuple[datetime, date | None]]:
    """Return when the last step was taken, and on which day the approval that stands led to a start."""
    names = ("proposal_id", "act", "at")
    statement = select(*(EVENTS.c[name] for name in names)).where(
        EVENTS.c.proposal_id.in_(ids), EVENTS.c.act != ""
    )
    trails: dict[int, list[Any]] = defaultdict(list)
    for row in db.execute(statement.order_by(EVENTS.c.proposal_id, EVENTS.c.sequence)):
        trails[row.proposal_id].append(row)
    found: dict[int, tuple[datetime, date | None]] = {}
    for id, rows in trails.items():
        starts = [row.at for row in approvals.standing(rows) if row.act == "start"]
        found[id] = rows[-1].at, geneva_date(starts[-1]) if starts else None
    return found


def _children(db: Connection, numbers: Sequence[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    statement = select(PROPOSALS.c.number, PROPOSALS.c.parent).where(
        PROPOSALS.c.parent.in_(numbers), *entered()
    )
    for row in db.execute(statement.order_by(PROPOSALS.c.number)):
        found[row.parent].append(row.number)
    return found


def symbols(db: Connection, wanted: Collection[str]) -> Mapping[str, str]:
    """Return the symbols here by their normalised form, of those wanted in that form."""
    symbol = _symbol(db)
    rows = db.execute(select(symbol).where(symbol.is_not(None))) if wanted else ()
    found = {normalised(text): text for (text,) in rows}
    return {key: text for key, text in found.items() if key in wanted}


def _symbol(db: Connection) -> ColumnElement[str]:
    """Return the symbol in the text of a form: SQLite reads JSON out of text, PostgreSQL wants it cast."""
    column = PROPOSALS.c.content
    value = type_coerce(column, JSON) if db.dialect.name == "sqlite" else cast(column, JSON)
    found: ColumnElement[str] = value[("identification", "symbol")].as_string()
    return found


def known_numbers(db: Connection, numbers: Collection[str]) -> frozenset[str]:
    """Return which of some numbers are those of proposals."""
    return frozenset(db.execute(select(PROPOSALS.c.number).where(PROPOSALS.c.number.in_(numbers))).scalars())


def known_sources(db: Connection, sources: Collection[str]) -> frozenset[str]:
    """Return from which of some sources a proposal was made."""
    return frozenset(db.execute(select(PROPOSALS.c.source).where(PROPOSALS.c.source.in_(sources))).scalars())
