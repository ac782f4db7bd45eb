"""Indicators: computing reports from what is held or was, publishing them, and proving the sums."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from appraisal.canonical import canonical, digest, plain
from appraisal.definitions.indicators import Percentage
from appraisal.definitions.library import Library
from appraisal.domain import indicators
from appraisal.domain.facts import Person
from appraisal.domain.indicators import BREAKDOWNS, Approval, Figures, Line, Report, Share, Sum
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.services import reports
from appraisal.storage import approvals as stored
from appraisal.storage import audits, site, tables, tallies
from appraisal.storage.databases import Database
from appraisal.storage.proposals import insert_row
from appraisal.storage.tallies import Past

REPORTS = tables.IndicatorReport.__table__
CODE: Final = "2.1"
SCHEMA: Final = "appraisal-indicator/1"
ACTION: Final = "publish_report"
GROUPS: Final = ("mechanism", "override", "outside", "undated", "other_funds")
# What a report says of itself rather than of the indicator.
_ABOUT: Final = ("published_at", "events_to", "supersedes", "changes")


def definition(library: Library, code: str, key: str = "") -> Percentage:
    """Return the definition of 2.1, of the newest version or that of a key.

    Raises ``KeyError`` for any other code.
    """
    found = library.indicators(key).indicator(code)
    if not isinstance(found, Percentage) or found.numerator != "approved_by_mechanism":
        raise KeyError(code)
    return found


def figures(
    db: Connection, library: Library, biennium: str, today: date, scope: frozenset[str] | None = None
) -> dict[str, Figures]:
    """Compute indicator 2.1 for every biennium that has a milestone or an approval, in their order.

    The one asked for and that of today are always among them. Read from the cells that steps keep, in
    time that does not grow with the proposals. Raises ``ValueError`` for what is no biennium.
    """
    indicator, workflow = definition(library, CODE), library.newest_workflow()
    cells = tallies.cells(db, ("all", "state"))
    found = {entry.biennium for entry in indicator.milestones} | {biennium, indicators.biennium_of(today)}
    found |= {cell.biennium for cell in cells if cell.biennium}
    return {entry: indicators.figures(indicator, workflow, entry, cells, scope) for entry in sorted(found)}


def breakdowns(db: Connection, biennium: str, scope: frozenset[str]) -> dict[str, tuple[Line, ...]]:
    """Return indicator 2.1 of a biennium broken down in every way, from the cells that steps keep."""
    cells = tallies.cells(db, BREAKDOWNS, biennium)
    return {name: indicators.breakdown(name, biennium, cells, scope) for name in BREAKDOWNS}


def told(db: Connection, past: Past | None = None) -> Iterator[Approval]:
    """Yield every proposal that counts anywhere, from the trail alone, now or as of some moment."""
    for events in tallies.told(db, past):
        if (found := indicators.replayed(events)) is not None:
            yield found


def report(
    db: Connection,
    library: Library,
    code: str,
    biennium: str,
    past: Past | None = None,
    scope: frozenset[str] | None = None,
    key: str = "",
) -> Report:
    """Compute an indicator for a biennium from the trail, as of now or of a moment of the past.

    Raises ``KeyError`` for an unknown code, ``ValueError`` for what is no biennium.
    """
    indicator = definition(library, code, key)
    indicators.first_year(biennium)
    return indicators.report(indicator, library.newest_workflow(), biennium, told(db, past), scope)


def report_value(library: Library, code: str, found: Report, key: str = "") -> dict[str, Any]:
    """Return a report as plain data: figures, the definition with its digest, and every proposal."""
    numbers = found.figures
    exact = numbers.share.exact
    used = library.indicators(key).key
    indicator = definition(library, code, key)
    return {
        "schema": SCHEMA,
        "indicator": code,
        "kind": "percentage",
        "definition": {"key": used, "digest": library.digests[used]},
        "texts": {
            "title": indicator.title.model_dump(),
            "definition": indicator.definition.model_dump(),
            "source": indicator.source,
        },
        "milestones": [
            {"biennium": entry.biennium, "percent": entry.percent} for entry in indicator.milestones
        ],
        "target": indicator.target,
        "baseline": {
            "biennium": indicator.baseline.biennium,
            "percent": indicator.baseline.value,
            "document": indicator.baseline.document,
        },
        "scope": numbers.scope,
        "biennium": numbers.biennium,
        "numerator": numbers.share.numerator,
        "denominator": numbers.share.denominator,
        "percent": numbers.percent,
        "exact": None if exact is None else f"{exact.numerator}/{exact.denominator}",
        "milestone": numbers.milestone,
        "milestone_met": numbers.met,
        "complete": numbers.complete,
        "with_overrides": _pair(numbers.with_overrides),
        "xbtc": _pair(numbers.xbtc),
        "rbsa": _pair(numbers.rbsa),
        "usd": list(numbers.usd),
        "approved_of_appraised": _pair(numbers.approved_of_appraised),
        "states": dict(numbers.states),
        "illustrative": numbers.illustrative,
        "breakdowns": {
            name: [{"value": line.value, **_line(line)} for line in lines]
            for name, lines in found.breakdowns.items()
        },
        "proposals": {group: [_listed(entry) for entry in getattr(found, group)] for group in GROUPS},
    }


def _pair(share: Share) -> list[int]:
    return [share.numerator, share.denominator]


def _line(line: Line) -> dict[str, Any]:
    return {
        "numerator": line.share.numerator,
        "denominator": line.share.denominator,
        "percent": indicators.displayed_percent(line.share.exact, None),
        "usd": list(line.usd),
    }


def _listed(entry: Approval) -> dict[str, Any]:
    return {
        "number": entry.number,
        "title": entry.title,
        "approved_at": entry.approved_at,
        "funds": entry.funds,
        "usd": entry.usd,
        "route": entry.route,
        "reason": entry.reason,
        "region": entry.region,
        "unit": entry.unit,
        "track": entry.track,
        "donors": [name for name, _ in entry.donors],
        "illustrative": entry.illustrative,
    }


def publish(
    database: Database, library: Library, actor: Person, now: datetime, code: str, biennium: str
) -> tuple[str, bool]:
    """Publish a report: its list and figures are kept under their digest, whatever is corrected later.

    A report that says nothing else than the last one is not published again. Returns the digest, and
    whether it is a new one. It is an event of the site's chain, and names the report before it with every
    proposal that is counted otherwise; its PDFs are drawn afterwards. Raises ``NotAllowed``.
    """
    if not actor.has("coordinator") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    reach = audits.highest(database, audits.EVENTS)
    with database.read() as db:
        found = report(db, library, code, biennium, Past(event=reach))
    value = plain(report_value(library, code, found))
    with database.begin() as db:
        site.lock(db)
        last = next(iter(published(db, code, biennium)), None)
        before = json.loads(last[2]) if last else None
        if last and before is not None and _said(before) == _said(value):
            return last[0], False
        value |= {
            "published_at": plain(now),
            "events_to": reach,
            "supersedes": last[0] if last else "",
            "changes": changes(before, value) if before else [],
        }
        sealed = digest(value)
        insert_row(
            db,
            tables.IndicatorReport,
            indicator=code,
            biennium=biennium,
            value=canonical(value).decode(),
            digest=sealed,
            at=now,
            by=actor.id,
        )
        reports.ask_renderings(db, sealed, now)
        site.append(db, now, actor.id, ACTION, {"indicator": code, "biennium": biennium, "digest": sealed})
    return sealed, True


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry for key, entry in value.items() if key not in _ABOUT}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the proposals that two reports count otherwise, by number: where each stood and stands."""
    was, now = counted(before), counted(after)
    return [
        {"number": number, "was": was.get(number), "is": now.get(number)}
        for number in sorted(was.keys() | now.keys())
        if was.get(number) != now.get(number)
    ]


def counted(value: Mapping[str, Any]) -> dict[str, str]:
    """Return by number in which group of a report a proposal stands."""
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = value["proposals"]
    return {entry["number"]: group for group, entries in groups.items() for entry in entries}


def published(db: Connection, code: str, biennium: str) -> list[tuple[str, datetime, str]]:
    """Return digest, moment and value of the reports published for a biennium, newest first."""
    rows = db.execute(
        select(REPORTS.c.digest, REPORTS.c.at, REPORTS.c.value)
        .where(REPORTS.c.indicator == code, REPORTS.c.biennium == biennium)
        .order_by(REPORTS.c.id.desc())
    )
    return [(row.digest, row.at, row.value) for row in rows]


def find_published(db: Connection, digest: str) -> str | None:
    """Return the value of a published report by its digest."""
    found: str | None = db.execute(
        select(REPORTS.c.value).where(REPORTS.c.digest == digest)
    ).scalar_one_or_none()
    return found


def recomputed(db: Connection, library: Library, value: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a published report again from the trail as it stood, without what it says of itself."""
    past, scope, key = Past(event=value["events_to"]), frozenset(value["scope"]), value["definition"]["key"]
    found = report(db, library, value["indicator"], value["biennium"], past, scope, key)
    again: dict[str, Any] = plain(report_value(library, value["indicator"], found, key))
    return again


def recount(db: Connection) -> bool:
    """Count the cells of the indicator anew from the trail; tell whether any was otherwise."""
    tallies.hold(db)
    found = indicators.added(indicators.tally(entry) for entry in told(db))
    if tallies.cells(db) == found:
        return False
    tallies.replace(db, found)
    return True


def differences(db: Connection) -> list[str]:
    """Compare all that is kept for the indicator with the trail; return a line for each difference."""
    read = {entry.number: entry for entry in stored.approvals(db)}
    derived = {entry.number: entry for entry in told(db)}
    found = [
        f"{number}: {difference}"
        for number in sorted(read.keys() | derived.keys())
        for difference in _differences(read.get(number), derived.get(number))
    ]
    kept, expected = tallies.cells(db), indicators.added(map(indicators.tally, derived.values()))
    for cell in sorted(kept.keys() | expected.keys()):
        if kept.get(cell) != expected.get(cell):
            named = ", ".join(str(part) for part in cell if part != "")
            found.append(
                f"the sum over {named} is {_sum(kept.get(cell))}, but the trail says {_sum(expected.get(cell))}"
            )
    return found


def _sum(entry: Sum | None) -> str:
    return f"{entry.proposals} proposals and US$ {entry.usd}" if entry else "nothing"


def _differences(read: Approval | None, derived: Approval | None) -> Iterator[str]:
    if read is None or derived is None:
        yield "stands only in the columns" if derived is None else "is missing from the columns"
        return
    for name in Approval.__slots__:
        # No column says what each donor gives.
        if name != "donors" and getattr(read, name) != getattr(derived, name):
            yield f"{name} is {getattr(read, name)!s}, but the trail says {getattr(derived, name)!s}"
