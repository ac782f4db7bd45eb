"""Casts: people, a clock, and proposals brought to each state through the services.

Every builder takes a stage, lets a minute pass after each step, and returns the number of the proposal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event, update

from appraisal.accounts.services import accounts as people
from appraisal.accounts.services import substitutes
from appraisal.appraisals.rules import completeness
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.database.tables import METADATA, proposals
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR, Person, Scope
from appraisal.people.rules import substitutes as duties
from appraisal.people.rules.substitutes import Substitution
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import rulebook, track_and_money
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.services import drafts, exchange_rates
from appraisal.proposals.services.exchange_rates import RateGiven, examine_rate
from appraisal.proposals.store.case import load_case
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.services import acts, departures, outside_approvals
from tests.standing import standing
from tests.tampering import by_hand

# A Monday, ten in the morning in Geneva.
START: Final = datetime(2010, 2, 1, 9, tzinfo=UTC)
PDF: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
ATTACHED: Final = ("outline", "prodoc", "monitoring_plan", "consultation")

# Key: roles, unit.
CAST: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "ana": (("designer",), "SKILLS"),
    "ben": (("designer",), "SKILLS"),
    "desk": (("coordinator",), "PARDEV"),
    "lead": (("appraiser",), "PARDEV"),
    "eval": (("appraiser",), "EVAL"),
    "actemp": (("appraiser",), "ACT/EMP"),
    "actrav": (("appraiser",), "ACTRAV"),
    "chief": (("manager",), "PARDEV"),
    "deputy": (("manager",), "PARDEV"),
    "third": (("manager",), "PARDEV"),
    "auditor": (("auditor",), "IAO"),
    "admin": (("administrator",), "INFOTEC"),
    # Holds every role that acts on proposals, so only relations keep them apart from themselves.
    "all": (("designer", "coordinator", "appraiser", "manager"), "PARDEV"),
}


class Clock:
    """A clock that stands still until it is set or moved on."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        """Set the clock to a moment, earlier or later."""
        self.moment = moment

    def advance(self, **span: float) -> None:
        """Move the clock on, by the names that ``timedelta`` knows."""
        self.moment += timedelta(**span)


@dataclass(frozen=True)
class Wording:
    """What people write where a builder has them write something; ``{item}`` is the item that it is about."""

    comment: str = "Because."
    # Of a rating that asks for no comment.
    praise: str = "Because."
    condition: str = "Mend this."
    owner: str = "Project manager"
    change: str = "Consult all three."


@dataclass
class Stage:
    """A database with the cast, a clock, and what people there say."""

    database: Database
    library: Library
    files: Files
    people: Mapping[str, Person]
    clock: Clock = field(default_factory=Clock)
    wording: Wording = Wording()

    @property
    def now(self) -> datetime:
        """The time by the clock."""
        return self.clock.moment

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.set(moment)

    def wait(self, **span: float) -> None:
        """Let time pass, by the names that ``timedelta`` knows."""
        self.clock.advance(**span)

    def actor(self, who: str | Person) -> Person:
        """Return somebody by key, or the system."""
        if isinstance(who, Person):
            return who
        return SYSTEM_ACTOR if who == "system" else self.people[who]


def create_people(database: Database) -> None:
    """Create the cast."""
    with database.begin() as db:
        for key, (roles, unit) in CAST.items():
            people.create_person(
                db,
                SYSTEM_ACTOR,
                START,
                email=f"{key}@example.org",
                name=key.title(),
                roles=roles,
                unit=unit,
            )


@standing
def enter_rate(
    stage: Stage,
    currency: str,
    day: date,
    per_usd: str,
    source: str = "",
    who: str = "desk",
    reason: str = "",
) -> bool:
    """Enter a rate as somebody does who looks at what is asked, and confirms it."""
    given = RateGiven(currency, day, Decimal(per_usd), source, reason)
    with stage.database.begin() as db:
        doubt = examine_rate(db, stage.now, given)
        return exchange_rates.enter_rate(db, stage.actor(who), stage.now, given, doubt.key if doubt else None)


def opened_stage(database: Database, library: Library, files: Files) -> Stage:
    """Open a stage on a database that holds the cast."""
    return Stage(database, library, files, everybody(database))


def everybody(database: Database) -> dict[str, Person]:
    """Return who has an account, by what stands before the @ of their address."""
    with database.read() as db:
        return {account.person.email.split("@")[0]: account.person for account in people.list_people(db)}


def load(stage: Stage, number: str) -> Case:
    """Load a proposal as it stands."""
    with stage.database.read() as db:
        return load_case(db, number)


@standing
def take(
    stage: Stage,
    who: str | Person,
    number: str,
    step: str,
    *,
    seen: int | None = None,
    request: str | None = None,
    **given: Any,
) -> Case:
    """Take one step; ``given`` are the fields of ``Inputs``, a lead by key."""
    if isinstance(given.get("lead"), str):
        given["lead"] = stage.people[given["lead"]]
    if step in ("finalise", "request_revision"):
        given.setdefault("withdrawn", dropped(stage.database, stage.library, number))
    with stage.database.begin() as db:
        case = acts.take_step(
            db,
            stage.library,
            stage.actor(who),
            stage.now,
            number,
            step,
            Inputs(**given),
            seen=seen,
            request=request,
        )
    stage.wait(minutes=1)
    return case


def dropped(database: Database, library: Library, number: str) -> frozenset[int]:
    """Return the conditions that closing the appraisal withdraws, as the page names them to be confirmed."""
    with database.read() as db:
        case = load_case(db, number)
    if case.appraisal is None:
        return frozenset()
    book = rulebook.rulebook(library, case.workflow, case.set)
    return frozenset(entry.number for entry in completeness.not_kept(book, case))


@standing
def draft(stage: Stage, who: str = "ana", *, attach: Sequence[str] = ATTACHED, **given: Any) -> str:
    """Write a complete draft; ``given`` are the short names of ``neutral_content``."""
    with stage.database.begin() as db:
        number = drafts.create_proposal(
            db, stage.library, stage.people[who], stage.now, neutral_content(given)
        ).number
        for kind in attach:
            drafts.attach_document(
                db, stage.library, stage.files, stage.people[who], stage.now, number, kind, f"{kind}.pdf", PDF
            )
    stage.wait(minutes=1)
    return number


@standing
def save(stage: Stage, number: str, section: str, who: str = "ana", **fields: Any) -> Case:
    """Change some fields of a section of the draft and leave the others as they are."""
    kept = load(stage, number).content.get(section, {})
    with stage.database.begin() as db:
        case = drafts.save_section(
            db, stage.library, stage.people[who], stage.now, number, section, {**kept, **fields}
        )
    stage.wait(minutes=1)
    return case


def spend(stage: Stage, number: str, usd: str, who: str = "ana") -> Case:
    """Set the budget in US$."""
    row = {
        **load(stage, number).content["identification"]["contributions"][0],
        "amount": usd,
        "currency": "USD",
    }
    return save(stage, number, "identification", who, contributions=[row])


@standing
def submitted(stage: Stage, who: str = "ana", **given: Any) -> str:
    """Bring a proposal to *submitted*."""
    number = draft(stage, who, **given)
    take(stage, who, number, "submit")
    return number


@standing
def assign(stage: Stage, number: str, lead: str = "lead", **given: Any) -> None:
    """Assign a lead and let the two bureaux answer."""
    take(stage, "desk", number, "assign", lead=lead, **given)
    hear_bureaux(stage, number)


@standing
def hear_bureaux(stage: Stage, number: str) -> None:
    """Let the two bureaux answer, by their appraisers; where a bureau has none, through the coordinator."""
    running = load(stage, number).appraisal
    assert running is not None
    for who, unit in (("actemp", "ACT/EMP"), ("actrav", "ACTRAV")):
        if who in stage.people:
            speak(stage, number, who)
            continue
        [asked] = [entry.id for entry in running.consultations if entry.unit == unit]
        with stage.database.begin() as db:
            appraisals_lead.answer_consultation(
                db, stage.library, stage.people["desk"], stage.now, number, asked, "We agree."
            )
    stage.wait(minutes=1)


@standing
def speak(stage: Stage, number: str, who: str, comment: str = "We agree.") -> Case:
    """Let an appraiser of a unit that was asked declare nothing, and sign a review that is a comment."""
    with stage.database.begin() as db:
        reviews.declare(db, stage.library, stage.people[who], stage.now, number, conflict=None)
        return reviews.sign(db, stage.library, stage.people[who], stage.now, number, comment)


def items_of(stage: Stage, number: str) -> list[str]:
    """Return every item that applies to the latest version."""
    case = load(stage, number)
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    usd = case.version.threshold_usd if case.version else None
    return [item.id for criterion in book.criteria_for(usd) for item in criterion.checklist.items]


@standing
def rate(stage: Stage, number: str, value: str = "2", who: str | Person = "lead", **single: str) -> Case:
    """Rate every item that applies; single ones are named like ``TRI_4``."""
    values = dict.fromkeys(items_of(stage, number), value)
    values |= {name.replace("_", "-"): given for name, given in single.items()}
    said = stage.wording
    puts = {
        item: RatingPut(given, said.praise if given in ("2", "3") else said.comment)
        for item, given in values.items()
    }
    block = {item: puts.pop(item) for item in tuple(puts) if item.startswith("EVA-")}
    running = load(stage, number).appraisal
    if block and running and stage.actor(who).id == running.lead:
        finalise_block(stage, number, block)
    with stage.database.begin() as db:
        case = appraisals_lead.rate(db, stage.library, stage.actor(who), stage.now, number, puts)
    stage.wait(minutes=1)
    return case


def finalise_block(stage: Stage, number: str, block: Mapping[str, RatingPut]) -> None:
    """Let EVAL's appraiser rate and sign the evaluability block, unless that is done."""
    person = stage.people["eval"]
    with stage.database.begin() as db:
        held = reviews.held(db, stage.library, person, number)
        if held is not None and held.review.signed_at and held.appraisal.is_running:
            return
        if held is None or not held.review.is_open:
            reviews.declare(db, stage.library, person, stage.now, number, conflict=None)
        reviews.rate(db, stage.library, person, stage.now, number, block)
        reviews.sign(db, stage.library, person, stage.now, number)
    stage.wait(minutes=1)


@standing
def recommend(
    stage: Stage,
    number: str,
    items: Sequence[str] = (),
    who: str | Person = "lead",
    *,
    chosen: str = "",
    gate: Any = "before_donor",
    owner: str = "",
) -> Case:
    """Save a recommendation with one complete condition for each item; an empty item is the whole."""
    due = (stage.now + timedelta(days=30)).date()
    said = stage.wording
    puts = [
        ConditionPut(said.condition.format(item=item), item, owner or said.owner, due, gate) for item in items
    ]
    with stage.database.begin() as db:
        case = appraisals_lead.recommend(
            db,
            stage.library,
            stage.actor(who),
            stage.now,
            number,
            chosen=chosen,
            reason="Because." if chosen else "",
            conditions=puts,
        )
    stage.wait(minutes=1)
    return case


@standing
def rated(
    stage: Stage,
    who: str = "ana",
    ratings: Mapping[str, str] | None = None,
    *,
    lead: str = "lead",
    owner: str = "",
    **given: Any,
) -> str:
    """Bring a proposal to where its lead can close the appraisal; items rated 1 get a condition."""
    number = submitted(stage, who, **given)
    assign(stage, number, lead)
    rate(stage, number, who=lead, **(ratings or {}))
    low = [item.replace("_", "-") for item, value in (ratings or {}).items() if value == "1"]
    if low:
        recommend(stage, number, low, lead, owner=owner)
    return number


@standing
def awaiting(
    stage: Stage,
    who: str = "ana",
    ratings: Mapping[str, str] | None = None,
    *,
    lead: str = "lead",
    **given: Any,
) -> str:
    """Bring a proposal to *awaiting decision*, READY unless ratings say otherwise."""
    number = rated(stage, who, ratings, lead=lead, **given)
    take(stage, lead, number, "finalise")
    return number


@standing
def not_recommended(stage: Stage, who: str = "ana", *, lead: str = "lead", **given: Any) -> str:
    """Bring a proposal to *awaiting decision* with a recommendation against it."""
    number = rated(stage, who, {"TRI_1": "1"}, lead=lead, **given)
    recommend(stage, number, who=lead, chosen="NOT_RECOMMENDED")
    take(stage, lead, number, "finalise")
    return number


@standing
def revision(stage: Stage, who: str = "ana", *, lead: str = "lead", **given: Any) -> str:
    """Bring a proposal to *revision requested* by its lead, with one required change on TRI-1."""
    number = rated(stage, who, {"TRI_1": "1"}, lead=lead, **given)
    change = ChangeAsked(stage.wording.change, "TRI-1")
    take(stage, lead, number, "request_revision", changes=(change,))
    return number


@standing
def answer_changes(stage: Stage, number: str, who: str = "ana") -> None:
    """Answer every required change that waits for one."""
    open_ones = [change.id for change in load(stage, number).changes if change.answer is None]
    with stage.database.begin() as db:
        for change in open_ones:
            drafts.answer_change(
                db, stage.library, stage.people[who], stage.now, number, change, "done", "Section 3."
            )
    stage.wait(minutes=1)


@standing
def resubmit(stage: Stage, number: str, who: str = "ana") -> Case:
    """Answer the required changes and submit again."""
    answer_changes(stage, number, who)
    return take(stage, who, number, "submit")


@standing
def approved(stage: Stage, who: str = "ana", ratings: Mapping[str, str] | None = None, **given: Any) -> str:
    """Bring a proposal to *approved*, route mechanism."""
    number = awaiting(stage, who, ratings, **given)
    take(stage, "chief", number, "approve")
    return number


@standing
def overridden(stage: Stage, who: str = "ana", **given: Any) -> str:
    """Bring a proposal to *approved*, route override."""
    number = not_recommended(stage, who, **given)
    take(stage, "chief", number, "propose_override", note="The donor cannot wait.")
    take(stage, "deputy", number, "countersign")
    return number


@standing
def rejected(stage: Stage, who: str = "ana", **given: Any) -> str:
    """Bring a proposal to *rejected*."""
    number = not_recommended(stage, who, **given)
    take(stage, "chief", number, "reject", note="Not in line with the strategy.")
    return number


@standing
def funded(stage: Stage, who: str = "ana", **given: Any) -> str:
    """Bring a proposal to *funded*."""
    number = approved(stage, who, **given)
    take(stage, "desk", number, "send_to_donor")
    take(stage, "desk", number, "fund", agreement=Agreement(stage.now.date(), "Agreement 1"))
    return number


@standing
def outside(stage: Stage, *, undated: bool = False, **given: Any) -> str:
    """Register an approval of a proposal that never came here, by a title of its own."""
    given.setdefault("title", f"Approved elsewhere at {stage.now:%d %B %H:%M}")
    approval = ApprovalGiven("Minute 12", "Registry", None if undated else stage.now)
    with stage.database.begin() as db:
        case = outside_approvals.register_outside(
            db, stage.library, stage.people["desk"], stage.now, neutral_content(given), approval
        )
    stage.wait(minutes=1)
    return case.number


def registered_umbrella(stage: Stage) -> str:
    """Return an umbrella programme that was registered as approved, as earlier versions allowed."""
    number = outside(stage, title="Registered")
    with by_hand(stage.database, stage.now, number) as db:
        db.execute(update(proposals).where(proposals.c.number == number).values(kind="umbrella"))
    return number


def substitute(
    stage: Stage,
    person: str,
    deputy: str,
    scope: Scope = "appraisals",
    *,
    by: str = "",
    first: int = 0,
    last: int = 10,
) -> Substitution:
    """Name a substitute, by the person unless told otherwise; days are counted from today in Geneva."""
    today = geneva_date(stage.now)
    with stage.database.begin() as db:
        named = substitutes.name_substitute(
            db,
            stage.people[by or person],
            stage.now,
            person=stage.people[person].id,
            substitute=stage.people[deputy].id,
            scope=scope,
            first=today + timedelta(days=first),
            last=today + timedelta(days=last),
        )
    refresh(stage)
    return named


def change(stage: Stage, who: str, **changes: Any) -> Person:
    """Change an account in some respects, and in no others, as the system, which needs no second person.

    Duties that are left by it are confirmed unless ``confirmed`` says which.
    """
    with stage.database.begin() as db:
        person = people.find_person(db, stage.people[who].id).person
        kept: dict[str, Any] = {
            "name": person.name,
            "roles": sorted(person.roles),
            "unit": person.unit,
            "duty_station": person.duty_station,
            "language": person.language,
            "active": person.active,
        }
        confirmed = [duty.key for duty in departures.list_duties(db, stage.library, person)]
        given = {**kept, "library": stage.library, "confirmed": confirmed, **changes}
        people.change_person(db, SYSTEM_ACTOR, stage.now, person.id, **given)
    refresh(stage)
    return stage.people[who]


def refresh(stage: Stage) -> None:
    """Read the people anew, with those for whom they stand in by now."""
    found = everybody(stage.database)
    stage.people = {key: duties.on_duty(person, stage.now) for key, person in found.items()}


def missing_documents(stage: Stage, number: str, track: str) -> list[str]:
    """Return the kinds of document that a track would still ask for."""
    case = load(stage, number)
    return track_and_money.documents_missing(
        stage.library.newest_workflow(), track, case.content, case.documents
    )


def contents(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with stage.database.read() as db:
        return {
            table.name: sorted((tuple(row) for row in db.execute(table.select())), key=repr)
            for table in METADATA.sorted_tables
        }


def refusal(stage: Stage, act: Callable[[], object]) -> tuple[str, ...]:
    """Do what must be refused; return the codes, after making sure that nothing was written."""
    before = contents(stage)
    with pytest.raises(NotAllowed) as caught:
        act()
    assert contents(stage) == before
    return caught.value.codes


def refused(stage: Stage, who: str, number: str, step: str, **given: Any) -> tuple[str, ...]:
    """Take a step that must be refused, and leave nothing written; return the codes."""
    return refusal(stage, lambda: take(stage, who, number, step, **given))


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect the statements that are sent to any database."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)
