"""Walks on rules alone: one proposal, held as a value, with no database behind it.

Steps are judged by the machine and done by the acts themselves. They write to a *ledger*, which stands where
the connection to a database would: it numbers what is inserted, keeps the texts of events, versions and
records, and finds nothing. What people do between steps is done to the value here, in as few words as it
takes.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

from appraisal.appraisals.rules import completeness, conditions, responses, reviews
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import blocks
from appraisal.appraisals.services import conditions as writing
from appraisal.clock import geneva_date
from appraisal.database import seals
from appraisal.database.tables import METADATA
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.definitions.workflows import Transition
from appraisal.people.facts import SYSTEM_ACTOR, Person, StandIn
from appraisal.people.rules import substitutes
from appraisal.proposals.facts import Appraisal, Case, Consultation, Gate, RatingGiven, Review
from appraisal.proposals.rules import access, acting_for, routes
from appraisal.proposals.rules.acting_for import places
from appraisal.proposals.rules.approval import Approval, approval_of
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.proposals.services.opening import add_relation
from appraisal.proposals.services.taking import Taking
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.vocabulary.roles import Role
from appraisal.workflow.rules import machine
from appraisal.workflow.rules.authors import joining_refusals
from appraisal.workflow.services import steps
from appraisal.workflow.services.acts import ACTS
from tests import builders
from tests.builders import NOW
from tests.walks.moves import AMOUNTS, DETOURS
from tests.walks.plain import Trail

NUMBER: Final = "TC-2012-0001"
# People are told apart by who they are, not by what they are called.
_NAMESAKES: Final = {"third": "ana", "lia": "ben"}
PEOPLE: Final[Mapping[str, Person]] = {
    key: Person(id, _NAMESAKES.get(key, key).title(), cast(frozenset[Role], frozenset(roles)), unit=unit)
    for id, (key, roles, unit) in enumerate(
        [
            ("ana", {"designer"}, "SKILLS"),
            ("ben", {"designer"}, "SKILLS"),
            ("desk", {"coordinator"}, "PARDEV"),
            ("lead", {"appraiser"}, "PARDEV"),
            ("lia", {"appraiser"}, "PARDEV"),
            ("eval", {"appraiser"}, "EVAL"),
            ("actemp", {"appraiser"}, "ACT/EMP"),
            ("chief", {"manager"}, "PARDEV"),
            ("deputy", {"manager"}, "PARDEV"),
            ("third", {"manager"}, "PARDEV"),
            ("all", {"designer", "coordinator", "appraiser", "manager"}, "PARDEV"),
        ],
        1,
    )
}


# Who may be the one that a state waits for.
_HOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "author": ("ana", "ben", "all", "desk"),
    "coordinator": ("desk", "all", "chief", "third"),
    "lead": ("lead", "lia", "all", "eval"),
    "manager": ("chief", "deputy", "third", "all", "lead"),
}


class Answer:
    """What a ledger answers: the number of the row that was inserted, and otherwise nothing."""

    rowcount = 1

    def __init__(self, key: int) -> None:
        self.key = key

    def scalar_one(self) -> int:
        """Return the number of the row."""
        return self.key

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def scalars(self) -> "Answer":
        """Return nothing, one by one."""
        return self

    mappings = scalars

    def all(self) -> list[Any]:
        """Return nothing, as a list."""
        return []

    def first(self) -> None:
        """Return nothing."""

    scalar = one_or_none = scalar_one_or_none = first


class Cursor:
    """Reads for the ledger: the row of the one proposal, of which nothing is known, and nothing else."""

    _found: Sequence[tuple[None, ...]] = ()

    def execute(self, statement: str, given: tuple[Any, ...] = ()) -> "Cursor":
        """Take a query down."""
        columns = len(METADATA.tables["proposals"].c) - len(seals.SEALS["proposals"].open)
        self._found = [(None,) * columns] if "FROM proposals " in statement else []
        return self

    def fetchall(self) -> Sequence[tuple[None, ...]]:
        """Return what the last query found."""
        return self._found


@dataclass
class Ledger:
    """Stands where a connection to a database would, and keeps the texts that are written."""

    rows: int = 100
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    texts: dict[str, Any] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    dialect: Any = field(default_factory=sqlite.dialect)

    def __post_init__(self) -> None:
        """Have events say what they seal, as in a transaction that writes."""
        seals.begin(cast(Connection, self))

    @property
    def connection(self) -> "Ledger":
        """Return what has a connection of the driver."""
        return self

    @property
    def driver_connection(self) -> Cursor:
        """Return what reads."""
        return Cursor()

    def execute(self, statement: Any, values: Any = None) -> Answer:
        """Take a statement down; nothing is ever found."""
        self.rows += 1
        if isinstance(values, Mapping):
            if "body" in values:
                self.bodies.append(json.loads(values["body"]))
            elif "digest" in values and "value" in values:
                self.texts[values["digest"]] = json.loads(values["value"])
                if "kind" in values:
                    self.records.append(values["value"])
        return Answer(self.rows)

    def note(self, case: Case, now: datetime, by: int, action: str, facts: Mapping[str, Any]) -> None:
        """Take down what is no step of the workflow."""
        self.bodies.append(
            {
                "action": action,
                "at": now.isoformat(),
                "by": by,
                "facts": facts,
                "columns": {"from_state": case.state, "to_state": case.state},
            }
        )


@dataclass
class History:
    """One proposal as it goes on; ``said`` tells in order what was done."""

    book: Rulebook
    case: Case
    luck: Random
    now: datetime = NOW
    ledger: Ledger = field(default_factory=Ledger)
    said: list[str] = field(default_factory=list)
    covers: dict[int, tuple[StandIn, ...]] = field(default_factory=dict)
    # When each rate was entered.
    rates: list[tuple[datetime, Rate]] = field(default_factory=list)

    def person(self, key: str) -> Person:
        """Return somebody, with those for whom they stand in."""
        found = PEOPLE[key]
        named = replace(found, stands_in=self.covers.get(found.id, ()))
        return substitutes.on_duty(named, self.now)

    def say(self, sentence: str) -> None:
        """Note what is done."""
        self.said.append(f"{self.now:%Y-%m-%d %H:%M}  {sentence}")

    def running(self, **changes: Any) -> None:
        """Change the appraisal that runs."""
        self.case = with_appraisal(self.case, replace(cast(Appraisal, self.case.appraisal), **changes))


def with_appraisal(case: Case, changed: Appraisal) -> Case:
    """Return a case with one appraisal changed."""
    kept = tuple(changed if entry.id == changed.id else entry for entry in case.appraisals)
    return replace(case, appraisals=kept)


def begin(book: Rulebook, luck: Random) -> History:
    """Return a draft of somebody's."""
    case = builders.draft({"budget": luck.choice(AMOUNTS)}, number=NUMBER, pinned=False, workflow="", set="")
    case = replace(case, people={person.id: person for person in PEOPLE.values()})
    history = History(book, case, luck)
    history.ledger.note(case, case.created_at, PEOPLE["ana"].id, "create", {"illustrative": False})
    _enter(history, Rate("CHF", geneva_date(NOW) - timedelta(days=800), Decimal("1.05")))
    _spend(history)
    return history


def _spend(history: History) -> str:
    """Write another amount of money, in another currency now and then."""
    content, luck = history.case.content, history.luck
    row = {**content["identification"]["contributions"][0], "amount": luck.choice(AMOUNTS)}
    row["currency"] = luck.choice(("USD", "USD", "CHF"))
    identification = {**content["identification"], "contributions": [row]}
    history.case = replace(history.case, content={**content, "identification": identification})
    return f"{row['currency']} {row['amount']}"


def _enter(history: History, rate: Rate) -> None:
    history.rates.append((history.now, rate))
    history.book = replace(history.book, rates=(*history.book.rates, rate))


# --- Steps -------------------------------------------------------------------------------------------------


def step(history: History) -> None:
    """Take a step that is open to somebody, in somebody else's place now and then."""
    luck, case = history.luck, history.case
    found: list[tuple[str, Transition]] = []
    for key in _asked(history):
        possible = machine.allowed(history.book, case, history.person(key), history.now)
        found += [(key, entry.transition) for entry in possible if entry.is_open]
        if any(transition.name not in DETOURS for _, transition in found):
            break
    onward = [entry for entry in found if entry[1].name not in DETOURS]
    chosen = onward if onward and luck.random() < 0.9 else found if luck.random() < 0.3 else []
    if not chosen:
        return
    name = luck.choice(sorted({transition.name for _, transition in chosen}))
    key, transition = luck.choice([entry for entry in chosen if entry[1].name == name])
    instead = sorted(places(case, history.person(key), transition, history.now))
    take(history, key, name, luck.choice(instead) if instead and luck.random() < 0.5 else None)


def _asked(history: History) -> list[str]:
    """Return some people, in any order: whoever it is up to, mostly, since judging every step takes time."""
    luck, role = history.luck, history.book.workflow.states[history.case.state].holder
    wanted = _HOLDERS.get(str(role), ()) if luck.random() < 0.8 else tuple(PEOPLE)
    return luck.sample(wanted, min(len(wanted), 4))


def take(history: History, key: str, name: str, instead: int | None = None) -> None:
    """Take one step, as a service does; it may be refused."""
    luck, now = history.luck, history.now
    dropped = completeness.not_kept(history.book, history.case)
    actor = SYSTEM_ACTOR if key == "system" else history.person(key)
    given = Inputs(
        note="Because.",
        lead=history.person(luck.choice(("lead", "lia", "all", "eval"))),
        missing="A letter.",
        changes=(ChangeAsked("Say more.", luck.choice(("TRI-1", ""))),),
        until=(now + timedelta(days=luck.choice((1, 20)))).date(),
        agreement=Agreement(now.date(), "Agreement 1"),
        approval=ApprovalGiven("Minute", "Registry", luck.choice((None, now, now - timedelta(days=400)))),
        withdrawn=frozenset(entry.number for entry in dropped) if luck.random() < 0.95 else frozenset(),
        behalf=instead,
    )
    history.say(f"{key}: {name}{f' for {instead}' if instead else ''}")
    transition, to = machine.fire(history.book, history.case, actor, now, name, given)
    found = acting_for.behalf(history.case, actor, transition, instead, now)
    behalf = next((person for person in PEOPLE.values() if person.id == found), None)
    db = cast(Connection, history.ledger)
    taking = Taking(db, history.case, history.book, actor, now, given, transition, to, behalf)
    history.case = steps.settle(taking, ACTS[transition.act](taking), None)


# --- Between steps -----------------------------------------------------------------------------------------


def write(history: History) -> None:
    """Change the money, and answer what was asked."""
    case = history.case
    state = history.book.workflow.states[case.state]
    if state.editable_by is None:
        return
    changes = tuple(
        entry if entry.answer else replace(entry, answer="done", answer_text="Yes.", answered_at=history.now)
        for entry in case.changes
    )
    history.case = replace(case, changes=changes)
    history.say(f"ana writes: {_spend(history)}")


def rate(history: History) -> None:
    """Let the lead, or who stands in, rate what is theirs, and recommend."""
    case, luck = history.case, history.luck
    running = case.appraisal
    raters = [key for key in sorted(PEOPLE) if access.may_rate(case, history.person(key), history.now)]
    if running is None or not raters:
        return
    who = history.person(luck.choice(raters))
    low = luck.choice(({}, {}, {"CAP-6": "1"}, {"CAP-6": "1", "RBM-7": "1"}, {"TRI-1": "1"}))
    block = reviews.block_items(history.book.criteria)
    rated = {
        item.id: RatingGiven(item.id, low.get(item.id, "2"), "Because.", reason="So.", by=who.id)
        for entry in _criteria(history, running)
        for item in entry.checklist.items
        if item.id not in block
    }
    due = geneva_date(history.now) + timedelta(days=30)
    chosen = luck.choice(("", "", "", "", "", "NOT_RECOMMENDED", "NOT_RECOMMENDED", "REVISE"))
    items = list(low) + ([""] if luck.random() < 0.1 else [])
    gates: tuple[Gate, ...] = ("before_donor", "before_start")
    puts = [ConditionPut("Mend.", item, "", due, luck.choice(gates)) for item in items]
    history.say(f"{who.name} rates, low: {list(low)}, and recommends {chosen or 'what follows'}")
    history.running(ratings={**running.ratings, **rated}, chosen=chosen, reason="So." if chosen else "")
    db, running = cast(Connection, history.ledger), cast(Appraisal, history.case.appraisal)
    # What else stands, the lead was not always shown.
    known = None if luck.random() < 0.8 else [entry.id for entry in running.conditions[:1]]
    history.case = writing.save(db, history.case, running, who, history.now, puts, known, list(low))
    told = [
        stood.condition
        for stood in conditions.replay(history.ledger.bodies).values()
        if stood.appraisal == running.number
    ]
    history.running(
        conditions=tuple(sorted((entry for entry in told if entry.stands), key=lambda entry: entry.position)),
        former_conditions=tuple(entry for entry in told if not entry.stands),
    )


def _criteria(history: History, running: Appraisal) -> Sequence[Any]:
    version = next(entry for entry in history.case.versions if entry.id == running.version_id)
    return history.book.criteria_for(version.threshold_usd)


def review(history: History) -> None:
    """Ask somebody for a review, or let somebody go on with one."""
    case, luck, running = history.case, history.luck, history.case.appraisal
    if running is None:
        return
    mine = [entry for entry in running.reviews if entry.is_open]
    asked = [entry for entry in running.consultations if entry.answered_at is None]
    if asked and luck.random() < 0.4:
        chosen = luck.choice(asked)
        answered = _answered(history, chosen, PEOPLE["actemp"].id)
        history.say(f"{chosen.unit} answers")
        history.running(
            consultations=tuple(answered if entry == chosen else entry for entry in running.consultations)
        )
        return
    if not mine or luck.random() < 0.2:
        _ask(history, running)
        return
    entry = luck.choice(mine)
    kind = luck.random()
    if not entry.declaration:
        conflict = luck.random() < 0.05
        history.say(f"{entry.person} declares {'a conflict' if conflict else 'nothing'}")
        changed = replace(entry, declaration="declared" if conflict else "nothing", declared_at=history.now)
    elif kind < 0.05:
        changed = replace(entry, declined_at=history.now, reason="No time.")
    elif kind < 0.5 or reviews.signing_problems(case, history.book, running, entry, "Fine."):
        rated = {
            item.id: RatingGiven(item.id, "2", "Seen.")
            for found in _criteria(history, running)
            if found.checklist.code in entry.checklists
            for item in found.checklist.items
        }
        changed = replace(entry, ratings=rated)
    else:
        _sign(history, running, entry)
        return
    _keep(history, running, changed)


def _answered(history: History, asked: Consultation, by: int) -> Consultation:
    late = responses.is_late(history.case, asked, history.now)
    return replace(asked, answered_at=history.now, answered_by=by, text="Fine.", late=late)


def _keep(history: History, running: Appraisal, changed: Review) -> None:
    kept = tuple(changed if entry.id == changed.id else entry for entry in running.reviews)
    history.running(reviews=kept)


def _ask(history: History, running: Appraisal) -> None:
    luck, case = history.luck, history.case
    key = luck.choice(("eval", "eval", "lia", "actemp", "all"))
    person = history.person(key)
    codes = ["EVA"] if key == "eval" and luck.random() < 0.7 else [luck.choice(("TRI", "CAP", "RBM"))]
    due = geneva_date(history.now) + timedelta(days=5)
    found = reviews.asking_refusals(
        case, history.book, person, codes, due, history.person("desk"), history.now
    )
    if found:
        return
    id = history.ledger.execute(None).key
    block = {
        item: replace(given, proposed=True)
        for item, given in running.ratings.items()
        if item.partition("-")[0] in codes
    }
    asked = Review(id, person.id, person.unit, tuple(codes), history.now, due, ratings=block)
    history.say(f"desk asks {key} for {codes[0]}")
    db = cast(Connection, history.ledger)
    history.running(reviews=(*running.reviews, asked))
    history.case = add_relation(db, history.case, PEOPLE[key], "reviewer", history.now)


def _sign(history: History, running: Appraisal, entry: Review) -> None:
    history.say(f"{entry.person} signs {' '.join(entry.checklists)}")
    late = responses.is_late(history.case, entry, history.now)
    signed = replace(entry, signed_at=history.now, comment="Fine.", late=late)
    rated = {item: given.value for item, given in entry.ratings.items()}
    history.ledger.note(history.case, history.now, entry.person, "sign_review", {"ratings": rated})
    _keep(history, running, signed)
    running = cast(Appraisal, history.case.appraisal)
    db = cast(Connection, history.ledger)
    handed = blocks.hand_over(db, history.case, history.book, running, signed, history.now)
    answered = tuple(
        _answered(history, asked, entry.person)
        if asked.unit == entry.unit and asked.answered_at is None
        else asked
        for asked in handed.consultations
    )
    history.running(ratings=handed.ratings, consultations=answered)


def settle(history: History) -> None:
    """Clear or waive a condition of the appraisal in force."""
    final, luck = history.case.finalised, history.luck
    if final is None or not any(entry.is_open for entry in final.conditions):
        return
    entry = luck.choice([entry for entry in final.conditions if entry.is_open])
    if luck.random() < 0.75:
        done = replace(entry, cleared_at=history.now, cleared_by=PEOPLE["desk"].id, evidence="Letter.")
        said = {"condition": entry.number, "evidence": "Letter."}
        history.ledger.note(history.case, history.now, PEOPLE["desk"].id, "clear_condition", said)
    elif history.case.approval is None:
        done = replace(entry, waived_at=history.now, waived_by=PEOPLE["third"].id, evidence="So.")
        said = {"condition": entry.number, "reason": "So."}
        history.ledger.note(history.case, history.now, PEOPLE["third"].id, "waive_condition", said)
    else:
        return
    done = replace(done, row_version=entry.row_version + 1)
    history.say(f"condition {entry.number}: {'cleared' if done.cleared_at else 'waived'}")
    kept = tuple(done if other.id == entry.id else other for other in final.conditions)
    history.case = with_appraisal(history.case, replace(final, conditions=kept))


def join(history: History) -> None:
    """Make somebody an author who may become one."""
    key = history.luck.choice(("ben", "all"))
    state = history.book.workflow.states[history.case.state]
    person = PEOPLE[key]
    if state.editable_by is None or joining_refusals(history.case, history.book, person):
        return
    history.say(f"{key} becomes an author")
    db = cast(Connection, history.ledger)
    history.case = add_relation(db, history.case, person, "author", history.now)


def stand_in(history: History) -> None:
    """Name somebody for a lead or a manager, for some days."""
    luck = history.luck
    lead = history.case.appraisal.lead if history.case.appraisal else None
    person = lead or PEOPLE[luck.choice(("chief", "deputy"))].id
    key = luck.choice(("all", "lia", "eval", "deputy", "third"))
    if PEOPLE[key].id == person:
        return
    first = geneva_date(history.now)
    scope = "appraisals" if lead else "decisions"
    named = StandIn(person, f"Person {person}", scope, first, first + timedelta(days=luck.choice((0, 10))))  # type: ignore[arg-type]
    history.say(f"{key} stands in for {person}, {scope}")
    history.covers[PEOPLE[key].id] = (named,)


def enter_rate(history: History) -> None:
    """Change the table of rates: what was frozen stays."""
    day = geneva_date(history.now) - timedelta(days=history.luck.choice((0, 300, 700)))
    if day not in {rate.on for _, rate in history.rates}:
        _enter(history, Rate("CHF", day, Decimal(history.luck.choice(("0.9", "1.5")))))
        history.say(f"a rate from {day} on")


def wait(history: History) -> None:
    """Let days pass, and time do what it demands."""
    history.now += timedelta(days=history.luck.choice((1, 1, 8, 45, 95)))
    history.say("days pass")
    hold = history.case.hold
    today = geneva_date(history.now)
    if hold is not None and hold.until < today:
        ended = replace(hold, released_at=history.now)
        history.case = replace(
            history.case, holds=tuple(ended if entry == hold else entry for entry in history.case.holds)
        )
    for entry in machine.allowed(history.book, history.case, SYSTEM_ACTOR, history.now):
        if entry.is_open:
            take(history, "system", entry.transition.name)
            break
    due_dates.wake_on(history.book, history.case, today)
    due_dates.demands(history.book, history.case)


MOVES: Final[Mapping[Callable[[History], None], int]] = {
    step: 14,
    write: 3,
    rate: 6,
    review: 8,
    settle: 3,
    join: 2,
    stand_in: 2,
    enter_rate: 3,
    wait: 3,
}


def walk(book: Rulebook, seed: int, length: int) -> Iterator[History]:
    """Walk, and yield the history after each turn that changed anything."""
    luck = Random(f"rules {seed}")
    history = begin(book, luck)
    if luck.random() < 0.2:
        # Approved elsewhere before it was ever submitted: what it is worth, no version says.
        take(history, "desk", "register_approval")
        yield history
    for move in luck.choices(list(MOVES), list(MOVES.values()), k=length):
        before = len(history.said)
        try:
            move(history)
        except NotAllowed as error:
            history.said[-1] += f" – refused: {' '.join(error.codes)}"
        history.now += timedelta(minutes=1)
        if len(history.said) > before:
            yield history


def trail(history: History) -> Trail:
    """Return what the ledger keeps as the trail that plain figures are computed from."""
    site: list[Mapping[str, Any]] = [
        {
            "action": "enter_rate",
            "at": at.isoformat(),
            "facts": {"currency": rate.currency, "day": rate.on.isoformat(), "per_usd": str(rate.per_usd)},
        }
        for at, rate in history.rates
    ]
    return Trail({NUMBER: list(history.ledger.bodies)}, site, history.ledger.texts, {}, [])


def derived(history: History) -> Approval:
    """Return what the indicator makes of the proposal as it is."""
    return approval_of(history.case, history.book)


def route(history: History) -> routes.Route | None:
    """Return how the proposal came to be approved."""
    return routes.route(history.case, history.book)


def due_on(history: History) -> date | None:
    """Return the day by which the present step is to be taken."""
    found = working_days.present(history.book.workflow, history.case, history.now)
    return found.due_on if found else None
