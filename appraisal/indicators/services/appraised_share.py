"""Reports of indicator 2.1 are computed here, now or as of a moment, published, and their sums proved."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from appraisal.canonical import canonical, digest, plain
from appraisal.clock import GENEVA
from appraisal.database import as_of, seals, tables
from appraisal.database.as_of import Past
from appraisal.database.engine import Database
from appraisal.database.rows import highest, insert_row
from appraisal.definitions.indicators import Percentage
from appraisal.definitions.library import Library
from appraisal.definitions.percentages import displayed_percent
from appraisal.errors import NotFound
from appraisal.indicators.rules import appraised_share, other_indicators
from appraisal.indicators.rules.appraised_share import BREAKDOWNS, Figures, Line, Report, Share
from appraisal.indicators.services import other_indicators as indicators_other_indicators
from appraisal.indicators.services import report_pdfs
from appraisal.indicators.store import approvals as stored
from appraisal.lists.services import matching
from appraisal.people.facts import Person
from appraisal.proposals.rules import rulebook
from appraisal.proposals.rules.approval import Approval
from appraisal.proposals.rules.sums import Sum, added, tally
from appraisal.proposals.store import tallies
from appraisal.trail.rules import sealed_rows
from appraisal.trail.store import site
from appraisal.vocabulary.biennium import biennium_of, first_year
from appraisal.vocabulary.refusals import NotAllowed, refuse

REPORTS = tables.indicator_reports
CODE: Final = "2.1"
SCHEMA: Final = "appraisal-indicator/1"
FIGURE_SCHEMA: Final = "appraisal-figure/1"
ACTION: Final = "publish_report"
GROUPS: Final = ("mechanism", "override", "outside", "undated", "other_funds")
# What a report says of itself rather than of the indicator.
_ABOUT: Final = ("published_at", "supersedes", "changes")


def definition(library: Library, code: str, key: str = "") -> Percentage:
    """Return the definition of 2.1, of the newest version or that of a key.

    Raises ``NotFound`` for any other code.
    """
    found = library.indicators(key).indicator(code)
    if not isinstance(found, Percentage) or found.numerator != "approved_by_mechanism":
        raise NotFound("indicator", code)
    return found


def read_past(text: str) -> Past:
    """Read up to when facts are heard: all of a day at headquarters, or up to a moment with its offset.

    Raises ``ValueError`` with a sentence for what is neither.
    """
    try:
        if len(text) == len("2011-03-01"):
            after = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), GENEVA)
            return Past(moment=after.astimezone(UTC) - timedelta(microseconds=1))
        moment = datetime.fromisoformat(text)
        is_placed = moment.tzinfo is not None
        found = moment.astimezone(UTC) if is_placed else moment
    except (ValueError, OverflowError):
        raise ValueError(
            f"“{text}” is neither a day, as 2011-03-01, nor a moment, as 2011-03-01T12:00+01:00"
        ) from None
    if not is_placed:
        raise ValueError(f"“{text}” does not say its offset, as 2011-03-01T12:00+01:00 does")
    return Past(moment=found)


def figures(
    db: Connection, library: Library, biennium: str, today: date, scope: frozenset[str] | None = None
) -> dict[str, Figures]:
    """Compute indicator 2.1 for every biennium that has a milestone or an approval, in their order.

    The one asked for and that of today are always among them. Read from the cells that steps keep, in
    time that does not grow with the proposals. Raises ``ValueError`` for what is no biennium.
    """
    indicator, cells = definition(library, CODE), tallies.cells(db, appraised_share.FIGURES)
    found = {entry.biennium for entry in indicator.milestones} | {biennium, biennium_of(today)}
    found |= {cell.biennium for cell in cells if cell.biennium}
    return {entry: appraised_share.figures(indicator, entry, cells, scope) for entry in sorted(found)}


def effect(db: Connection, library: Library, entry: Approval, biennium: str) -> tuple[Figures, Figures]:
    """Return indicator 2.1 of a biennium as it is, and as it would be with one approval more."""
    indicator, cells = definition(library, CODE), tallies.cells(db, appraised_share.FIGURES)
    with_it = added([cells, tally(entry)])
    before, after = (appraised_share.figures(indicator, biennium, each) for each in (cells, with_it))
    return before, after


def breakdowns(db: Connection, biennium: str, scope: frozenset[str]) -> dict[str, tuple[Line, ...]]:
    """Return indicator 2.1 of a biennium broken down in every way, from the cells that steps keep."""
    cells = tallies.cells(db, BREAKDOWNS, biennium)
    return {name: appraised_share.breakdown(name, biennium, cells, scope) for name in BREAKDOWNS}


def told(db: Connection, past: Past | None = None) -> Iterator[Approval]:
    """Yield every proposal that counts anywhere, from the trail alone, now or as of some moment."""
    for events in tallies.told(db, past):
        if (found := appraised_share.replayed(events)) is not None:
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

    Raises ``NotFound`` for an unknown code, ``ValueError`` for what is no biennium.
    """
    indicator = definition(library, code, key)
    first_year(biennium)
    return appraised_share.report(indicator, biennium, told(db, past), scope)


def report_value(library: Library, code: str, found: Report, key: str = "") -> dict[str, Any]:
    """Return a report as plain data: figures, the definition with its digest, and every proposal."""
    numbers = found.figures
    exact = numbers.share.exact
    indicator = definition(library, code, key)
    return {
        "schema": SCHEMA,
        "indicator": code,
        "kind": "percentage",
        "definition": definition_value(library, key),
        "workflows": workflow_values(library, {workflow for workflow, *_ in numbers.states}),
        "texts": {
            "title": indicator.title.model_dump(),
            "definition": indicator.definition.model_dump(),
            "source": indicator.source.model_dump(),
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
        "states": [
            {"workflow": workflow, "state": state, "proposals": count}
            for workflow, state, count in numbers.states
        ],
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
        "percent": displayed_percent(line.share.exact, None),
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


def value(
    db: Connection,
    library: Library,
    code: str,
    biennium: str,
    past: Past | None = None,
    scope: frozenset[str] | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Compute any indicator for a biennium, now or as it stood, and return it as plain data.

    ``scope``: funds to count instead of those of the headline, for 2.1 alone. ``key``: of the definitions
    to compute it by, the newest by default. Raises ``NotFound`` for an unknown code, ``ValueError`` for what
    is no biennium, and for a scope that the indicator does not read.
    """
    known_at = {"as_of": past.moment} if past and past.moment else {}
    if is_headline(library, code, key):
        found = report(db, library, code, biennium, past, scope, key)
        listed = matching.listed_value(db, library, biennium, found.figures.scope, past)
        report_of = report_value(library, code, found, key)
        complete = report_of["complete"] and not listed["unapproved"] and not listed["changed"]
        asked = (db, biennium, found.figures.scope, past)
        return {
            **report_of,
            "complete": complete,
            "finance_list": listed,
            "unvalued": stored.unvalued(*asked),
            "unvalued_beside": stored.unvalued_beside(*asked),
            **known_at,
        }
    if scope is not None:
        raise ValueError(f"indicator {code} has no funds to choose from")
    figure = indicators_other_indicators.figure(db, library, code, biennium, past, key)
    return {
        "schema": FIGURE_SCHEMA,
        "definition": definition_value(library, key),
        "workflows": workflow_values(library, figure.workflows),
        **other_indicators.told(figure),
        **known_at,
    }


def is_headline(library: Library, code: str, key: str = "") -> bool:
    """Tell whether an indicator is that of approvals; raises ``NotFound`` for an unknown code."""
    return library.indicators(key).indicator(code).measure == "approved_by_mechanism"


def definition_value(library: Library, key: str = "") -> dict[str, str]:
    """Return by which definitions something is computed, with their digest."""
    used = library.indicators(key).key
    return {"key": used, "digest": library.digests[used]}


def workflow_values(library: Library, keys: Iterable[str]) -> list[dict[str, str]]:
    """Return the workflows by which proposals are read, with their digests."""
    return [{"key": key, "digest": library.digests[key]} for key in sorted(keys) if key in library.digests]


def publish(
    database: Database, library: Library, actor: Person, now: datetime, code: str, biennium: str
) -> tuple[str, bool]:
    """Publish a report: its list and figures are kept under their digest, whatever is corrected later.

    A report that says nothing else than the last one is not published again. Returns the digest, and
    whether it is a new one. It is an event of the site's chain, and names the report before it with every
    row that is counted otherwise. PDFs of 2.1 are drawn afterwards. Nothing is published by definitions that
    were edited after their release. Raises ``NotAllowed``,
    ``NotFound`` or ``ValueError``.
    """
    if not actor.has("coordinator") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    if (key := library.indicators().key) in library.edited:
        raise NotAllowed([rulebook.edited(library, key)])
    with database.begin() as db:
        # Whoever imports, matches or registers waits for this, so that no earlier row comes later.
        site.lock(db)
        # Read under the lock: one act writes an event and a match, and a report has both or neither.
        matching.match_symbols(db, now)
        events = highest(database, tables.events)
        past = Past(rows={"events": events, **as_of.highest(db, tables.entries, tables.matches)})
        found = plain(value(db, library, code, biennium, past))
        last = next(iter(published(db, code, biennium)), None)
        before = json.loads(last[2]) if last else None
        if last and before is not None and _said(before) == _said(found):
            return last[0], False
        found |= {
            "published_at": plain(now),
            "supersedes": last[0] if last else "",
            "changes": changes(before, found) if before else [],
        }
        sealed = digest(found)
        insert_row(
            db,
            tables.indicator_reports,
            indicator=code,
            biennium=biennium,
            value=canonical(found).decode(),
            digest=sealed,
            up_to=canonical(past.rows).decode(),
            at=now,
            by=actor.id,
        )
        if is_headline(library, code):
            report_pdfs.ask_renderings(db, sealed, now)
        site.append(db, now, actor.id, ACTION, {"indicator": code, "biennium": biennium, "digest": sealed})
    return sealed, True


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry for key, entry in value.items() if key not in _ABOUT}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the rows of which two reports say something else.

    Each with the group in which it stood and stands, and, of one that stands in both, its values that differ.
    """
    was, now = _rows_of(before), _rows_of(after)
    return [
        {"number": number, "was": former[0], "is": newer[0], **_values(former[1], newer[1])}
        for number in sorted(was.keys() | now.keys())
        if (former := was.get(number, _NO_ROW)) != (newer := now.get(number, _NO_ROW))
    ]


def _values(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two rows of one number say otherwise; nothing where there is only one of them."""
    differing = [
        {"name": name, "was": before.get(name), "is": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return {"values": differing} if before and after and differing else {}


_NO_ROW: Final[tuple[None, Mapping[str, Any]]] = (None, {})


def _rows_of(value: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return every row of a report with its group, by what names it."""
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = value.get("proposals") or value["groups"]
    return {entry["number"]: (group, entry) for group, entries in groups.items() for entry in entries}


def published(db: Connection, code: str, biennium: str) -> list[tuple[str, datetime, str]]:
    """Return digest, moment and value of the reports published for a biennium, newest first."""
    rows = db.execute(
        select(REPORTS.c.digest, REPORTS.c.at, REPORTS.c.value)
        .where(REPORTS.c.indicator == code, REPORTS.c.biennium == biennium)
        .order_by(REPORTS.c.id.desc())
    )
    return [(row.digest, row.at, row.value) for row in rows]


def find_published(db: Connection, digest: str) -> str | None:
    """Return the value of a published report by its digest; raises ``NotAllowed`` where it was altered."""
    row = db.execute(select(REPORTS.c.id, REPORTS.c.value).where(REPORTS.c.digest == digest)).one_or_none()
    if row is None:
        return None
    if not sealed_rows.is_sealed(row.value, digest):
        raise seals.differs_here(REPORTS.name, row.id)
    found: str = row.value
    return found


def recomputed(db: Connection, library: Library, digest: str) -> dict[str, Any]:
    """Compute a published report again from what was written by then, without what it says of itself.

    Up to which rows that was stands beside the report, not in it: their numbers would tell how much else
    happens here. Raises ``NotFound``.
    """
    row = db.execute(select(REPORTS.c.value, REPORTS.c.up_to).where(REPORTS.c.digest == digest)).one_or_none()
    if row is None:
        raise NotFound("report", digest)
    said = json.loads(row.value)
    past = _past_of(said, json.loads(row.up_to))
    again: dict[str, Any] = plain(
        value(db, library, said["indicator"], said["biennium"], past, key=said["definition"]["key"])
    )
    return again


def _past_of(said: Mapping[str, Any], up_to: Mapping[str, int]) -> Past:
    """Return up to which rows a report was computed; those of earlier versions say so themselves."""
    if up_to:
        return Past(rows=up_to)
    return Past(rows=said["up_to"] if "up_to" in said else {"events": said["events_to"]})


def report_faults(db: Connection, library: Library) -> Iterator[str | None]:
    """Compute every published report again; yield for each what it says otherwise, or None.

    One is compared only where the definition that it was computed by is still the one of that name. Those
    of the first version of the product name none: there is nothing to compute them by again.
    """
    columns = (REPORTS.c.digest, REPORTS.c.value, REPORTS.c.up_to)
    for row in db.execute(select(*columns).order_by(REPORTS.c.id)).all():
        try:
            said = json.loads(row.value)
            name = f"the report {said['indicator']} {said['biennium']} of {said['published_at']}"
            if "schema" not in said and "definition" not in said:
                yield None
                continue
            key = said["definition"]["key"]
            first_year(said["biennium"])
            _past_of(said, json.loads(row.up_to))
        except (ValueError, TypeError, AttributeError, KeyError):
            yield f"the report {row.digest} is not what the product writes"
            continue
        gone = [
            entry["key"]
            for entry in (said["definition"], *said.get("workflows", ()))
            if library.digests.get(entry["key"]) != entry["digest"]
        ]
        if gone:
            yield f"{name} was computed by {', '.join(gone)}, which is not among the definitions any more"
            continue
        try:
            again = recomputed(db, library, row.digest)
        except NotFound:
            yield f"{name} is of an indicator that {key} does not have"
            continue
        left_out = _reckoned_otherwise(said)
        others = [key for key in sorted(again) if key not in left_out and said.get(key) != again[key]]
        yield f"{name}: computed again, {', '.join(others)} would be otherwise" if others else None


def _reckoned_otherwise(said: Mapping[str, Any]) -> frozenset[str]:
    """Return what an earlier version of the product reckoned in a report by other rules, or not at all."""
    found: set[str] = set()
    listed = said.get("finance_list", {})
    if "proposals" in said and "unapproved" not in listed:
        # It did not name the projects that were opened without an approval.
        found |= {"approved_of_appraised", "complete", "finance_list"}
    if "proposals" in said and "changed" not in listed:
        # It did not name the links whose facts had changed, nor what nobody could value.
        found |= {"complete", "finance_list", "unvalued"}
    if "proposals" in said and "unvalued_beside" not in said:
        # It did not say of what stands beside the figure that nobody could value it.
        found.add("unvalued_beside")
    if "workflows" not in said:
        # It did not name them, and counted decisions of all years together.
        found |= {"approved_of_appraised", "states", "workflows"}
    return frozenset(found)


def recount(db: Connection) -> bool:
    """Count the cells of the indicator anew from the trail; tell whether any was otherwise."""
    tallies.hold(db)
    found = added(tally(entry) for entry in told(db))
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
    kept, expected = tallies.cells(db), added(map(tally, derived.values()))
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
        # No column says what each donor gives, or what was decided; the sums are compared all the same.
        if name not in ("donors", "decided", "decided_at") and getattr(read, name) != getattr(derived, name):
            yield f"{name} is {getattr(read, name)!s}, but the trail says {getattr(derived, name)!s}"
