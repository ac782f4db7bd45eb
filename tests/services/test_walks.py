"""Walks: whatever people try, in whatever order, what must always hold still holds."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from appraisal.definitions.library import Library
from appraisal.domain import access, events, machine, reviews, rulebooks, verifications
from appraisal.domain.events import Event
from appraisal.domain.facts import Case, Person, Scope
from appraisal.domain.indicators import Figures
from appraisal.domain.refusals import NotAllowed
from appraisal.domain.rulebooks import Rulebook
from appraisal.domain.steps import Agreement, ApprovalGiven, ChangeAsked
from appraisal.errors import NotFound
from appraisal.services import appraisals, conditions, indicators, proposals, steps, ticks
from appraisal.storage import queries, tables
from appraisal.storage.facts import load_cases
from appraisal.storage.files import Files
from appraisal.storage.pasts import Past
from appraisal.storage.tables import Base
from tests import casts
from tests.casts import CAST, Stage
from tests.databases import PostgresCopies, SqliteCopies
from tests.services.test_indicators import every

PATIENT: Final = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
)
# "all" is tried more often: it is held back by its relations alone.
LENGTH: Final = 36
# Enough people to take every step.
MOVERS: Final = ("ana", "desk", "lead", "chief", "deputy", "all")
PEOPLE: Final = (*CAST, "all", "all", "ana", "chief")


@dataclass
class Walk:
    """A stage with two proposals on it, and every record that was ever seen."""

    stage: Stage
    numbers: list[str] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)
    # What the indicator was at every moment.
    figures: dict[datetime, Figures] = field(default_factory=dict)


DETOURS: Final = frozenset(
    {
        "withdraw",
        "register_approval",
        "propose_annulment",
        "annul",
        "withdraw_signature",
        "decline_signature",
        "hold",
        "return_incomplete",
        "reject",
        "recall",
    }
)
Move = Callable[[Walk, str, str, int], object]


def _inputs(stage: Stage, dice: int) -> dict[str, Any]:
    """Give everything that any step could ask for."""
    leads = ("lead", "eval", "all", "ana")
    return {
        "note": "Because.",
        "lead": leads[dice % len(leads)],
        "missing": "A letter.",
        "changes": (ChangeAsked("Say more.", "TRI-1"),),
        "until": (stage.now + timedelta(days=1 + dice % 40)).date(),
        "agreement": Agreement(stage.now.date(), "Agreement 1"),
        "approval": ApprovalGiven("Minute 12", "Registry", None if dice % 3 else stage.now),
    }


def _open_steps(stage: Stage, number: str) -> list[tuple[str, str]]:
    case = casts.load(stage, number)
    book = rulebooks.rulebook(stage.library, case.workflow, case.set)
    return [
        (who, entry.transition.name)
        for who, person in stage.people.items()
        if who in MOVERS
        if access.level(case, person) == "full"
        for entry in machine.allowed(book, case, person, stage.now)
        if entry.is_open
    ]


def go_on(walk: Walk, who: str, number: str, dice: int) -> object:
    """Take one of the steps that are open to anybody."""
    found = _open_steps(walk.stage, number)
    # What ends a proposal early is taken now and then only, or no walk would go far.
    onward = [entry for entry in found if entry[1] not in DETOURS]
    chosen = onward if onward and dice % 8 else found
    if not chosen:
        return None
    actor, step = chosen[dice // 8 % len(chosen)]
    return casts.take(walk.stage, actor, number, step, **_inputs(walk.stage, dice))


def try_step(walk: Walk, who: str, number: str, dice: int) -> object:
    """Try any step of the workflow, whoever it is for."""
    transitions = walk.stage.library.newest_workflow().transitions
    step = transitions[dice % len(transitions)].name
    return casts.take(walk.stage, who, number, step, **_inputs(walk.stage, dice))


def appraise(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let the lead rate everything, high, with one condition or low, and the bureaux answer."""
    stage = walk.stage
    running = casts.load(stage, number).appraisal
    if running is None:
        return None
    lead = next(key for key, person in stage.people.items() if person.id == running.lead)
    low = ({}, {"CAP_6": "1"}, {"TRI_1": "1"})[dice % 3]
    casts.rate(stage, number, "2", lead, **low)
    chosen = "NOT_RECOMMENDED" if dice % 6 == 5 else ""
    casts.recommend(stage, number, ["CAP-6"] if "CAP_6" in low else [], lead, chosen=chosen)
    stage.wait(days=8)
    return None


def write(walk: Walk, who: str, number: str, dice: int) -> object:
    """Change the budget, which may cross a threshold, and answer what was asked."""
    casts.answer_changes(walk.stage, number, who)
    return casts.spend(walk.stage, number, ("400000", "900000", "5000000.01")[dice % 3], who)


def join(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let an author bring somebody in."""
    stage = walk.stage
    with stage.database.begin() as db:
        other = stage.people[PEOPLE[dice % len(PEOPLE)]]
        return proposals.add_author(db, stage.library, stage.people[who], stage.now, number, other.id)


def comment(walk: Walk, who: str, number: str, dice: int) -> object:
    """Answer a consultation, whoever was asked."""
    stage = walk.stage
    asked = [entry for found in casts.load(stage, number).appraisals for entry in found.consultations]
    if not asked:
        return None
    with stage.database.begin() as db:
        entry = asked[dice % len(asked)]
        return appraisals.answer_consultation(
            db, stage.library, stage.people[who], stage.now, number, entry.id, "We agree."
        )


def settle_condition(walk: Walk, who: str, number: str, dice: int) -> object:
    """Close or waive the condition of the appraisal in force."""
    stage = walk.stage
    final = casts.load(stage, number).finalised
    if final is None or not final.conditions:
        return None
    act = conditions.clear_condition if dice % 2 else conditions.waive_condition
    with stage.database.begin() as db:
        return act(
            db, stage.library, stage.people[who], stage.now, number, final.conditions[0].id, "Because."
        )


def stand_in(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let an administrator name a substitute for the lead, or for any manager."""
    stage = walk.stage
    running = casts.load(stage, number).appraisal
    leads = [key for key, person in stage.people.items() if running and person.id == running.lead]
    substitute = ("eval", "all", "actemp", "deputy")[dice % 4]
    scope: Scope = "appraisals" if leads else "decisions"
    return casts.substitute(stage, (leads or ["chief"])[0], substitute, scope, by="admin", last=dice % 20)


def let_time_pass(walk: Walk, who: str, number: str, dice: int) -> object:
    """Wait, at times for longer than silence may last."""
    walk.stage.wait(days=(1, 10, 45, 95)[dice % 4])
    return ticks.tick(walk.stage.database, walk.stage.library, walk.stage.now)


MOVES: Final[tuple[Move, ...]] = (
    *[go_on] * 8,
    *[appraise] * 4,
    *[try_step] * 4,
    *[write] * 2,
    join,
    comment,
    settle_condition,
    stand_in,
    stand_in,
    let_time_pass,
)


@settings(PATIENT, max_examples=10)
@given(luck=st.randoms(use_true_random=True))
def test_whatever_people_try_the_rules_hold(
    sqlite_copies: SqliteCopies, library: Library, tmp_path_factory: pytest.TempPathFactory, luck: Random
) -> None:
    with sqlite_copies.copied("staffed", casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        walk = Walk(stage, [casts.submitted(stage, "ana"), casts.draft(stage, "all")])
        for _ in range(LENGTH):
            _make(
                walk, luck.choice(MOVES), luck.choice(PEOPLE), luck.choice(walk.numbers), luck.getrandbits(20)
            )
        with database.read() as db:
            cases = load_cases(db)
        for case in cases:
            _check_case(stage, case)
        _check_records(walk)
        _check_visibility(stage, cases)
        from_columns, from_facts, from_trail = every(stage)
        assert from_columns == from_facts == from_trail
        _check_figures(walk)


@settings(PATIENT, max_examples=3)
@given(luck=st.randoms(use_true_random=True))
def test_the_figures_of_any_history_are_those_of_its_events(
    copies: SqliteCopies | PostgresCopies,
    library: Library,
    tmp_path_factory: pytest.TempPathFactory,
    luck: Random,
) -> None:
    with copies.copied("staffed", casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        walk = Walk(stage, [casts.submitted(stage, "ana"), casts.awaiting(stage)])
        for _ in range(LENGTH // 3):
            move = luck.choice((go_on, appraise, let_time_pass))
            _make(walk, move, luck.choice(PEOPLE), luck.choice(walk.numbers), luck.getrandbits(20))
        _check_figures(walk)


def _marks(stage: Stage) -> list[tuple[Any, ...]]:
    """Count every table, and read where every proposal and appraisal stands: any act moves one of them."""
    counts = [
        select(func.count()).select_from(table).scalar_subquery() for table in Base.metadata.sorted_tables
    ]
    cases, running = tables.Proposal.__table__, tables.Appraisal.__table__
    with stage.database.read() as db:
        found = [tuple(db.execute(select(*counts)).one())]
        found += map(tuple, db.execute(select(cases.c.row_version, cases.c.head).order_by(cases.c.id)))
        found += map(tuple, db.execute(select(running.c.row_version).order_by(running.c.id)))
    return found


def _make(walk: Walk, move: Move, who: str, number: str, dice: int) -> None:
    """Make one move; a refused one leaves nothing, and no record ever changes or goes."""
    before, now = _marks(walk.stage), walk.stage.now
    try:
        move(walk, who, number, dice)
    except (NotAllowed, NotFound):
        # A move of several steps is refused at its first, unless it is the lead's.
        assert _marks(walk.stage) == before
        walk.stage.now = now
    walk.stage.wait(minutes=1)
    table = tables.Record.__table__
    with walk.stage.database.read() as db:
        found = {row.digest: row.value for row in db.execute(select(table.c.digest, table.c.value))}
        kept = indicators.figures(db, walk.stage.library, "2010-11", walk.stage.now.date())
    assert {digest: found.get(digest) for digest in walk.records} == walk.records
    walk.records = found
    # The next move may be made at this very moment.
    walk.figures[walk.stage.now - timedelta(seconds=1)] = kept["2010-11"]


def _check_figures(walk: Walk) -> None:
    """Compare the sums kept at each moment with the trail as it stood then, and all of them as they are."""
    with walk.stage.database.read() as db:
        assert indicators.differences(db) == []
        for moment, kept in walk.figures.items():
            found = indicators.report(db, walk.stage.library, "2.1", "2010-11", Past(moment=moment))
            assert found.figures == kept


def _check_records(walk: Walk) -> None:
    """Verify every record by itself: what the rules let happen, they do not find fault with later."""
    found = {
        digest: [
            entry.say("en")
            for entry in verifications.verify(value.encode(), walk.stage.library)
            if entry.outcome == "fails"
        ]
        for digest, value in walk.records.items()
    }
    assert {digest: sentences for digest, sentences in found.items() if sentences} == {}


def _check_ratings(book: Rulebook, case: Case) -> None:
    """Hold that a verdict rests on confirmed ratings alone, and a block on its unit's own signed review."""
    units = reviews.block_items(book.criteria)
    for appraisal in case.appraisals:
        counting = {item for item, given in appraisal.ratings.items() if given.counts}
        for criterion in book.criteria:
            code = criterion.checklist.code
            if appraisal.verdicts.get(code):
                assert {item.id for item in criterion.checklist.items} <= counting
        for item in counting & set(units):
            code = item.partition("-")[0]
            assert reviews.finaliser(appraisal, code, units[item]) is not None


def _check_case(stage: Stage, case: Case) -> None:
    book = rulebooks.rulebook(stage.library, case.workflow, case.set)
    assert case.state in book.workflow.states
    table = tables.Proposal.__table__
    with stage.database.read() as db:
        row = db.execute(select(table).where(table.c.id == case.id)).mappings().one()
        assert events.broken(queries.chain_of(db, case.id), case.head) is None
        relations = tables.Relation.__table__
        since = {
            (entry.relation, entry.person_id): entry.since
            for entry in db.execute(select(relations).where(relations.c.proposal_id == case.id))
        }
    standing = steps.standing(book, case)
    assert {name: row[name] for name in standing} == standing
    assert sum(entry.is_running for entry in case.appraisals) <= 1
    assert (case.appraisal is not None) == (book.workflow.states[case.state].reviews == "open")
    assert case.hold is None or book.workflow.states[case.state].open
    for step in case.steps:
        if step.act == "assign":
            joined = since.get(("author", step.by))
            assert joined is None or joined > step.at
    _check_duties(case, row["route"])
    _check_ratings(book, case)
    closed = {entry.name for entry in book.workflow.transitions if "author" in entry.excludes}
    acted = {id for step in case.steps if step.name in closed for id in (step.by, step.behalf)}
    assert not acted & case.related("author")


def _check_duties(case: Case, route: str) -> None:
    authors, leads = case.related("author"), case.related("lead")
    assert not authors & leads
    assert not authors & case.related("reviewer")
    approval = case.approval
    if approval is None or route == "outside":
        return
    assert approval.by not in authors | leads
    version = next(entry for entry in case.versions if entry.id == approval.version_id)
    appraisal = next(entry for entry in case.appraisals if entry.id == approval.appraisal_id)
    people = {version.by, appraisal.lead, approval.by}
    if route == "override":
        first = [
            entry for entry in case.decisions if entry.kind == "propose_override" and entry.id < approval.id
        ]
        assert first[-1].appraisal_id == appraisal.id
        assert first[-1].by not in authors | leads
        people.add(first[-1].by)
    assert len(people) == (4 if route == "override" else 3)
    assert appraisal.version_id == version.id
    assert appraisal.finalised_at is not None
    assert approval.approved_at is not None
    assert appraisal.finalised_at < approval.approved_at


def _listed(case: Case, person: Person) -> str:
    """Return what a list shows: until the declaration, a reviewer finds a proposal in My work alone."""
    level = access.level(case, person)
    if level != "declaration":
        return level
    return "overlap" if person.has("designer") and not access.must_declare(case, person) else "nothing"


def _check_visibility(stage: Stage, cases: list[Case]) -> None:
    """Compare what lists show with what the rules say of every person and proposal."""
    casts.refresh(stage)
    for person in (*stage.people.values(), replace(stage.people["desk"], active=False)):
        with stage.database.read() as db:
            listed = {entry.number: entry.full for entry in queries.list_proposals(db, person)[0]}
        levels = {case.number: _listed(case, person) for case in cases}
        assert listed == {number: level == "full" for number, level in levels.items() if level != "nothing"}


@pytest.fixture(scope="module")
def approved_chain(
    library: Library, sqlite_copies: SqliteCopies, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Event], str]:
    """The chain of an approved proposal, and its head."""
    with sqlite_copies.copied("staffed", casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        case = casts.load(stage, casts.approved(stage))
        with database.read() as db:
            return queries.chain_of(db, case.id), case.head


@settings(PATIENT, max_examples=150)
@given(data=st.data())
def test_whatever_is_altered_in_a_chain_is_seen(approved_chain: tuple[list[Event], str], data: Any) -> None:
    chain, head = approved_chain
    index = data.draw(st.integers(0, len(chain) - 1))
    entry = chain[index]
    how = data.draw(st.sampled_from(["body", "digest", "drop", "twice", "swap", "resealed"]))
    changed = list(chain)
    if how in ("body", "resealed"):
        place = data.draw(st.integers(0, len(entry.body) - 1))
        letter = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != entry.body[place]))
        body = entry.body[:place] + letter + entry.body[place + 1 :]
        # Whoever can write the database can make a digest too; then the next event does not follow.
        sealed = sha256(body.encode()).hexdigest() if how == "resealed" else entry.digest
        changed[index] = Event(entry.sequence, body, sealed)
    elif how == "digest":
        changed[index] = replace(entry, digest="0" * 64)
    elif how == "drop":
        del changed[index]
    elif how == "twice":
        changed.insert(index, entry)
    else:
        other = data.draw(st.integers(0, len(chain) - 1).filter(lambda place: place != index))
        changed[index], changed[other] = changed[other], changed[index]
    assert events.broken(changed, head) is not None
