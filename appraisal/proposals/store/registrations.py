"""Other entries that bear the same name are found here, and what was built on a registration."""

import json
import re
import unicodedata
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from appraisal.database import tables
from appraisal.database.as_of import newest
from appraisal.proposals.facts import Content
from appraisal.proposals.rules.registrations import Entry, entry_of, folded
from appraisal.proposals.store.writing import entered

PROPOSALS = tables.proposals
VERSIONS = tables.versions
MATCHES = tables.matches
REPORTS = tables.indicator_reports
# Every database finds such words whatever their case, and a few of them narrow a list down enough.
_WORD: Final = re.compile(r"(?<![^\W_])[0-9A-Za-z]+(?![^\W_])")
_WORDS: Final = 4


def find_named(db: Connection, entry: Entry) -> list[Entry]:
    """Return the proposals that may bear the symbol of an entry, or its title where one has no symbol."""
    ids = _named(db, entry)
    submitted = (
        select(VERSIONS.c.value)
        .where(VERSIONS.c.proposal_id == PROPOSALS.c.id)
        .order_by(VERSIONS.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (PROPOSALS.c.number, PROPOSALS.c.content, PROPOSALS.c.approved_at, PROPOSALS.c.route)
    rows = db.execute(
        select(*columns, submitted.label("submitted"))
        .where(PROPOSALS.c.id.in_(ids))
        .order_by(PROPOSALS.c.number)
    )
    return [
        entry_of(
            row.number,
            _content(row),
            row.approved_at,
            is_approved=row.route != "",
            is_outside=row.route == "outside",
        )
        for row in rows
    ]


def _named(db: Connection, entry: Entry) -> list[int]:
    """Return the ids of the proposals of a name; databases fold few letters, so titles are compared here."""
    words = _WORD.findall(unicodedata.normalize("NFKC", entry.title))[:_WORDS]
    named: ColumnElement[bool] = PROPOSALS.c.title.ilike("%".join(("", *words, "")))
    if entry.symbol:
        # Somebody may write the number of a proposal here for a symbol.
        borne = or_(PROPOSALS.c.symbol == entry.symbol, PROPOSALS.c.number == entry.symbol)
        named = or_(borne, and_(PROPOSALS.c.symbol == "", named))
    columns = (PROPOSALS.c.id, PROPOSALS.c.number, PROPOSALS.c.title, PROPOSALS.c.symbol)
    title = folded(entry.title)
    return [
        row.id
        for row in db.execute(select(*columns).where(*entered(), named))
        if (entry.symbol and entry.symbol in (row.symbol, row.number)) or folded(row.title) == title
    ]


def _content(row: Any) -> Content:
    """Return what was submitted last; edits since then are their authors' alone, and were never approved."""
    found: Content = json.loads(row.submitted)["content"] if row.submitted else json.loads(row.content)
    return found


def rests_on(db: Connection, proposal: int, number: str, since: datetime) -> frozenset[str]:
    """Return what rests on a registration: a published *report* that counts it, a *match* that a person made.

    The match that registered it is part of it, and rests on nothing.
    """
    match = exists().where(MATCHES.c.proposal_id == proposal, MATCHES.c.how == "confirmed", *newest())
    report = exists().where(
        REPORTS.c.at >= since, REPORTS.c.value.contains(f'"number":"{number}"', autoescape=True)
    )
    row = db.execute(select(match.label("match"), report.label("report"))).one()
    return frozenset(name for name, is_there in row._mapping.items() if is_there)
