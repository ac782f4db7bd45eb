"""Approvals given outside the mechanism are registered one by one here, or imported from a list."""

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from io import StringIO
from typing import Any

from sqlalchemy import Connection

from appraisal.canonical import canonical
from appraisal.clock import GENEVA, geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Transition, Workflow
from appraisal.errors import Fault, FaultyInput, NotFound
from appraisal.lists.rules.matching import Project, basis_of, content_of
from appraisal.lists.services import matching
from appraisal.lists.store.matching import bearing
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Content, Contribution
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form, registrations, track_and_money
from appraisal.proposals.rules.approval import CREATING, Approval, outside
from appraisal.proposals.rules.attempt import ApprovalGiven, Inputs
from appraisal.proposals.rules.registrations import Entry
from appraisal.proposals.rules.summary import summary
from appraisal.proposals.services.drafts import BadContent, check_references, note_event
from appraisal.proposals.store import registrations as stored
from appraisal.proposals.store import writing
from appraisal.proposals.store.case import load_case, load_rates
from appraisal.trail.store import site
from appraisal.vocabulary import bounds
from appraisal.vocabulary.limits import LINE_LIMIT
from appraisal.vocabulary.project_symbols import normalised
from appraisal.vocabulary.refusals import NotAllowed, Refusal, refuse
from appraisal.workflow.services import acts

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# What numbers of proposals look like here; anything else is a project symbol of somebody else's.
OWN_NUMBER = re.compile(r"TC-[0-9]{4}-[0-9]{4,}")
COLUMNS = ("number", "title", "date", "fund", "document", "source")


def register_outside(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    content: Mapping[str, Mapping[str, Any]],
    approval: ApprovalGiven,
    *,
    origin: str = "registered",
    illustrative: bool = False,
    source: str = "",
    note: str = "",
    request: str | None = None,
    apart: Collection[str] = (),
) -> Case:
    """Register an approval of a proposal that never came here: it is created and approved, route outside.

    Whoever registers it does not become an author. ``apart`` are the numbers of proposals with the same
    symbol or title of which somebody said that this is another phase. Raises ``NotAllowed``, also for what
    is here already, or ``BadContent``.
    """
    if not actor.has("coordinator") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="coordinator")])
    kept = _kept(content)
    workflow = library.newest_workflow()
    at = approval.approved_at or now
    # Of two who register the same at once, the second sees what the first has written.
    site.lock(db)
    if (done := writing.request_done(db, request, actor.id)) is not None:
        return load_case(db, done)
    check_references(db, actor, kept)
    _check_duplicates(db, kept, approval.approved_at, apart)
    number = writing.next_number(db, geneva_date(at).year)
    given = track_and_money.approved_outside(kept, load_rates(db), geneva_date(at), approval.fund)
    writing.insert_proposal(
        db,
        number=number,
        state=workflow.initial,
        state_since=now,
        origin=origin,
        content=canonical(kept).decode(),
        illustrative=illustrative,
        source=source,
        created_at=now,
        **summary(kept, given, track_and_money.total_usd(given)),
    )
    created = note_event(
        db,
        load_case(db, number),
        actor,
        now,
        CREATING,
        {"origin": origin, "source": source, "illustrative": illustrative},
    )
    registering = _registering(workflow).name
    given_with = Inputs(note=note, approval=approval)
    return acts.take_step(db, library, actor, now, created.number, registering, given_with, request=request)


@dataclass(frozen=True, slots=True)
class Examined:
    """An approval that is to be registered: what would be stored and counted, and what is here already.

    ``same`` are approvals that it would be entered twice of; ``alike`` bear its symbol or title otherwise.
    """

    content: Content
    contributions: tuple[Contribution, ...]
    approval: ApprovalGiven
    counted: Approval
    same: tuple[Entry, ...]
    alike: tuple[Entry, ...]


def examine(
    db: Connection,
    library: Library,
    now: datetime,
    content: Mapping[str, Mapping[str, Any]],
    approval: ApprovalGiven,
) -> Examined:
    """Return what registering an approval would store and count; nothing is written.

    Raises ``BadContent``, or ``NotAllowed`` for an approval that lies in the future or costs beyond sense.
    """
    kept = _kept(content)
    if approval.approved_at is not None and approval.approved_at > now:
        raise NotAllowed([refuse("approval_in_future")])
    day = geneva_date(approval.approved_at or now)
    given = track_and_money.approved_outside(kept, load_rates(db), day, approval.fund)
    if refusal := bounds.usd_beyond(track_and_money.total_usd(given)):
        raise NotAllowed([refusal])
    state = _registering(library.newest_workflow()).to
    counted = outside("", state, kept, given, approval.approved_at)
    same, alike = find_alike(db, kept, approval.approved_at)
    return Examined(kept, given, approval, counted, tuple(same), tuple(alike))


def _kept(content: Mapping[str, Mapping[str, Any]]) -> Content:
    wrong = proposals_content.all_complaints(content)
    if wrong:
        raise BadContent(wrong)
    return {key: proposals_content.tidy(form.section(key), fields) for key, fields in content.items()}


def _registering(workflow: Workflow) -> Transition:
    return next(entry for entry in workflow.transitions if entry.act == "register_approval")


def find_alike(
    db: Connection, content: Content, approved_at: datetime | None
) -> tuple[list[Entry], list[Entry]]:
    """Return the approvals that one would be the same as, and what else bears its symbol or title."""
    mine = registrations.entry_of("", content, approved_at)
    found = [(registrations.likeness(mine, other), other) for other in stored.find_named(db, mine)]
    return (
        [other for likeness, other in found if likeness == "same"],
        [other for likeness, other in found if likeness == "alike"],
    )


def _check_duplicates(
    db: Connection, content: Content, approved_at: datetime | None, apart: Collection[str]
) -> None:
    same, alike = find_alike(db, content, approved_at)
    if same:
        raise NotAllowed([refuse("approval_same", number=entry.number) for entry in same])
    if unsaid := [entry.number for entry in alike if entry.number not in apart]:
        raise NotAllowed([refuse("approval_alike", numbers=unsaid)])


def register_project(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    key: str,
    request: str | None = None,
    apart: Collection[str] = (),
) -> Case:
    """Register a project that never came here as an approval outside the mechanism.

    The same request again is answered as done. Raises ``NotAllowed``, also where the list does not name
    the fund, or ``NotFound``.
    """
    site.lock(db)
    if actor.has("coordinator") and (done := writing.request_done(db, request, actor.id)) is not None:
        return load_case(db, done)
    project = matching.find_unmatched(db, actor, key)
    if not project.fund:
        raise NotAllowed([refuse("fund_unknown")])
    approval = approval_of(project, now)
    case = register_outside(
        db,
        library,
        actor,
        now,
        content_of(project),
        approval,
        origin="imported",
        source=approval.source,
        request=request,
        apart=apart,
    )
    basis = basis_of(project, bearing(db, case.id))
    matching.write(db, actor, now, project.key, project.symbol, "outside", case.id, case.number, basis)
    return case


def approval_of(project: Project, now: datetime) -> ApprovalGiven:
    """Return the approval that a project of the finance list amounts to.

    It counts as given at the end of the day on which the project was opened, since it was by then;
    undated where the list does not say.
    """
    at = None
    if project.opened_on is not None:
        at = min(datetime.combine(project.opened_on, time.max, GENEVA), now)
    said = f"Finance list, import {project.import_id}, line {project.line}"
    return ApprovalGiven(said, said, at)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an import, read: ``approved_at`` None means undated."""

    line: int
    number: str
    title: str
    approved_at: datetime | None
    fund: str
    document: str
    source: str


def read_approvals(text: str, name: str, now: datetime) -> tuple[list[Line], list[Fault]]:
    """Read a CSV of approvals: number, title, date, fund, document, source, with a heading line.

    Number or title may be empty, not both; an empty date means *undated*. Returns the good lines
    and a fault for everything wrong in the others. Raises ``FaultyInput`` where it is no such list.
    """
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    faults: list[Fault] = []
    found: list[Line] = []
    try:
        heading = [cell.strip().lower() for cell in next(reader, [])]
        if sorted(heading) != sorted(COLUMNS):
            raise FaultyInput([Fault(name, 1, f"the first line must name the columns {', '.join(COLUMNS)}")])
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(heading):
                faults.append(Fault(name, reader.line_num, f"{len(row)} cells instead of {len(heading)}"))
                continue
            # A null character cannot stand in a text column of PostgreSQL.
            cells = {key: cell.replace("\0", "").strip() for key, cell in zip(heading, row, strict=True)}
            line, wrong = _line(cells, reader.line_num, now)
            faults += [Fault(name, reader.line_num, message) for message in wrong]
            if not wrong:
                found.append(line)
    except csv.Error as error:
        faults.append(Fault(name, max(reader.line_num, 1), f"not CSV: {error}"))
    if not found and not faults:
        raise FaultyInput([Fault(name, 1, "there is no approval in this file")])
    return found, faults


def _line(cells: Mapping[str, str], line: int, now: datetime) -> tuple[Line, list[str]]:
    wrong = []
    if not cells["number"] and not cells["title"]:
        wrong.append("give the number of a proposal or a title")
    if cells["fund"] not in {choice.value for choice in form.FUNDS}:
        wrong.append(f"the fund must be XBTC, RBSA or RBTC, not “{cells['fund']}”")
    for key in ("document", "source"):
        if not cells[key]:
            wrong.append(f"the {key} is empty")
        if len(cells[key]) > LINE_LIMIT:
            wrong.append(f"the {key} has more than {LINE_LIMIT} characters")
        if len(cells[key].splitlines()) > 1:
            wrong.append(f"the {key} is more than one line")
    approved_at = None
    if cells["date"]:
        try:
            if not _DAY.fullmatch(cells["date"]):
                raise ValueError(cells["date"])
            # A day without an hour counts as its end, so that it never comes before an appraisal of that day.
            approved_at = datetime.combine(date.fromisoformat(cells["date"]), time.max, GENEVA)
        except ValueError:
            wrong.append(f"the date must be year-month-day, not “{cells['date']}”")
    if approved_at is not None and geneva_date(approved_at) > geneva_date(now):
        wrong.append(f"the date {cells['date']} lies in the future")
    if approved_at is not None and (early := bounds.early(geneva_date(approved_at))):
        wrong.append(f"the date {cells['date']} lies before {early.facts['day']}")
    return (
        Line(
            line,
            cells["number"],
            cells["title"],
            approved_at,
            cells["fund"],
            cells["document"],
            cells["source"],
        ),
        wrong,
    )


def import_approvals(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    text: str,
    name: str,
    phases: Collection[int] = (),
) -> list[tuple[Line, Case]]:
    """Register every approval of a CSV list, all or none.

    A line with the number of a proposal here registers it for that one; any other line creates
    one, with its number for a project symbol. ``phases`` are the lines of which somebody said that they are
    another phase of what bears the same symbol or title. Raises ``FaultyInput`` with every line that cannot
    be read or is refused; the caller's transaction is then rolled back.
    """
    lines, faults = read_approvals(text, name, now)
    done: list[tuple[Line, Case]] = []
    # Numbers given out here are nobody's to know unless everything is kept.
    made: dict[str, int] = {}
    for line in lines:
        try:
            case = _import_line(db, library, actor, now, line, is_phase=line.line in phases)
            done.append((line, case))
            made[case.number] = line.line
        except NotAllowed as error:
            faults += [Fault(name, line.line, _said(refusal, made)) for refusal in error.refusals]
        except (BadContent, LookupError, NotFound) as error:
            faults.append(Fault(name, line.line, str(error)))
    if faults:
        raise FaultyInput(faults)
    return done


def _said(refusal: Refusal, made: Mapping[str, int]) -> str:
    """Say why a line is refused; what bears its name by the number of its line where it is of this list."""
    if refusal.code == "approval_same" and refusal.facts["number"] in made:
        return f"the same as line {made[refusal.facts['number']]}"
    if refusal.code != "approval_alike":
        return refusal.say("en")
    named = ", ".join(
        f"line {made[number]}" if number in made else number for number in refusal.facts["numbers"]
    )
    return f"the symbol or title of {named}: say that it is another phase (--other-phase), or take it out"


def _import_line(
    db: Connection, library: Library, actor: Person, now: datetime, line: Line, *, is_phase: bool
) -> Case:
    # The end of today has not come yet; an approval of today was given before this moment.
    at = min(line.approved_at, now) if line.approved_at else None
    approval = ApprovalGiven(line.document, line.source, at, line.fund)
    title = line.title or line.number
    # However somebody writes one of our numbers, it is no symbol of another project.
    number = normalised(line.number)
    if writing.is_known(db, number):
        case = load_case(db, number)
        known = str(form.value(case.content, "identification.title"))
        # A slip in a number must not approve another proposal without a word.
        if line.title and line.title.casefold() != known.casefold():
            raise LookupError(f"{number} is called “{known}”, not “{line.title}”")
        workflow = library.workflow(case.workflow) if case.workflow else library.newest_workflow()
        name = _registering(workflow).name
        return acts.take_step(db, library, actor, now, number, name, Inputs(approval=approval))
    if OWN_NUMBER.fullmatch(number):
        raise LookupError(f"there is no proposal {number}")
    content = {
        "identification": {
            "title": title,
            "symbol": line.number,
            "contributions": [
                {
                    "donor": form.UNNAMED,
                    "private": "no",
                    "fund": line.fund,
                    "modality": "direct",
                    "amount": "0",
                    "currency": "USD",
                }
            ],
        }
    }
    apart = [entry.number for entry in find_alike(db, content, at)[1]] if is_phase else []
    return register_outside(
        db, library, actor, now, content, approval, origin="imported", source=line.source, apart=apart
    )
