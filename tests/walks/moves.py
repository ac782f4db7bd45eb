"""Moves: whatever people and time do to an installation, each made through the services as a page makes it.

A move is given a world and dice. It does something to one of the proposals, says so in ``World.note``, and
raises what the services raise where it is refused. It must not depend on anything but the world and the dice,
so that a walk can be made again with some of its moves left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import event, select

from appraisal.accounts.services import accounts
from appraisal.accounts.services.substitutes import end_substitution
from appraisal.app import daily
from appraisal.appraisals.rules import reviews
from appraisal.appraisals.rules.conditions import ConditionPut, every
from appraisal.appraisals.services import conditions, lead
from appraisal.appraisals.services import reviews as reviewing
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.errors import AppraisalError
from appraisal.indicators.services import appraised_share
from appraisal.lists.services import matching
from appraisal.lists.store import matching as stored_matches
from appraisal.people.facts import SYSTEM_ACTOR, Scope
from appraisal.people.store.substitutes import standing
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules import access, acting_for, rulebook
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.verification.services import checkpoints
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules import machine
from appraisal.workflow.services import outside_approvals
from appraisal.workflow.services.authors import add_author, name_author
from tests import casts
from tests.casts import START, Stage
from tests.lists.files import import_text

# Beside the cast: a second of each who decides, so that somebody may leave; and people who never act.
FURTHER: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "cora": (("coordinator",), "PARDEV"),
    "lia": (("appraiser",), "PARDEV"),
    "evan": (("appraiser",), "EVAL"),
    "mara": (("manager",), "PARDEV"),
}
# Who bears the name of somebody else: people are told apart by who they are.
TWINS: Final = {"mara": "ana", "lia": "ben"}
SPARE: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "newdesk": (("coordinator",), "PARDEV"),
    "newlead": (("appraiser",), "PARDEV"),
    "neweval": (("appraiser",), "EVAL"),
    "newchief": (("manager",), "PARDEV"),
    "newdeputy": (("manager",), "PARDEV"),
}
MOVERS: Final = ("ana", "ben", "desk", "cora", "lead", "lia", "eval", "chief", "deputy", "mara", "all")
# Whose role may be taken away, and who may leave: others can do what they did.
LEAVING: Final = ("cora", "lia", "evan", "mara", "third", "ben")
RAISED: Final = AppraisalError

# What ends a proposal early, or leads nowhere; taken now and then only, or no walk would go far.
DETOURS: Final = frozenset(
    {
        "withdraw",
        "register_approval",
        "propose_annulment",
        "annul",
        "propose_correction",
        "withdraw_signature",
        "decline_signature",
        "hold",
        "return_incomplete",
        "reassign",
        "reject",
        "recall",
        "decline_funding",
        "escalate",
        "return",
    }
)
CLOSING: Final = ("finalise", "request_revision")
MINUTE: Final = timedelta(minutes=1)
UNDER_WAY: Final = (
    *("draft", "submitted", "incomplete", "under_appraisal", "revision_requested", "awaiting_decision"),
    *("approved", "sent_to_donor", "funded"),
)
AMOUNTS: Final = ("300000", "900000", "2600000", "5000000", "5000000.01", "6000000", "7250000.50")
SYMBOLS: Final = ("RAS/10/01/FIN", "RAS/10/02/FIN", "RAS/10/03/FIN", "RAS/10/04/FIN")
GAPS: Final = ("G-1", "G-2", "")
LISTED: Final = "symbol,title,countries,fund,amount,currency,opened_on,donor\n"
MOST_PROPOSALS: Final = 5


@dataclass
class World:
    """An installation with people and proposals; ``history`` says in order what was done, and what came."""

    stage: Stage
    numbers: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    noted: str = ""
    documents: int = 0

    def note(self, sentence: str) -> None:
        """Say what is about to be done."""
        self.noted = sentence

    def act(self, what: Callable[..., Any], who: str, *rest: Any, **named: Any) -> Any:
        """Call a service in a transaction of its own, as somebody, now."""
        stage = self.stage
        with stage.database.begin() as db:
            return what(db, stage.library, stage.people[who], stage.now, *rest, **named)

    def key(self, person: int) -> str:
        """Return by what a person is called here."""
        return next(key for key, found in self.stage.people.items() if found.id == person)

    def case(self, number: str) -> Case:
        """Load a proposal."""
        return casts.load(self.stage, number)

    def book(self, case: Case) -> rulebook.Rulebook:
        """Return the rules that a proposal goes by."""
        return rulebook.rulebook(self.stage.library, case.workflow, case.set)


Move = Callable[[World, Random], object]


def create_people(database: Database) -> None:
    """Create the cast, and those who are beside it here."""
    casts.create_people(database)
    with database.begin() as db:
        for key, (roles, unit) in {**FURTHER, **SPARE}.items():
            accounts.create_person(
                db,
                SYSTEM_ACTOR,
                START,
                email=f"{key}@example.org",
                name=TWINS.get(key, key).title(),
                roles=roles,
                unit=unit,
            )


class Nothing(Exception):
    """There is nothing for a move to do: another one is made instead."""


def _picked(world: World, luck: Random, *states: str) -> Case:
    """Return a proposal in some of the states; any other now and then, raises ``Nothing`` mostly."""
    table = tables.proposals
    with world.stage.database.read() as db:
        rows = db.execute(select(table.c.number, table.c.state).order_by(table.c.number)).all()
    wanted = [row.number for row in rows if row.state in states]
    if states and not wanted and luck.random() < 0.95:
        raise Nothing
    known = wanted if wanted and luck.random() < 0.93 else [row.number for row in rows]
    return world.case(luck.choice(known))


def _lead(world: World, case: Case) -> str | None:
    return world.key(case.appraisal.lead) if case.appraisal else None


# Days that somebody may type, and that no calendar or page may fail on.
_FAR: Final = (date(201, 5, 5), date(1010, 2, 3), date(9999, 12, 31), date(9999, 12, 31), date(3010, 1, 1))


def _day(luck: Random, usual: date) -> date:
    """Return a day, far outside of all sense now and then."""
    return luck.choice(_FAR) if luck.random() < 0.1 else usual


# --- Writing -----------------------------------------------------------------------------------------------


def write(world: World, luck: Random) -> object:
    """Write a new proposal, one under an umbrella or an umbrella itself now and then."""
    if len(world.numbers) >= MOST_PROPOSALS:
        return change(world, luck)
    who = luck.choice(("ana", "ana", "ben", "all"))
    umbrellas = [number for number in world.numbers if _kind(world.case(number)) == "umbrella"]
    kind = luck.choice(("new", "new", "new", "umbrella", "child" if umbrellas else "umbrella"))
    if umbrellas and luck.random() < 0.5:
        kind = "child"
    identification: dict[str, Any] = {"region": luck.choice(("africa", "asia_pacific"))}
    if luck.random() < 0.6:
        identification["symbol"] = luck.choice(SYMBOLS)
    if kind == "child":
        # What is written otherwise, or is not here, is no umbrella programme either.
        chosen = luck.choice(umbrellas)
        identification["parent"] = luck.choice((chosen, chosen, chosen, chosen.lower(), "NOWHERE"))
    content = {
        "identification": identification,
        "alignment": {
            "resource_gap": luck.choice(GAPS),
            "resource_gap_amount": luck.choice(("", "90000", "200000", "6000000")),
        },
    }
    rows = [_contribution(luck) for _ in range(luck.choice((1, 1, 2)))]
    world.note(f"{who} writes a proposal, {kind}, {_told(rows)}, {identification.get('symbol', 'no symbol')}")
    number = casts.draft(world.stage, who, kind=kind, contributions=rows, content=content)
    world.numbers.append(number)
    world.noted += f": {number}"
    return number


def _kind(case: Case) -> str:
    return str(case.content.get("identification", {}).get("kind", ""))


def _contribution(luck: Random) -> dict[str, str]:
    return {
        "donor": luck.choice(("Norway", "Spain")),
        "fund": luck.choice(("XBTC", "XBTC", "XBTC", "RBSA", "RBTC")),
        "amount": luck.choice(AMOUNTS),
        "currency": luck.choice(("USD", "USD", "USD", "CHF")),
    }


def _told(rows: Iterable[Mapping[str, str]]) -> str:
    return " + ".join(f"{row['fund']} {row['currency']} {row['amount']}" for row in rows)


def _author(world: World, case: Case, luck: Random) -> str:
    if luck.random() < 0.1:
        return luck.choice(MOVERS)
    return luck.choice(sorted(world.key(id) for id in case.related("author")) or ["ana"])


def change(world: World, luck: Random) -> object:
    """Change the money of a proposal that is being written, which may cross a threshold."""
    case = _picked(world, luck, "draft", "incomplete", "revision_requested")
    who, row = _author(world, case, luck), _contribution(luck)
    row = {**case.content["identification"]["contributions"][0], **row}
    row["modality"] = "rbsa" if row["fund"] == "RBSA" else "direct"
    fields: dict[str, Any] = {"contributions": [row]}
    if luck.random() < 0.5:
        fields["symbol"] = luck.choice((*SYMBOLS, ""))
    world.note(f"{who} changes {case.number}: {_told([row])}, {fields.get('symbol', 'same symbol')}")
    return casts.save(world.stage, case.number, "identification", who, **fields)


def answer(world: World, luck: Random) -> object:
    """Answer every change that was asked for, and submit again."""
    case = _picked(world, luck, "revision_requested", "incomplete")
    who = _author(world, case, luck)
    world.note(f"{who} answers what was asked of {case.number}, and submits it")
    casts.answer_changes(world.stage, case.number, who)
    return casts.take(world.stage, who, case.number, "submit")


def join(world: World, luck: Random) -> object:
    """Let an author bring somebody in, or a coordinator name one."""
    case = _picked(world, luck, *UNDER_WAY)
    other = luck.choice(("ana", "ben", "all") if luck.random() < 0.8 else MOVERS)
    person = world.stage.people[other].id
    if luck.random() < 0.7:
        who = _author(world, case, luck)
        world.note(f"{who} makes {other} an author of {case.number}")
        return world.act(add_author, who, case.number, person)
    world.note(f"desk names {other} as author of {case.number}")
    return world.act(name_author, "desk", case.number, person, "Because.")


# --- Steps -------------------------------------------------------------------------------------------------


def _inputs(world: World, luck: Random, case: Case) -> dict[str, Any]:
    """Give everything that any step could ask for."""
    world.documents += 1
    days = luck.choice((0, 0, 1, 30, 400, 800))
    approved_at = None if luck.random() < 0.2 else world.stage.now - timedelta(days=days)
    if approved_at is not None and luck.random() < 0.15:
        approved_at = datetime.combine(luck.choice(_FAR), time(12), UTC)
    changes = [ChangeAsked(f"Say more, {place}.", luck.choice(("TRI-1", "ALI-1", ""))) for place in (1, 2)]
    return {
        "note": "Because.",
        "lead": luck.choice(("lead", "lead", "lia", "all", "eval")),
        "missing": "A letter.",
        "changes": tuple(changes[: luck.choice((1, 2))]),
        "until": (world.stage.now + timedelta(days=luck.choice((1, 5, 40)))).date(),
        "agreement": Agreement((world.stage.now - timedelta(days=luck.choice((0, 3)))).date(), "Agreement 1"),
        "approval": ApprovalGiven(f"Minute {world.documents}", "Registry", approved_at),
    }


def _take(world: World, luck: Random, who: str, case: Case, step: str, **given: Any) -> Case:
    behalf = given.get("behalf")
    instead = f" for {world.key(behalf)}" if behalf else ""
    inputs = _inputs(world, luck, case) | given
    extra = f", lead {inputs['lead']}" if step in ("assign", "reassign") else ""
    if step == "register_approval":
        at = inputs["approval"].approved_at
        extra = f", {'undated' if at is None else f'given on {at:%d %B %Y}'}"
    if step in CLOSING:
        # The page may be from before the ratings that leave a condition without its reason.
        shown = casts.dropped(world.stage.database, world.stage.library, case.number)
        inputs["withdrawn"] = shown if luck.random() < 0.8 else frozenset()
        extra = f", shown that conditions {sorted(inputs['withdrawn'])} are withdrawn"
    world.note(f"{who}{instead}: {step} {case.number}{extra}")
    after, now = casts.take(world.stage, who, case.number, step, **inputs), world.stage.now
    ended = {entry.number for entry in every(after) if entry.withdrawn_at == now - MINUTE}
    assert step not in CLOSING or ended <= inputs["withdrawn"], "a condition is withdrawn that was not shown"
    return after


def go_on(world: World, luck: Random) -> object:
    """Take one of the steps that are open to anybody, in somebody else's place where there is one."""
    # Where nothing leads on any more, not much is to be found.
    case = _picked(world, luck, *UNDER_WAY) if luck.random() < 0.75 else _picked(world, luck)
    book = world.book(case)
    found = [
        (who, entry.transition)
        for who in MOVERS
        if access.level(case, world.stage.people[who]) == "full" or "coordinator" in _roles(world, who)
        for entry in machine.allowed(book, case, world.stage.people[who], world.stage.now)
        if entry.is_open
    ]
    onward = [entry for entry in found if entry[1].name not in DETOURS]
    chosen = onward if onward and luck.random() < 0.85 else found
    if not onward and luck.random() < 0.6:
        return write(world, luck)
    if not chosen:
        world.note(f"nobody may do anything with {case.number}")
        return None
    steps = sorted({entry[1].name for entry in chosen})
    step = luck.choice(steps)
    who, transition = luck.choice([entry for entry in chosen if entry[1].name == step])
    places = sorted(acting_for.places(case, world.stage.people[who], transition, world.stage.now))
    behalf = {"behalf": luck.choice(places)} if places and luck.random() < 0.5 else {}
    return _take(world, luck, who, case, step, **behalf)


def _roles(world: World, who: str) -> frozenset[str]:
    return frozenset(world.stage.people[who].roles)


def try_step(world: World, luck: Random) -> object:
    """Try any step of the workflow, whoever it is for."""
    transitions = world.stage.library.newest_workflow().transitions
    return _take(world, luck, luck.choice(MOVERS), _picked(world, luck), luck.choice(transitions).name)


# --- Appraising --------------------------------------------------------------------------------------------

# How the lead rates: everything as it should be, one low, or so that it cannot stay as it is.
_RATED: Final[Sequence[Mapping[str, str]]] = (
    {},
    {},
    {"CAP-6": "1"},
    {"CAP-6": "1", "RBM-7": "1"},
    {"TRI-1": "1"},
)


def rate(world: World, luck: Random) -> object:
    """Let the lead, or who stands in, rate all but what is somebody else's, and recommend."""
    case = _picked(world, luck, "under_appraisal")
    who = _lead(world, case)
    if who is None:
        raise Nothing
    raters = [key for key in MOVERS if access.may_rate(case, world.stage.people[key], world.stage.now)]
    if raters and luck.random() < 0.9:
        who = luck.choice(raters)
    low = luck.choice(_RATED)
    world.note(f"{who} rates {case.number}, low: {', '.join(low) or 'nothing'}")
    items = casts.items_of(world.stage, case.number)
    block = reviews.block_items(world.book(case).criteria)
    puts = {
        item: RatingPut(low.get(item, "2"), "Because.", reason="It is so.")
        for item in items
        if item not in block or luck.random() < 0.02
    }
    world.act(lead.rate, who, case.number, puts)
    return _recommend(world, luck, case, who, list(low))


def _recommend(world: World, luck: Random, case: Case, who: str, items: list[str]) -> object:
    due = _day(luck, (world.stage.now + timedelta(days=luck.choice((10, 30, 200)))).date())
    if luck.random() < 0.2:
        items = [*items, "GEN-2", ""]
    puts = [
        ConditionPut(f"Mend {item or 'the whole'}.", item, luck.choice(("Ana", "Project manager")), due, gate)
        for item in items
        for gate in (luck.choice(("before_donor", "before_start")),)
    ]
    chosen = luck.choice(("", "", "", "", "NOT_RECOMMENDED", "REVISE", "READY_WITH_CONDITIONS"))
    world.noted += f", and recommends {chosen or 'what follows'} with {len(puts)} conditions"
    return world.act(
        lead.recommend,
        who,
        case.number,
        chosen=chosen,
        reason="Because." if chosen else "",
        conditions=puts,
    )


def recommend(world: World, luck: Random) -> object:
    """Let the lead save another recommendation, with other conditions."""
    case = _picked(world, luck, "under_appraisal")
    who = _lead(world, case)
    if who is None or case.appraisal is None:
        raise Nothing
    world.note(f"{who} thinks again of {case.number}")
    low = [item for item, given in sorted(case.appraisal.ratings.items()) if given.value == "1"]
    return _recommend(world, luck, case, who, low if luck.random() < 0.8 else low[:1])


def confirm(world: World, luck: Random) -> object:
    """Let the lead confirm what was carried over."""
    case = _picked(world, luck, "under_appraisal")
    who = _lead(world, case) or "lead"
    world.note(f"{who} confirms what was carried over in {case.number}")
    return world.act(lead.confirm_unchanged, who, case.number)


def adopt(world: World, luck: Random) -> object:
    """Let the lead take over what all agree on."""
    case = _picked(world, luck, "under_appraisal")
    who = _lead(world, case) or "lead"
    world.note(f"{who} adopts what all agree on in {case.number}")
    return world.act(reviewing.adopt_agreed, who, case.number)


# --- Reviewing ---------------------------------------------------------------------------------------------


def _owing(world: World, luck: Random, case: Case) -> str:
    """Return somebody who owes a review, or whose unit was asked; now and then anybody."""
    found = [key for key in MOVERS if access.is_blind(case, world.stage.people[key])]
    found += [
        key
        for key in (*MOVERS, "actemp", "actrav", "evan")
        if access.is_consulted(case, world.stage.people[key])
    ]
    found += [key for key in ("actemp", "actrav", "evan") if access.is_blind(case, world.stage.people[key])]
    if not found and luck.random() < 0.95:
        raise Nothing
    return luck.choice(found) if found and luck.random() < 0.93 else luck.choice(MOVERS)


def ask(world: World, luck: Random) -> object:
    """Let a coordinator ask somebody for one or two checklists."""
    case = _picked(world, luck, "under_appraisal")
    who, by = luck.choice(("eval", "evan", "lia", "actemp", "all", "chief")), luck.choice(("desk", "all"))
    codes = [entry.checklist.code for entry in world.book(case).criteria]
    chosen = sorted({luck.choice(codes), luck.choice(codes)})
    due = _day(luck, (world.stage.now + timedelta(days=luck.choice((2, 5, 9)))).date())
    world.note(f"{by} asks {who} to review {' and '.join(chosen)} of {case.number} by {due}")
    return world.act(reviewing.ask, by, case.number, world.stage.people[who], chosen, due)


def review(world: World, luck: Random) -> object:
    """Let somebody who owes a review, or whose unit was asked, do what comes next."""
    case = _picked(world, luck, "under_appraisal", "awaiting_decision")
    who = _owing(world, luck, case)
    with world.stage.database.read() as db:
        held = reviewing.held(db, world.stage.library, world.stage.people[who], case.number)
    if held is None or not held.review.declaration or not held.review.is_open:
        conflict = luck.choice((*[None] * 9, "A cousin."))
        world.note(f"{who} declares {conflict or 'nothing'} over {case.number}")
        return world.act(reviewing.declare, who, case.number, conflict=conflict)
    kind = luck.random()
    if kind < 0.05:
        world.note(f"{who} declines the review of {case.number}")
        return world.act(reviewing.decline, who, case.number, "No time.")
    if reviews.signing_problems(held.case, held.book, held.appraisal, held.review, "We agree."):
        if kind < 0.3:
            world.note(f"{who} confirms in the review of {case.number} what was carried over")
            return world.act(reviewing.confirm_unchanged, who, case.number)
        items = casts.items_of(world.stage, case.number)
        mine = [item for item in items if item.partition("-")[0] in held.review.checklists]
        value = luck.choice("223")
        puts = {item: RatingPut("1" if luck.random() < 0.03 else value, "Seen.") for item in mine}
        world.note(f"{who} rates in the review of {case.number}: {' '.join(held.review.checklists)}")
        return world.act(reviewing.rate, who, case.number, puts)
    world.note(f"{who} signs the review of {case.number}")
    return world.act(reviewing.sign, who, case.number, "We agree.")


def answer_for_unit(world: World, luck: Random) -> object:
    """Answer a consultation, whoever was asked."""
    case = _picked(world, luck, "under_appraisal")
    asked = [entry for found in case.appraisals for entry in found.consultations]
    who = luck.choice((*MOVERS, "actemp", "actrav"))
    if not asked:
        raise Nothing
    chosen = luck.choice(asked)
    world.note(f"{who} answers for {chosen.unit} about {case.number}")
    return world.act(lead.answer_consultation, who, case.number, chosen.id, "We agree.")


def _reviews(case: Case) -> list[tuple[Appraisal, Any]]:
    return [(appraisal, entry) for appraisal in case.appraisals for entry in appraisal.reviews]


def take_back(world: World, luck: Random) -> object:
    """Let a coordinator take a review back, or give another day."""
    case = _picked(world, luck, "under_appraisal")
    found = _reviews(case)
    if not found:
        raise Nothing
    entry = luck.choice(found)[1]
    if luck.random() < 0.4:
        world.note(f"desk takes back the review of {world.key(entry.person)} of {case.number}")
        return world.act(reviewing.withdraw, "desk", case.number, entry.id)
    day = _day(luck, (world.stage.now + timedelta(days=luck.choice((0, 4, 20)))).date())
    world.note(f"desk gives {world.key(entry.person)} until {day} for {case.number}")
    return world.act(reviewing.move_due, "desk", case.number, entry.id, day)


# --- Conditions --------------------------------------------------------------------------------------------


def settle(world: World, luck: Random) -> object:
    """Clear, waive or report a condition of the appraisal in force, or give it another owner."""
    case = _picked(world, luck, "awaiting_decision", "approved", "funded")
    final = case.finalised
    if final is None or not final.conditions:
        raise Nothing
    entry = luck.choice(final.conditions)
    kind = luck.choice(("clear", "clear", "clear", "waive", "waive", "report", "owner"))
    by = {"clear": ("desk", "cora"), "waive": ("chief", "deputy"), "report": ("ana",), "owner": ("desk",)}
    who = luck.choice(by[kind] if luck.random() < 0.9 else MOVERS)
    world.note(f"{who}: {kind} condition {entry.number} of {case.number}")
    if kind == "clear":
        return world.act(conditions.clear_condition, who, case.number, entry.id, "Letter.")
    if kind == "waive":
        return world.act(conditions.waive_condition, who, case.number, entry.id, "Because.")
    stage = world.stage
    with stage.database.begin() as db:
        given = (db, stage.people[who], stage.now, case.number, entry.id)
        if kind == "report":
            return conditions.report_condition(*given, "Letter.")
        owner = stage.people[luck.choice(("ana", "ben", "lead"))].id
        return conditions.name_owner(*given, owner, "Because.")


def think_again(world: World, luck: Random) -> object:
    """Let the lead take a finalised appraisal back, with whatever became of its conditions."""
    case = _picked(world, luck, "awaiting_decision")
    final = case.finalised
    if final is None:
        raise Nothing
    return _take(world, luck, world.key(final.lead), case, "recall")


# --- People ------------------------------------------------------------------------------------------------


def stand_in(world: World, luck: Random) -> object:
    """Let an administrator name a substitute for a lead or a manager, or end a substitution."""
    stage, scope = world.stage, luck.choice(("appraisals", "decisions"))
    chosen: Scope = "appraisals" if scope == "appraisals" else "decisions"
    if luck.random() < 0.2:
        with stage.database.begin() as db:
            if found := standing(db, chosen):
                world.note("admin ends a substitution")
                return end_substitution(db, stage.people["admin"], stage.now, luck.choice(found).id)
    leads = [key for number in world.numbers if (key := _lead(world, world.case(number)))]
    person = luck.choice(leads or ["lead"]) if chosen == "appraisals" else luck.choice(("chief", "deputy"))
    substitute = luck.choice(("eval", "all", "actemp", "deputy", "mara", "lia"))
    last = luck.choice((0, 5, 20))
    world.note(f"admin names {substitute} for {person}, {chosen}, {last} days")
    return casts.substitute(stage, person, substitute, chosen, by="admin", last=last)


def leave(world: World, luck: Random) -> object:
    """Take a role away, close an account, move somebody to another unit, or take all of that back."""
    who = luck.choice(LEAVING)
    roles, unit = {**casts.CAST, **FURTHER}[who]
    kind = luck.choice(("auditor", "closed", "unit", "back", "back"))
    given: Mapping[str, Mapping[str, Any]] = {
        "auditor": {"roles": ["auditor"]},
        "closed": {"active": False},
        "unit": {"unit": "SKILLS"},
        "back": {"roles": list(roles), "unit": unit, "active": True},
    }
    world.note(f"{who} is given: {kind}")
    return casts.change(world.stage, who, **given[kind])


# --- Time --------------------------------------------------------------------------------------------------


def wait(world: World, luck: Random) -> object:
    """Let days pass, at times more than silence may last, and let time do what it demands."""
    days = luck.choice((1, 1, 3, 8, 8, 20, 45, 95, 200))
    world.note(f"{days} days pass")
    world.stage.wait(days=days)
    return tick(world)


def tick(world: World) -> object:
    """Let time do what it demands; nothing may fail, and nothing be left over."""
    stage = world.stage
    done = daily.tick(stage.database, stage.library, stage.now)
    assert done.faults == (), f"a tick fails: {done.faults}"
    again = daily.tick(stage.database, stage.library, stage.now)
    assert (again.steps, again.marks, again.faults) == ((), (), ()), f"a tick leaves something over: {again}"
    casts.refresh(stage)
    return done


# --- What is added up, and what is held against it ---------------------------------------------------------


def enter_rate(world: World, luck: Random) -> object:
    """Enter a rate, or correct the one of the same day."""
    day = _day(luck, geneva_date(world.stage.now) - timedelta(days=luck.choice((0, 0, 40, 700))))
    per_usd = luck.choice(("1.05", "0.98", "1.5", "1000000000000000000"))
    world.note(f"desk enters CHF {per_usd} for a US$ from {day} on")
    return casts.enter_rate(world.stage, "CHF", day, per_usd, reason="A slip.")


def list_projects(world: World, luck: Random) -> object:
    """Import the finance list, some rows of it changed, and at times the whole anew."""
    rows = []
    for symbol in luck.sample(SYMBOLS, luck.choice((1, 2))):
        fund, opened = (
            luck.choice(("XBTC", "RBSA", "RBTC", "")),
            luck.choice(("2010-01-20", "2009-05-01", "")),
        )
        rows.append(f"{symbol},Listed {symbol},ZM,{fund},{luck.choice(AMOUNTS)},USD,{opened},Norway\n")
    whole = luck.random() < 0.3
    world.note(f"desk imports {'the whole' if whole else 'a part of the'} finance list: {' '.join(rows)!r}")
    return import_text(world.stage, "projects", LISTED + "".join(rows), whole=whole)


def list_gaps(world: World, luck: Random) -> object:
    """Import resource gaps."""
    gap, amount, day = luck.choice(("G-1", "G-2")), luck.choice(("100000", "0", "5000000")), "2010-01-15"
    world.note(f"desk imports gap {gap} of {amount}")
    return import_text(world.stage, "gaps", f"gap,outcome,amount,recorded_on\n{gap},1,{amount},{day}\n")


def list_frameworks(world: World, luck: Random) -> object:
    """Import what is known of a development framework, at times less than before."""
    row = f"{luck.choice(('ZM', 'TH'))},2008-2012,{luck.choice(('yes', 'no', '', ''))},2010-01-{luck.choice(('05', '15', '25'))}"
    world.note(f"desk imports a framework: {row}")
    return import_text(world.stage, "undafs", f"country,cycle,reflects,assessed_on\n{row}\n")


def match(world: World, luck: Random) -> object:
    """Say that a project is a proposal or that it is not, or register it as one that never came here."""
    stage, kind = (
        world.stage,
        luck.choice(("confirm", "confirm", "confirm", "undo", "register", "again", "again")),
    )
    if kind == "again":
        return _look_again(world, luck)
    with stage.database.read() as db:
        listed = [entry.symbol for entry in stored_matches.unmatched(db)]
    symbol = luck.choice(listed if listed and kind != "undo" else SYMBOLS)
    key = symbol.lower()
    if kind == "register":
        world.note(f"desk registers the project {symbol}")
        with stage.database.begin() as db:
            case = outside_approvals.register_project(db, stage.library, stage.people["desk"], stage.now, key)
        world.numbers.append(case.number)
        world.noted += f": {case.number}"
        return case
    number = _picked(world, luck).number
    world.note(f"desk: {kind} that the project {symbol} is {number}")
    with stage.database.begin() as db:
        given = (db, stage.people["desk"], stage.now, key)
        if kind == "undo":
            return matching.undo(*given)
        matching.confirm(*given, number)
    return None


def _look_again(world: World, luck: Random) -> object:
    """Look again at what a project was taken for, under which something changed."""
    stage = world.stage
    with stage.database.read() as db:
        found = matching.changed_links(db)
    if not found:
        raise Nothing
    link = luck.choice(found).link
    world.note(f"desk looks again at the project {link.symbol}, taken for {link.number}")
    with stage.database.begin() as db:
        matching.look_again(db, stage.people["desk"], stage.now, link.key, link.seal, "A second phase.")
    return None


def register(world: World, luck: Random) -> object:
    """Register an approval of a proposal that never came here."""
    world.documents += 1
    undated = luck.random() < 0.25
    rows = [_contribution(luck)]
    world.note(f"desk registers an approval {'undated' if undated else 'of today'}, {_told(rows)}")
    symbol = {"identification": {"symbol": luck.choice(SYMBOLS)}} if luck.random() < 0.3 else {}
    number = casts.outside(
        world.stage,
        undated=undated,
        title=f"Approved elsewhere {world.documents}",
        contributions=rows,
        content=symbol,
    )
    world.numbers.append(number)
    world.noted += f": {number}"
    return number


def publish(world: World, luck: Random) -> object:
    """Publish a report."""
    code = luck.choice(("2.1", "1.1", "3.1"))
    biennium = luck.choice(("2010-11", "2010-11", "2010-11", "2012-13"))
    world.note(f"desk publishes {code} of {biennium}")
    return appraised_share.publish(
        world.stage.database,
        world.stage.library,
        world.stage.people["desk"],
        world.stage.now,
        code,
        biennium,
    )


def publish_meanwhile(world: World, luck: Random) -> object:
    """Publish a report while somebody else registers an approval: at the last moment before it is read."""
    stage, other = world.stage, Database(world.stage.database.url)
    world.documents += 1
    title, approval = f"Approved elsewhere {world.documents}", ApprovalGiven("Minute", "Registry", stage.now)
    content = neutral_content({"title": title, "contributions": [_contribution(luck)]})
    world.note("desk publishes 2.1 of 2010-11 while cora registers an approval")
    written: list[str] = []

    def register_first(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if not written and ("pg_advisory_xact_lock" in statement or statement == "BEGIN IMMEDIATE"):
            written.append("")
            with other.begin() as db:
                case = outside_approvals.register_outside(
                    db, stage.library, stage.people["newdesk"], stage.now, content, approval
                )
            written.append(case.number)

    event.listen(stage.database.engine, "before_cursor_execute", register_first)
    try:
        appraised_share.publish(
            stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
        )
    finally:
        event.remove(stage.database.engine, "before_cursor_execute", register_first)
        other.close()
        world.numbers += written[1:]
    return written


def seal(world: World, luck: Random) -> object:
    """Write a checkpoint."""
    world.note("a checkpoint is written")
    return checkpoints.checkpoint(world.stage.database, world.stage.now)


# How often each move is chosen, against the others.
MOVES: Final[Mapping[str, tuple[Move, int]]] = {
    "write": (write, 4),
    "change": (change, 3),
    "answer": (answer, 5),
    "join": (join, 2),
    "go_on": (go_on, 26),
    "try_step": (try_step, 4),
    "rate": (rate, 12),
    "recommend": (recommend, 3),
    "confirm": (confirm, 2),
    "adopt": (adopt, 1),
    "ask": (ask, 3),
    "review": (review, 22),
    "answer_for_unit": (answer_for_unit, 2),
    "take_back": (take_back, 2),
    "settle": (settle, 6),
    "think_again": (think_again, 1),
    "stand_in": (stand_in, 3),
    "leave": (leave, 3),
    "wait": (wait, 7),
    "enter_rate": (enter_rate, 3),
    "list_projects": (list_projects, 4),
    "list_gaps": (list_gaps, 4),
    "match": (match, 4),
    "register": (register, 2),
    "publish": (publish, 4),
    "publish_meanwhile": (publish_meanwhile, 2),
    "list_frameworks": (list_frameworks, 2),
    "seal": (seal, 1),
}
# What reviewers do touches nothing of the proposal that others have on their page.
ASIDE: Final = ("ask", "review", "take_back")
# Moves of several calls, of which a later one may be refused.
SEVERAL: Final = ("answer", "rate", "write", "go_on", "wait", "publish_meanwhile")
# Without these no walk gets anywhere; of the others each walk leaves out some, so that some go deep.
NEEDED: Final = ("write", "go_on", "rate", "review", "wait")


def _waived(stage: Stage) -> str:
    """Bring a proposal to *awaiting decision*, one of its two conditions waived."""
    number = casts.awaiting(stage, ratings={"CAP_6": "1", "RBM_7": "1"})
    final = casts.load(stage, number).finalised
    assert final is not None
    with stage.database.begin() as db:
        given = (db, stage.library, stage.people["chief"], stage.now, number)
        conditions.waive_condition(*given, final.conditions[0].id, "Because.")
    stage.wait(minutes=1)
    return number


def _under_umbrella(stage: Stage) -> str:
    """Begin with an umbrella programme and two proposals under it, one of them a mere draft."""
    parent = casts.draft(stage, "ana", kind="umbrella")
    content = {"identification": {"parent": parent}}
    casts.draft(stage, "ana", kind="child", content=content, budget="5000000")
    return casts.draft(stage, "ana", kind="child", content=content, budget="900000")


# Where a walk begins: so that few turns lead to what takes many.
BEGINNINGS: Final[Sequence[Callable[[Stage], str]]] = (
    casts.submitted,
    casts.revision,
    casts.awaiting,
    casts.not_recommended,
    casts.approved,
    lambda stage: casts.submitted(stage, budget="6000000"),
    lambda stage: casts.revision(stage, budget="6000000"),
    lambda stage: casts.awaiting(stage, budget="6000000"),
    lambda stage: casts.awaiting(stage, ratings={"CAP_6": "1", "RBM_7": "1"}),
    _waived,
    _under_umbrella,
    lambda stage: casts.revision(stage, content={"identification": {"symbol": SYMBOLS[0]}}),
    lambda stage: casts.approved(stage, ratings={"CAP_6": "1"}),
    casts.funded,
)


def begin(stage: Stage, luck: Random) -> World:
    """Return a world with one proposal somewhere on its way."""
    world = World(stage)
    casts.enter_rate(stage, "CHF", START.date() - timedelta(days=30), "1.05")
    luck.choice(BEGINNINGS)(stage)
    table = tables.proposals
    with stage.database.read() as db:
        world.numbers += db.execute(select(table.c.number).order_by(table.c.number)).scalars()
    world.history += [f"{number} begins as {world.case(number).state}" for number in world.numbers]
    if luck.random() < 0.6:
        rows = [f"{symbol},Listed {symbol},ZM,XBTC,900000,USD,2010-01-20,Norway\n" for symbol in SYMBOLS[:2]]
        import_text(stage, "projects", LISTED + "".join(rows))
        world.history.append(f"the finance list has {SYMBOLS[0]} and {SYMBOLS[1]}")
    return world


def actions(stage: Stage) -> list[str]:
    """Return what the events of all proposals tell of, in a word each, in their order."""
    table = tables.events
    with stage.database.read() as db:
        return list(db.execute(select(table.c.name).order_by(table.c.id)).scalars())


def is_refusal(error: Exception) -> str:
    """Say in short why a move was refused."""
    return " ".join(error.codes) if isinstance(error, NotAllowed) else type(error).__name__
