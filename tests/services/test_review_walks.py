"""Walks among reviews: whatever is asked, declared, rated, signed or taken back, in whatever order."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from appraisal.definitions.library import Library
from appraisal.domain import access, reviews, rulebooks
from appraisal.domain.facts import Appraisal, Case, Person, Review
from appraisal.domain.refusals import NotAllowed
from appraisal.errors import NotFound
from appraisal.services import appraisals
from appraisal.services import reviews as services
from appraisal.services.appraisals import RatingPut
from appraisal.storage import duties, records, tables, visibilities
from appraisal.storage.facts import load_cases
from appraisal.storage.files import Files
from tests import casts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.services import test_walks as steps
from tests.services.test_walks import PATIENT, Move, Walk

LENGTH: Final = 45
# Whoever may be asked, and some who may not; "all" does everything else as well.
ASKED: Final = ("eval", "actemp", "actrav", "all", "all", "lead", "chief", "ana")
REVIEWS: Final = tables.Review.__table__


@dataclass
class Watched(Walk):
    """A walk that remembers every review as it was signed."""

    signed: dict[int, Review] = field(default_factory=dict)


def _act(stage: Stage, what: Any, who: str, number: str, *rest: Any, **named: Any) -> object:
    with stage.database.begin() as db:
        return what(db, stage.library, stage.people[who], stage.now, number, *rest, **named)


def _owing(stage: Stage, number: str, who: str, dice: int) -> str:
    """Return somebody who owes a review; now and then whoever was named, who may not."""
    case = casts.load(stage, number)
    found = [key for key, person in stage.people.items() if access.is_blind(case, person)]
    return found[dice % len(found)] if found and dice % 8 else who


def _any_review(stage: Stage, number: str, dice: int) -> int:
    found = [entry.id for appraisal in casts.load(stage, number).appraisals for entry in appraisal.reviews]
    return found[dice % len(found)] if found else 0


def ask(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let a coordinator ask somebody for one or two checklists."""
    stage, asked = walk.stage, ASKED[dice % len(ASKED)]
    codes = [entry.checklist.code for entry in stage.library.criteria(stage.library.newest_set().key)]
    chosen = {codes[dice // 8 % len(codes)], codes[dice // 64 % len(codes)]}
    due = (stage.now + timedelta(days=2 + dice % 9)).date()
    by = who if dice % 5 == 0 else ("desk", "all")[dice // 5 % 2]
    return _act(stage, services.ask, by, number, stage.people[asked], sorted(chosen), due)


def declare(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let somebody declare, or take up what the unit was asked."""
    person = (
        ("actemp", "actrav", "eval")[dice % 3] if dice % 4 == 0 else _owing(walk.stage, number, who, dice)
    )
    conflict = (None, None, None, None, "A cousin.", " ")[dice // 4 % 6]
    return _act(walk.stage, services.declare, person, number, conflict=conflict)


def decline(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let somebody decline."""
    return _act(walk.stage, services.decline, _owing(walk.stage, number, who, dice), number, "No time.")


def rate(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let a reviewer rate everything that is theirs alike, and confirm what was carried over."""
    stage, person = walk.stage, _owing(walk.stage, number, who, dice)
    with stage.database.read() as db:
        held = services.held(db, stage.library, stage.people[person], number)
    codes = held.review.checklists if held else ("TRI",)
    items = [item for item in casts.items_of(stage, number) if item.partition("-")[0] in codes]
    puts = {item: RatingPut("123"[(dice + place // 5) % 3], "Seen.") for place, item in enumerate(items)}
    return _act(stage, services.rate, person, number, puts)


def confirm(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let a reviewer confirm what was carried over."""
    return _act(walk.stage, services.confirm_unchanged, _owing(walk.stage, number, who, dice), number)


def sign(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let somebody sign."""
    return _act(walk.stage, services.sign, _owing(walk.stage, number, who, dice), number, "We agree.")


def work(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let somebody who owes a review do what comes next: declare nothing, rate, or sign."""
    stage, person = walk.stage, _owing(walk.stage, number, who, dice)
    with stage.database.read() as db:
        held = services.held(db, stage.library, stage.people[person], number)
    if held is None or not held.review.declaration:
        return _act(stage, services.declare, person, number, conflict=None)
    if reviews.signing_problems(held.case, held.book, held.appraisal, held.review, "We agree."):
        return rate(walk, person, number, dice)
    return _act(stage, services.sign, person, number, "We agree.")


def withdraw(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let a coordinator take a review back."""
    review = _any_review(walk.stage, number, dice // 2)
    return _act(walk.stage, services.withdraw, ("desk", "all")[dice % 2], number, review)


def move_due(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let a coordinator give another day."""
    day = (walk.stage.now + timedelta(days=dice % 30)).date()
    review = _any_review(walk.stage, number, dice // 2)
    return _act(walk.stage, services.move_due, ("desk", "all")[dice % 2], number, review, day)


def _lead(stage: Stage, number: str) -> tuple[Appraisal, str] | None:
    running = casts.load(stage, number).appraisal
    if running is None:
        return None
    return running, next(key for key, person in stage.people.items() if person.id == running.lead)


def adopt(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let the lead take over what all agree on."""
    found = _lead(walk.stage, number)
    return _act(walk.stage, services.adopt_agreed, found[1], number) if found else None


def explain(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let the lead say why the final ratings differ."""
    stage, found = walk.stage, _lead(walk.stage, number)
    if found is None:
        return None
    running, lead = found
    case = casts.load(stage, number)
    book = rulebooks.rulebook(stage.library, case.workflow, case.set)
    items = [refusal.facts["item"] for refusal in reviews.unexplained(case, book, running)]
    puts = {item: RatingPut(running.ratings[item].value, "Seen.", reason="Because.") for item in items}
    return _act(stage, appraisals.rate, lead, number, puts)


def revise(walk: Walk, who: str, number: str, dice: int) -> object:
    """Let the author answer what was asked, change the budget, and submit again."""
    if casts.load(walk.stage, number).state not in ("revision_requested", "incomplete"):
        return None
    steps.write(walk, "ana", number, dice)
    # What is written stays even where it may not be submitted.
    with suppress(NotAllowed):
        casts.take(walk.stage, "ana", number, "submit")
    return None


# What touches nothing of the proposal itself.
ASIDE: Final[tuple[Move, ...]] = (
    *[ask] * 4,
    *[declare] * 4,
    decline,
    *[rate] * 3,
    confirm,
    *[sign] * 2,
    *[work] * 10,
    withdraw,
    move_due,
)
MOVES: Final[tuple[Move, ...]] = (
    *ASIDE,
    adopt,
    *[explain] * 3,
    *[steps.go_on] * 4,
    *[steps.appraise] * 3,
    steps.try_step,
    *[revise] * 3,
    steps.comment,
    steps.settle_condition,
    steps.let_time_pass,
)


@settings(PATIENT, max_examples=8)
@given(luck=st.randoms(use_true_random=True))
def test_whatever_reviewers_try_the_rules_hold(
    sqlite_copies: SqliteCopies, library: Library, tmp_path_factory: pytest.TempPathFactory, luck: Random
) -> None:
    with sqlite_copies.copied("staffed", casts.create_people) as database:
        stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
        numbers = [casts.submitted(stage, "ana", budget="6000000"), casts.submitted(stage, "ana")]
        for number in numbers:
            casts.take(stage, "desk", number, "assign", lead="lead")
        walk = Watched(stage, numbers)
        for _ in range(LENGTH):
            move = luck.choice(MOVES)
            _make(walk, move, luck.choice(steps.PEOPLE), luck.choice(numbers), luck.getrandbits(20))
        with database.read() as db:
            cases = load_cases(db)
        for case in cases:
            steps._check_case(stage, case)
        steps._check_visibility(stage, cases)
        _check_lists(stage, cases)


def _standing(stage: Stage) -> list[Any]:
    """Read where every review and proposal stands."""
    proposals = tables.Proposal.__table__
    with stage.database.read() as db:
        return [
            list(db.execute(select(REVIEWS.c.id, REVIEWS.c.row_version).order_by(REVIEWS.c.id))),
            list(db.execute(select(proposals.c.id, proposals.c.row_version).order_by(proposals.c.id))),
        ]


def _make(walk: Watched, move: Move, who: str, number: str, dice: int) -> None:
    """Make one move, and look at everything that must hold after each."""
    before = _standing(walk.stage)
    done = _is_done(walk, move, who, number, dice)
    after = _standing(walk.stage)
    assert done or after[0] == before[0]
    if move in ASIDE:
        assert after[1] == before[1]
    with walk.stage.database.read() as db:
        cases = load_cases(db)
    for case in cases:
        _check_reviews(walk, case)
        for person in walk.stage.people.values():
            if access.is_blind(case, person):
                _check_blind(case, person)


def _is_done(walk: Watched, move: Move, who: str, number: str, dice: int) -> bool:
    """Make a move as walks do, and tell whether it was allowed."""
    refused = []

    def tried(walk: Walk, who: str, number: str, dice: int) -> object:
        try:
            return move(walk, who, number, dice)
        except (NotAllowed, NotFound):
            refused.append(move)
            raise

    steps._make(walk, tried, who, number, dice)
    return not refused


def _of(case: Case) -> Iterator[tuple[Appraisal, Review]]:
    for appraisal in case.appraisals:
        for review in appraisal.reviews:
            yield appraisal, review


def _check_reviews(walk: Watched, case: Case) -> None:
    """What is signed stays; nobody leads, reviews and writes at once, nor after a conflict."""
    found = {review.id: review for _, review in _of(case)}
    kept = {id: review for id, review in walk.signed.items() if id in found}
    assert {id: found[id] for id in kept} == kept
    walk.signed |= {id: review for id, review in found.items() if review.signed_at}
    conflicted, authors = access.conflicted(case), case.related("author")
    running = case.appraisal
    for appraisal, review in _of(case):
        assert review.person not in authors
        assert not (review.is_open and review.person == appraisal.lead and appraisal.is_running)
        assert not (review.signed_at and (review.declaration != "nothing" or review.withdrawn_at))
    if running is not None:
        assert running.lead not in conflicted
        assert not access.is_blind(case, case.people[running.lead])
        people = [review.person for review in reviews.standing(running)]
        assert len(people) == len(set(people))
    if case.approval is not None and case.approval.kind != "register_approval":
        assert case.approval.by not in conflicted


def _check_blind(case: Case, person: Person) -> None:
    """A reviewer who has not signed sees nothing of what others said, nor who they are."""
    seen = access.as_seen(case, person)
    for appraisal in seen.appraisals:
        assert {review.person for review in appraisal.reviews} <= {person.id}
        assert (appraisal.ratings, appraisal.conditions, appraisal.verdicts) == ({}, (), {})
        assert (appraisal.chosen, appraisal.reason, appraisal.final, appraisal.record) == ("", "", "", "")
        assert all(entry.unit == person.unit and not entry.text for entry in appraisal.consultations)
    assert seen.related("reviewer") == {person.id}
    assert (seen.changes, seen.sequence, seen.head) == ((), 0, "")
    assert {step.note for step in seen.steps} <= {""}
    named = {id for people in seen.relations.values() for id in people}
    named |= {step.by for step in seen.steps if step.by} | {appraisal.lead for appraisal in seen.appraisals}
    assert set(seen.people) == named


def _check_lists(stage: Stage, cases: list[Case]) -> None:
    """Compare what lists show of reviews with what the rules say of every person and proposal."""
    proposals = tables.Proposal.__table__
    for person in stage.people.values():
        with stage.database.read() as db:
            blind = set(db.execute(select(proposals.c.number).where(visibilities.blind(person))).scalars())
            recorded = {entry.number for entry in records.list_records(db, person)[0]}
            asked = [entry.number for entry in duties.reviews_for(db, person)]
        assert blind == {case.number for case in cases if access.is_blind(case, person)}
        assert not recorded & blind
        assert sorted(asked) == sorted(
            case.number
            for case in cases
            for appraisal, review in _of(case)
            if review.person == person.id and review.is_open and appraisal.is_running
        )
