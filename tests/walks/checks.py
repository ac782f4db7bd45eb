"""Checks: what holds of an installation after whatever was done to it.

Each check yields a sentence for what does not hold, and nothing where all does. They are called after every
move of a walk, the dear ones after some and at its end.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select

from appraisal.appraisals.rules import conditions, reviews
from appraisal.database import as_of, tables
from appraisal.database.as_of import Past
from appraisal.indicators.rules import pipeline
from appraisal.indicators.rules.appraised_share import Figures
from appraisal.indicators.services import appraised_share
from appraisal.indicators.store import pipeline as stored_pipelines
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, rulebook
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.store import lists as proposals_lists
from appraisal.proposals.store import visible
from appraisal.proposals.store.case import load_case, load_cases
from appraisal.records.store import records
from appraisal.trail.rules import events
from appraisal.verification.rules import record_file
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import database
from appraisal.verification.services.database import chain_faults
from appraisal.verification.store import bundles
from appraisal.workflow import store as workflow_store
from appraisal.workflow.rules import machine
from appraisal.workflow.services import steps
from tests import casts
from tests.casts import Stage
from tests.walks import plain
from tests.walks.moves import SPARE, World
from tests.walks.plain import Known, Trail

PROPOSALS: Final = tables.proposals
RECORDS: Final = tables.records
BIENNIA: Final = ("2010-11", "2012-13")
# Steps that lead nowhere: a proposal for which nobody may take another one is stuck.
IDLE: Final = frozenset(
    {
        "withdraw",
        "hold",
        "register_approval",
        "propose_annulment",
        "propose_correction",
        "correct_registration",
        "withdraw_signature",
    }
)
READERS: Final = (
    "ana",
    "ben",
    "desk",
    "eval",
    "evan",
    "lia",
    "chief",
    "mara",
    "auditor",
    "all",
    "desk, closed",
)
# Signatures that wait for a second one, and what ends them where the state stays.
FIRST: Final = ("propose_override", "propose_annulment", "propose_correction")
ENDING: Final = ("withdraw_signature", "decline_signature", "lapse_signature")


@dataclass
class Watch:
    """What was seen so far of a world: every record, and what the indicator was at every moment."""

    world: World
    records: dict[str, str] = field(default_factory=dict)
    signed: dict[str, dict[int, Any]] = field(default_factory=dict)
    figures: dict[datetime, Figures] = field(default_factory=dict)
    # The last report that was looked at.
    reported: int = 0
    sequences: dict[str, int] = field(default_factory=dict)
    lists: tuple[Any, Any] = (None, None)
    heard: tuple[Any, Any] = (None, None)
    looked: int = 0

    @property
    def stage(self) -> Stage:
        """Return the installation."""
        return self.world.stage


@dataclass(frozen=True)
class Marks:
    """How many rows every table holds, and where every proposal, appraisal and review stands."""

    counts: tuple[Any, ...]
    versions: tuple[Any, ...]
    others: tuple[Any, ...]


def marks(stage: Stage) -> Marks:
    """Return the marks of an installation: whatever is done moves one of them."""
    with stage.database.read() as db:
        counts = tuple(db.execute(_COUNTS).one())
        proposals, *others = (
            tuple(map(tuple, db.execute(select(table.c.id, table.c.row_version).order_by(table.c.id))))
            for table in (PROPOSALS, tables.appraisals, tables.reviews)
        )
    return Marks(counts, proposals, tuple(others))


_COUNTS: Final = select(
    *(
        select(func.count()).select_from(table).scalar_subquery().label(table.name)
        for table in tables.METADATA.sorted_tables
    )
)


def after_each(watch: Watch) -> Iterator[str]:
    """Yield what does not hold after one move: of each proposal that it moved, and of all figures if any may.

    Whatever is only shown from time to time is compared from time to time.
    """
    stage = watch.stage
    with stage.database.read() as db:
        rows = db.execute(select(PROPOSALS.c.number, PROPOSALS.c.sequence).order_by(PROPOSALS.c.number)).all()
        numbers = [row.number for row in rows if watch.sequences.get(row.number) != row.sequence]
        lists = as_of.highest(db, tables.entries, tables.matches)
        site = db.execute(select(func.max(tables.site_events.c.sequence))).scalar()
        if not numbers and (lists, site) == watch.lists:
            return
        moved = numbers or lists != watch.lists[0] or site != watch.lists[1]
        cases = [load_case(db, number) for number in numbers]
        trail = plain.read(db)
    watch.sequences.update({row.number: row.sequence for row in rows})
    watch.lists = (lists, site)
    yield from check_records(watch)
    for case in cases:
        yield from check_case(stage, case)
        yield from check_obligations(case, trail.proposals[case.number])
        yield from check_movable(stage, case)
        for key, person in stage.people.items():
            if _owes(case, person):
                yield from _read(key, person, case, is_whole=False)
    yield from check_reviews(watch, cases)
    yield from check_published(watch, trail)
    acts = plain.acts(trail)
    if moved and (acts, watch.lists) != watch.heard:
        watch.heard = (acts, watch.lists)
        watch.looked += 1
        yield from check_figures(watch, trail, plain.known(trail), is_wide=watch.looked % 4 == 0)


def at_end(watch: Watch) -> Iterator[str]:
    """Yield what does not hold, of all there is."""
    stage = watch.stage
    with stage.database.read() as db:
        trail, cases = plain.read(db), load_cases(db)
        for moment, kept in watch.figures.items():
            found = appraised_share.report(db, stage.library, "2.1", "2010-11", Past(moment=moment))
            if found.figures != kept:
                yield f"2.1 as it stood at {moment} is not what it was then"
        differing = plain.thresholds(trail, plain.known(trail))
        yield from (f"the threshold of {number} is {usd}, not {other}" for number, usd, other in differing)
    yield from check_figures(watch, trail, plain.known(trail), is_wide=True)
    yield from check_edges(stage)
    yield from check_visibility(stage, cases)
    yield from check_validity(stage, trail)
    yield from check_reports(stage)
    yield from check_trail(stage)


def check_trail(stage: Stage) -> Iterator[str]:
    """Ask ``audit verify`` and ``db check``."""
    yield from (
        f"audit verify: {found}" for found in database.verify(stage.database, stage.library, None).breaks
    )
    with stage.database.read() as db:
        yield from (f"db check: {found}" for found in chain_faults(db) if found)
        yield from (
            f"db check: {found}" for found in appraised_share.report_faults(db, stage.library) if found
        )
        yield from (f"db check: {found}" for found in appraised_share.differences(db))


# --- Records -----------------------------------------------------------------------------------------------


def check_records(watch: Watch) -> Iterator[str]:
    """No record changes or goes, and each new one verifies by itself."""
    with watch.stage.database.read() as db:
        found = {row.digest: row.value for row in db.execute(select(RECORDS.c.digest, RECORDS.c.value))}
    for digest, value in watch.records.items():
        if found.get(digest) != value:
            yield f"the record {digest} is gone or changed"
    for digest in found.keys() - watch.records.keys():
        value = json.loads(found[digest])
        for entry in record_file.verify(found[digest].encode(), watch.stage.library):
            if entry.outcome == "fails":
                yield f"the {value['kind']} record of {value['number']} does not verify: {entry.say('en')}"
    watch.records = found


def check_validity(stage: Stage, trail: Trail) -> Iterator[str]:
    """What the register says of every record is what the events say."""
    fates: dict[str, str] = {}
    for bodies in trail.proposals.values():
        given = ""
        # Rejections in force, and those that what was registered took the place of.
        rejected: set[str] = set()
        overtaken: set[str] = set()
        for body in bodies:
            facts, act = body["facts"], body["columns"].get("act", "")
            if digest := facts.get("record", ""):
                fates.setdefault(digest, "valid")
            if act == "recall":
                fates[facts["record"]] = "superseded"
            if act in plain_approving():
                given = facts["record"]
            if act == "reject":
                rejected.add(facts["record"])
            if act == "reopen":
                fates.update(dict.fromkeys(rejected, "reopened"))
                rejected = set()
            if act == "register_approval":
                fates.update(dict.fromkeys(rejected, "superseded"))
                overtaken, rejected = rejected, set()
            if act == "annul":
                fates[given] = "annulled"
            if act in ("correct_registration", "confirm_correction"):
                fates[given] = "corrected"
                fates.update(dict.fromkeys(overtaken, "valid"))
                rejected, overtaken = overtaken, set()
    with stage.database.read() as db:
        for digest, fate in fates.items():
            found = records.find_record(db, digest)
            code = found.validity.code if found else "unknown"
            # Until the appraisal is finalised again there is nothing that supersedes it.
            if ("superseded" if code == "recalled" else code) != fate:
                yield f"the register says “{code}” of record {digest}, the events say “{fate}”"


def plain_approving() -> Sequence[str]:
    """Return the acts that approve."""
    return ("approve", "countersign", "register_approval")


# --- Figures -----------------------------------------------------------------------------------------------


def check_figures(watch: Watch, trail: Trail, found: list[Known], *, is_wide: bool) -> Iterator[str]:
    """Compare every figure with the plain one; *wide* also those that are dear to compute."""
    stage = watch.stage
    given = [entry.approval.at for entry in found if entry.approval and entry.approval.at]
    biennia = sorted({*BIENNIA, *map(plain.biennium, given)})
    for entry in found:
        if entry.umbrella and entry.approval:
            yield f"the umbrella programme {entry.number} is approved"
    for project, number in plain.loose(trail, found):
        yield f"the project {project} is taken for {number} by a symbol that it does not bear"
    with stage.database.read() as db:
        kept = appraised_share.figures(db, stage.library, "2010-11", stage.now.date())
        # The next move may be made at this very moment.
        watch.figures[stage.now - timedelta(seconds=1)] = kept["2010-11"]
        for of in biennia:
            wanted = plain.headline(found, of)
            if of in kept or wanted["denominator"]:
                yield from _differing(f"2.1 of {of} as it is shown", _shown(wanted), _as_shown(kept.get(of)))
        for of in biennia if is_wide else ():
            wanted = plain.headline(found, of)
            value = appraised_share.value(db, stage.library, "2.1", of)
            yield from _differing(f"2.1 of {of}", wanted, _as_plain(value))
            frameworks = appraised_share.value(db, stage.library, "3.1", of)
            yield from _differing(f"3.1 of {of}", plain.frameworks(trail, of), frameworks)
            wanted_list = plain.finance_list(trail, found, of)
            yield from _differing(f"the finance list of {of}", wanted_list, _as_listed(value))
            missing = wanted["proposals"]["undated"] or wanted_list["unapproved"] or wanted_list["changed"]
            if value["complete"] == bool(missing):
                yield f"2.1 of {of} says complete: {value['complete']}"
            if list(value["unvalued"]) != (unknown := plain.unvalued(found, of)):
                yield f"2.1 of {of} says that nobody knows the US$ of {value['unvalued']}, and it is of {unknown}"
            figure = appraised_share.value(db, stage.library, "1.1", of)
            wanted = plain.gaps(trail, found, of)
            yield from _differing(f"1.1 of {of}", wanted, {key: figure[key] for key in wanted})
            yield from _differing(f"the funnel of {of}", plain.funnel(found, of), _funnel(stage, db, of))
        if is_wide:
            yield from (f"the sums that are kept: {found}" for found in appraised_share.differences(db))


def check_edges(stage: Stage) -> Iterator[str]:
    """Ask for the first and the last biennium that there are: nothing fails, and nothing is found."""
    with stage.database.read() as db:
        for of in ("0000-01", "9998-99"):
            for code in ("2.1", "1.1", "3.1"):
                if appraised_share.value(db, stage.library, code, of)["numerator"]:
                    yield f"{code} of {of} counts something"
            appraised_share.breakdowns(db, of, plain.HEADLINE)
            _funnel(stage, db, of)


def _funnel(stage: Stage, db: Any, of: str) -> dict[str, int]:
    marks = {workflow.key: pipeline.marks(workflow) for workflow in (stage.library.newest_workflow(),)}
    return {
        str(key): count
        for key, count in pipeline.funnel(stored_pipelines.reached(db, None, of, marks)).counts.items()
    }


def _differing(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for key in wanted:
        if wanted[key] != found.get(key):
            yield f"{what}: {key} is {found.get(key)}, but comes to {wanted[key]}"


def _as_plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a report in the form in which the plain ones are computed."""
    return {
        **{name: value[name] for name in ("numerator", "denominator")},
        **{name: list(value[name]) for name in ("with_overrides", "xbtc", "rbsa", "approved_of_appraised")},
        "usd": [_cents(usd) for usd in value["usd"]],
        "states": {entry["state"]: entry["proposals"] for entry in value["states"]},
        "breakdowns": {
            name: {
                line["value"]: [line["numerator"], line["denominator"], *map(Decimal, line["usd"])]
                for line in sorted(lines, key=lambda line: str(line["value"]))
            }
            for name, lines in value["breakdowns"].items()
        },
        "proposals": {
            group: {row["number"]: (row["reason"], str(_cents(row["usd"]))) for row in rows}
            for group, rows in value["proposals"].items()
        },
    }


def _cents(usd: Any) -> Decimal:
    return Decimal(usd).quantize(Decimal("0.01"))


def _shown(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "share": [wanted["numerator"], wanted["denominator"]],
        **{name: wanted[name] for name in ("with_overrides", "xbtc", "rbsa", "approved_of_appraised", "usd")},
        "undated": len(wanted["proposals"]["undated"]),
        "outside": len(wanted["proposals"]["outside"]),
        "other_funds": len(wanted["proposals"]["other_funds"]),
        "states": wanted["states"],
    }


def _as_shown(kept: Figures | None) -> dict[str, Any]:
    if kept is None:
        return {}
    shares = ("share", "with_overrides", "xbtc", "rbsa", "approved_of_appraised")
    return {
        **{name: [getattr(kept, name).numerator, getattr(kept, name).denominator] for name in shares},
        "usd": [_cents(usd) for usd in kept.usd],
        "undated": kept.undated,
        "outside": kept.outside,
        "other_funds": kept.other_funds,
        "states": {state: count for _, state, count in kept.states},
    }


def _as_listed(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of the finance list in the form in which the plain one is computed."""
    listed = value["finance_list"]
    return {
        "symbols": sorted(listed["symbols"]),
        **{
            name: sorted((row["symbol"], row["number"]) for row in listed[name])
            for name in ("unapproved", "changed")
        },
    }


def check_published(watch: Watch, trail: Trail) -> Iterator[str]:
    """A report that was published just now says what is so now, whatever somebody else did meanwhile."""
    table = tables.indicator_reports
    with watch.stage.database.read() as db:
        rows = db.execute(select(table).where(table.c.id > watch.reported).order_by(table.c.id)).all()
    for row in rows:
        watch.reported = row.id
        if row.indicator == "2.1":
            value, found = json.loads(row.value), plain.known(trail)
            what = f"the report on 2.1 of {row.biennium}"
            yield from _differing(what, plain.headline(found, row.biennium), _as_plain(value))
            listed = plain.finance_list(trail, found, row.biennium)
            yield from _differing(f"the finance list in {what}", listed, _as_listed(value))


def check_reports(stage: Stage) -> Iterator[str]:
    """A report that was published again names every row that says something else, and no other."""
    table = tables.indicator_reports
    with stage.database.read() as db:
        rows = db.execute(
            select(table.c.indicator, table.c.biennium, table.c.value).order_by(table.c.id)
        ).all()
    last: dict[tuple[str, str], Any] = {}
    for row in rows:
        value, key = json.loads(row.value), (row.indicator, row.biennium)
        if key in last:
            was, now = _rows(last[key]), _rows(value)
            wanted = {number for number in was.keys() | now.keys() if was.get(number) != now.get(number)}
            told = {entry["number"] for entry in value["changes"]}
            if told != wanted:
                yield f"the report on {key} names {sorted(told)} as changed, and {sorted(wanted)} are"
        last[key] = value


def _rows(value: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    groups = value.get("proposals") or value["groups"]
    return {row["number"]: (group, row) for group, rows in groups.items() for row in rows}


# --- Proposals ---------------------------------------------------------------------------------------------


def check_case(stage: Stage, case: Case) -> Iterator[str]:
    """What separates people, and what the row of a proposal says of it."""
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    table, relations = PROPOSALS, tables.relations
    with stage.database.read() as db:
        row = db.execute(select(table).where(table.c.id == case.id)).mappings().one()
        fault = events.broken(proposals_lists.chain_of(db, case.id), case.head)
        since = {
            (entry.relation, entry.person_id): entry.since
            for entry in db.execute(select(relations).where(relations.c.proposal_id == case.id))
        }
    if fault:
        yield f"{case.number}: {fault}"
    for name, wanted in steps.standing(book, case).items():
        if row[name] != wanted:
            yield f"{case.number}: the column {name} says {row[name]}, not {wanted}"
    if sum(entry.is_running for entry in case.appraisals) > 1:
        yield f"{case.number}: two appraisals run at once"
    if (case.appraisal is not None) != (book.workflow.states[case.state].reviews == "open"):
        yield f"{case.number}: an appraisal runs, or none, in the state {case.state}"
    if case.hold is not None and not book.workflow.states[case.state].open:
        yield f"{case.number}: on hold in the state {case.state}"
    for step in case.steps:
        joined = since.get(("author", step.by)) if step.act == "assign" else None
        if joined is not None and joined <= step.at:
            yield f"{case.number}: an author assigned the lead"
    yield from check_facts(book, case)


def check_facts(book: Rulebook, case: Case) -> Iterator[str]:
    """What holds of the facts of a proposal, wherever they come from."""
    closed = {entry.name for entry in book.workflow.transitions if "author" in entry.excludes}
    acted = {id for step in case.steps if step.name in closed for id in (step.by, step.behalf)}
    if acted & case.related("author"):
        yield f"{case.number}: an author took a step that is closed to authors"
    yield from _duties(case)
    yield from _ratings(book, case)


def _duties(case: Case) -> Iterator[str]:
    authors, leads = case.related("author"), case.related("lead")
    if authors & (leads | case.related("reviewer")):
        yield f"{case.number}: an author leads or reviews"
    approval = case.approval
    if approval is None or approval.kind == "register_approval":
        return
    version = next(entry for entry in case.versions if entry.id == approval.version_id)
    appraisal = next(entry for entry in case.appraisals if entry.id == approval.appraisal_id)
    closed = next(step for step in case.steps if step.at == appraisal.finalised_at)
    parts: list[set[int | None]] = [
        {version.by},
        {appraisal.lead, closed.by, closed.behalf},
        {approval.by, approval.behalf},
    ]
    if approval.kind == "countersign":
        earlier = (
            entry for entry in case.decisions if entry.kind == "propose_override" and entry.id < approval.id
        )
        first = list(earlier)[-1]
        parts.append({first.by, first.behalf})
        if first.appraisal_id != appraisal.id:
            yield f"{case.number}: the first signature was on another appraisal"
    for place, part in enumerate(parts):
        for other in parts[place + 1 :]:
            if (part & other) - {None}:
                yield f"{case.number}: the same person on two sides of an approval"
    if appraisal.version_id != version.id or appraisal.finalised_at is None:
        yield f"{case.number}: approved on the appraisal of another version, or one that is not final"
    elif approval.approved_at is None or appraisal.finalised_at >= approval.approved_at:
        yield f"{case.number}: approved before it was appraised"


def _ratings(book: Rulebook, case: Case) -> Iterator[str]:
    """A verdict rests on confirmed ratings alone, and a block on its unit's own signed review."""
    units = reviews.block_items(book.criteria)
    for appraisal in case.appraisals:
        counting = {item for item, given in appraisal.ratings.items() if given.value and not given.proposed}
        for criterion in book.criteria:
            code = criterion.checklist.code
            if (
                appraisal.verdicts.get(code)
                and not {item.id for item in criterion.checklist.items} <= counting
            ):
                yield f"{case.number}: the verdict on {code} rests on ratings that nobody confirmed"
        for item in sorted(counting & set(units)):
            code = item.partition("-")[0]
            signed = [
                review
                for review in appraisal.reviews
                if review.signed_at and review.unit == units[item] and code in review.checklists
            ]
            if not signed:
                yield f"{case.number}: {item} counts, and {units[item]} signed nothing"
    for before, after in zip(case.appraisals, case.appraisals[1:], strict=False):
        # What a lead rated is proposed in the next round, unless it was recalled, which goes on as it was.
        given = {item for item, entry in before.ratings.items() if entry.value}
        applying = {
            item.id
            for criterion in book.criteria_for(_threshold(case, after.version_id))
            for item in criterion.checklist.items
        }
        lost = (given & applying) - after.ratings.keys()
        if lost:
            yield f"{case.number}: appraisal {after.number} lacks the ratings of {', '.join(sorted(lost)[:3])}"


def _threshold(case: Case, version: int) -> Decimal:
    return next(entry.threshold_usd for entry in case.versions if entry.id == version)


def check_obligations(case: Case, bodies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Whatever somebody was asked or bound to is there, or an event ended it."""
    waiting: Mapping[str, Any] | None = None
    asked: dict[int, set[str]] = {}
    reviewers: dict[int, int] = {}
    changes = 0
    ends: dict[int, str] = {}
    for body in bodies:
        facts, action, act = body["facts"], body["action"], body["columns"].get("act", "")
        moved = body["columns"]["from_state"] != body["columns"]["to_state"]
        if act in FIRST:
            waiting = body
        elif waiting is not None and (moved or act in ENDING):
            waiting = None
        if act == "assign":
            asked[facts["appraisal"]] = set(facts["asked"])
        # Another day is told of by the same name.
        if action == "ask_review" and "person" in facts:
            reviewers[facts["review"]] = facts["person"]
        if action in ("sign_review", "decline_review"):
            ends[facts["review"]] = action
        if "changes" in facts and act in ("request_revision", "return"):
            changes += len(facts["changes"])
    kind = waiting["columns"]["act"] if waiting else None
    found = case.signature.kind if case.signature else None
    if kind != found:
        yield f"{case.number}: the signature that waits is {found}, by its events {kind}"
    if len(case.changes) != changes:
        yield f"{case.number}: {len(case.changes)} changes were asked for, by its events {changes}"
    known = {entry.id: entry for appraisal in case.appraisals for entry in appraisal.reviews}
    for id, person in reviewers.items():
        if id not in known or known[id].person != person:
            yield f"{case.number}: the review {id} that was asked for is not there"
        elif ends.get(id) == "sign_review" and known[id].signed_at is None:
            yield f"{case.number}: the review {id} was signed, and is not"
    for appraisal in case.appraisals:
        units = {entry.unit for entry in appraisal.consultations}
        if not asked.get(appraisal.number, set()) <= units:
            yield f"{case.number}: a unit that was asked is asked no more in appraisal {appraisal.number}"
    yield from check_conditions(case, bodies)


def check_conditions(case: Case, bodies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every condition that was written is there as it was written last, or an event ended it.

    What was waived stays waived, what was cleared cleared.
    """
    made: dict[int, tuple[int, str]] = {}
    ended: set[int] = set()
    closed: dict[str, set[int]] = {"waive_condition": set(), "clear_condition": set()}
    for body in bodies:
        facts = body["facts"]
        told = found if isinstance(found := facts.get("conditions"), Mapping) else {}
        for said in told.get("written", ()):
            if said["number"] in made:
                yield f"{case.number}: the number {said['number']} is given to two conditions"
            made[said["number"]] = (said["id"], said["text"])
        for said in told.get("changed", ()):
            made[said["number"]] = (said["id"], said["after"]["text"])
        ended |= {said["number"] for name in ("withdrawn", "superseded") for said in told.get(name, ())}
        if body["action"] in closed:
            closed[body["action"]].add(facts["condition"])
    rows = {entry.number: entry for entry in conditions.every(case)}
    if rows.keys() != made.keys():
        yield f"{case.number}: the conditions {sorted(rows)} are there, by its events {sorted(made)}"
    for number, entry in rows.items():
        found = (entry.id, entry.text)
        if number in made and found != made[number]:
            yield f"{case.number}: condition {number} is {found}, by its events {made[number]}"
        if entry.stands == (number in ended):
            yield f"{case.number}: condition {number} {'stands' if entry.stands else 'ended'}, by its events not"
        if (entry.waived_at is not None) != (number in closed["waive_condition"]):
            yield f"{case.number}: condition {number} was waived, and is not, or the other way round"
        if (entry.cleared_at is not None) != (number in closed["clear_condition"]):
            yield f"{case.number}: condition {number} was cleared, and is not, or the other way round"


def check_movable(stage: Stage, case: Case) -> Iterator[str]:
    """Somebody may take a step that leads on, or do what opens one, unless nothing more is to come."""
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    state = book.workflow.states[case.state]
    if state.terminal or case.state == "draft" or case.registration is not None:
        return
    if case.state == "lapsed" and sum(step.act == "reopen" for step in case.steps) >= 2:
        return
    people = [stage.people[key] for key in SPARE]
    people += [person for person in stage.people.values() if person.id in case.related("author")]
    people += [
        person for person in stage.people.values() if case.appraisal and person.id == case.appraisal.lead
    ]
    for person in people:
        for entry in machine.allowed(book, case, person, stage.now):
            if entry.is_open and entry.transition.name not in IDLE:
                return
    # What is written for the time being, answered or cleared opens a step.
    waiting = case.hold is not None or state.editable_by is not None
    final = case.finalised
    waiting = waiting or bool(final and any(entry.is_open for entry in final.conditions))
    if not waiting:
        yield f"{case.number}: in the state {case.state}, and nobody may do anything that leads on"


def check_reviews(watch: Watch, cases: Sequence[Case]) -> Iterator[str]:
    """What is signed stays; nobody leads, reviews and writes at once, nor decides after a conflict."""
    found = {
        review.id: (case, appraisal, review)
        for case in cases
        for appraisal in case.appraisals
        for review in appraisal.reviews
    }
    for case in cases:
        for id, kept in watch.signed.get(case.number, {}).items():
            if id not in found or _signed(found[id][2]) != kept:
                yield f"the signed review {id} is gone or changed"
    for id, (case, _, review) in found.items():
        if review.signed_at:
            watch.signed.setdefault(case.number, {})[id] = _signed(review)
    for case, appraisal, review in found.values():
        if review.person in case.related("author"):
            yield f"{case.number}: an author reviews it"
        if review.is_open and review.person == appraisal.lead and appraisal.is_running:
            yield f"{case.number}: its lead reviews it"
        if review.signed_at and (review.declaration != "nothing" or review.withdrawn_at):
            yield f"{case.number}: a review is signed that was withdrawn or not declared"
    for case in cases:
        conflicted = {
            review.person
            for appraisal in case.appraisals
            for review in appraisal.reviews
            if review.declaration == "declared"
        }
        if case.appraisal is not None and case.appraisal.lead in conflicted:
            yield f"{case.number}: its lead has a conflict of interest"
        if case.approval is not None and case.approval.kind != "register_approval":
            deciding = {case.approval.by, case.approval.behalf}
            declared_before = {
                review.person
                for appraisal in case.appraisals
                for review in appraisal.reviews
                if review.declaration == "declared"
                and review.declared_at is not None
                and review.declared_at < case.approval.at
            }
            if deciding & declared_before:
                yield f"{case.number}: decided by somebody with a conflict of interest"


def _signed(review: Any) -> tuple[Any, ...]:
    ratings = sorted((item, given.value, given.comment) for item, given in review.ratings.items())
    return (
        review.person,
        review.unit,
        review.checklists,
        review.signed_at,
        review.comment,
        review.late,
        ratings,
    )


# --- Readers -----------------------------------------------------------------------------------------------


def check_visibility(stage: Stage, cases: Sequence[Case]) -> Iterator[str]:
    """What each person finds in lists, pages and bundles is what they may read, by a rule of its own."""
    casts.refresh(stage)
    table = tables.proposals
    everybody = [*stage.people.items(), ("desk, closed", replace(stage.people["desk"], active=False))]
    # Who writes or decides in a walk is looked at each time, and of the others a few.
    for key, person in [pair for pair in everybody if pair[0] in READERS or pair[1].covers]:
        with stage.database.read() as db:
            listed = {entry.number: entry.full for entry in proposals_lists.list_proposals(db, person)[0]}
            blind = set(db.execute(select(table.c.number).where(visible.blind(person))).scalars())
            recorded = {entry.number for entry in records.list_records(db, person)[0]}
            # Those that somebody left, coordinators are shown as well.
            owed = sorted(
                entry.number for entry in workflow_store.reviews_for(db, person) if not entry.left_by
            )
            whole = {row.number for row in bundles.chosen(db, Asked(), person) if row.is_whole}
        wanted = {
            case.number: level == "full" for case in cases if (level := _listed(case, person)) != "nothing"
        }
        if listed != wanted:
            yield f"{key} finds {listed} in the list, but may read {wanted}"
        if blind != {case.number for case in cases if _owes(case, person)} or recorded & blind:
            yield f"{key} is taken for somebody who owes a review, or is not"
        due = sorted(
            case.number
            for case in cases
            for appraisal in case.appraisals
            for review in appraisal.reviews
            if review.person == person.id and review.is_open and appraisal.is_running
        )
        if person.active and owed != due:
            yield f"{key} finds reviews of {owed} to do, and owes {due}"
        for case in cases:
            yield from _read(key, person, case, is_whole=case.number in whole)


def _listed(case: Case, person: Person) -> str:
    """Return what a list shows: until the declaration, a reviewer finds a proposal in My work alone."""
    level = _level(case, person)
    if level == "declaration":
        return "overlap" if person.has("designer") and not access.must_declare(case, person) else "nothing"
    return level


def _owes(case: Case, person: Person) -> bool:
    return any(
        review.person == person.id and review.is_open
        for appraisal in case.appraisals
        for review in appraisal.reviews
    )


def _level(case: Case, person: Person) -> str:
    """Say once more, in as few words as may be, how much somebody reads."""
    mine = [
        entry
        for appraisal in case.appraisals
        for entry in appraisal.reviews
        if entry.person == person.id and not entry.withdrawn_at
    ]
    if not person.active:
        return "nothing"
    if person.id in case.related("author"):
        return "full"
    if not case.versions and case.approval is None and not case.pinned:
        return "nothing"
    if any(entry.is_open and not entry.declaration for entry in mine):
        return "declaration"
    reads = person.roles & {"coordinator", "manager", "auditor"} or person.id in case.related("lead")
    if reads or any(entry.declaration == "nothing" and not entry.declined_at for entry in mine):
        return "full"
    # Who stands in for somebody is held apart elsewhere.
    level = access.level(case, person)
    return (
        level
        if person.covers or level == "declaration"
        else "overlap"
        if person.has("designer")
        else "nothing"
    )


def _read(key: str, person: Person, case: Case, *, is_whole: bool) -> Iterator[str]:
    """Of what is not finalised, authors and managers read no rating, and reviewers only their own."""
    unfinished = [appraisal for appraisal in case.appraisals if appraisal.finalised_at is None]
    is_author = person.id in case.related("author")
    at_once = bool(person.roles & {"coordinator", "auditor"})
    if is_whole and (_level(case, person) != "full" or _owes(case, person)):
        yield f"{key} may have a bundle of {case.number}, which is not theirs to read"
    if is_whole and unfinished and (is_author or not at_once):
        yield f"{key} may have a bundle of {case.number}, of which an appraisal is not finalised"
    seen = access.as_seen(case, person)
    if _owes(case, person):
        for appraisal in seen.appraisals:
            said = (appraisal.ratings, appraisal.conditions, appraisal.verdicts, appraisal.record)
            if any(said) or {review.person for review in appraisal.reviews} - {person.id}:
                yield f"{key}, who owes a review of {case.number}, reads what others said"
            if any(entry.unit != person.unit or entry.text for entry in appraisal.consultations):
                yield f"{key}, who owes a review of {case.number}, reads what units answered"
        if (seen.changes, seen.sequence, seen.head) != ((), 0, "") or any(step.note for step in seen.steps):
            yield f"{key}, who owes a review of {case.number}, reads what was said in steps"
    elif is_author or (person.has("manager") and not at_once and person.id not in case.related("lead")):
        reviewed = any(review.person == person.id for entry in case.appraisals for review in entry.reviews)
        if not person.covers and (is_author or not reviewed):
            for appraisal in seen.appraisals:
                if appraisal.finalised_at is None and (appraisal.ratings or appraisal.conditions):
                    yield f"{key} reads the ratings of {case.number} before they are final"
