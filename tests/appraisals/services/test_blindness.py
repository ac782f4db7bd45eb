"""Blindness: whatever others do to a proposal, a reviewer who has not signed sees the same of it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.appraisals.services import lead, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access
from appraisal.records.store import records
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.appraisals.services import test_reviews as acts
from tests.casts import Stage
from tests.databases import SqliteCopies
from tests.trail.store.test_chains import PATIENT

# Reviewers beside the blind one: one of the same unit, one whose unit is asked for a block, and more.
OTHERS = ("nils", "eval", "gus", "actrav", "all")


@dataclass
class Scene:
    """A proposal under appraisal that somebody is blind to; ``dice`` decides what the others do."""

    stage: Stage
    number: str
    dice: Random

    @property
    def blind(self) -> Case:
        """What the blind reviewer may see."""
        return access.as_seen(casts.load(self.stage, self.number), self.stage.people["nora"])

    def anybody(self) -> str:
        return self.dice.choice(OTHERS)

    def open_review(self) -> int:
        nora = self.stage.people["nora"].id
        found = [entry.id for entry in acts.latest(self.stage, self.number).reviews if entry.person != nora]
        return self.dice.choice(found) if found else 0


def ask(scene: Scene) -> object:
    codes = scene.dice.sample(["TRI", "ILS", "RBM", "EVA"], 2)
    return acts.ask(scene.stage, scene.number, scene.anybody(), *codes)


def declare(scene: Scene) -> object:
    conflict = "A cousin." if scene.dice.random() < 0.2 else None
    return acts.declare(scene.stage, scene.number, scene.anybody(), conflict)


def decline(scene: Scene) -> object:
    return acts.act(scene.stage, reviews.decline, scene.anybody(), scene.number, "No time.")


def rate(scene: Scene) -> object:
    who = scene.anybody()
    mine = acts.of(scene.stage, scene.number, who).checklists
    for code in mine:
        acts.rate(scene.stage, scene.number, who, code, scene.dice.choice("123"))
    return None


def sign(scene: Scene) -> object:
    return acts.sign(scene.stage, scene.number, scene.anybody(), "We agree.")


def withdraw(scene: Scene) -> object:
    return acts.act(scene.stage, reviews.withdraw, "desk", scene.number, scene.open_review())


def move_due(scene: Scene) -> object:
    day = acts.DUE.replace(day=20)
    return acts.act(scene.stage, reviews.move_due, "desk", scene.number, scene.open_review(), day)


def answer(scene: Scene) -> object:
    """Let a coordinator who has had nothing to do with the proposal answer for any unit."""
    asked = scene.dice.choice(acts.latest(scene.stage, scene.number).consultations)
    return acts.act(scene.stage, lead.answer_consultation, "clerk", scene.number, asked.id, "By telephone.")


def lead_rates(scene: Scene) -> object:
    given = {f"TRI-{place}": RatingPut(scene.dice.choice("123"), "Mine.") for place in range(1, 9)}
    return acts.act(scene.stage, lead.rate, "lead", scene.number, given)


def adopt(scene: Scene) -> object:
    return acts.act(scene.stage, reviews.adopt_agreed, "lead", scene.number)


def recommend(scene: Scene) -> object:
    return casts.recommend(scene.stage, scene.number, ["TRI-1"], chosen="REVISE")


MOVES: tuple[Callable[[Scene], object], ...] = (
    ask,
    declare,
    decline,
    rate,
    sign,
    withdraw,
    move_due,
    answer,
    lead_rates,
    adopt,
    recommend,
)


def _scene(stage: Stage, declared: bool, seed: int) -> Scene:
    number = acts.assigned(stage, budget=acts.LARGE)
    acts.hire(stage, "nils", "NORMES")
    acts.hire(stage, "clerk", "PARDEV", "coordinator")
    acts.ask(stage, number, "nora", "TRI", "ILS")
    if declared:
        acts.declare(stage, number, "nora")
        acts.rate(stage, number, "nora")
    return Scene(stage, number, Random(seed))  # noqa: S311 - dice, not secrets


@pytest.mark.thorough
@settings(PATIENT, max_examples=25)
@given(
    moves=st.lists(st.sampled_from(MOVES), min_size=4, max_size=14),
    declared=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_whatever_others_do_the_blind_see_the_same(
    library: Library,
    sqlite_copies: SqliteCopies,
    tmp_path_factory: pytest.TempPathFactory,
    moves: list[Callable[[Scene], object]],
    declared: bool,
    seed: int,
) -> None:
    with sqlite_copies.copied(casts.create_people) as database:
        files = Files(tmp_path_factory.mktemp("files"))
        scene = _scene(casts.opened_stage(database, library, files), declared, seed)
        before = scene.blind
        for move in moves:
            try:
                move(scene)
            except (NotAllowed, NotFound, IndexError):
                continue
            assert scene.blind == before, move.__name__


@pytest.mark.parametrize("move", MOVES)
def test_every_move_of_the_others_can_be_made(lite: Stage, move: Callable[[Scene], object]) -> None:
    """Keep the walk above honest: each move does something at least once when it is tried in turn."""
    scene = _scene(lite, True, 7)
    for _ in range(40):
        for earlier in (ask, declare, rate, move):
            before = casts.contents(lite)
            try:
                earlier(scene)
            except (NotAllowed, NotFound, IndexError):
                continue
            if earlier is move and casts.contents(lite) != before:
                return
    pytest.fail(f"{move.__name__} never did anything")


def test_a_colleague_of_the_same_unit_gives_nothing_away(stage: Stage) -> None:
    scene = _scene(stage, True, 1)
    acts.declare(stage, scene.number, "nils")
    acts.sign(stage, scene.number, "nils", "Convention 111 is missing.")
    (asked,) = scene.blind.appraisals[-1].consultations
    assert (asked.unit, asked.answered_at, asked.answered_by, asked.text) == ("NORMES", None, None, "")
    names = {person.name for person in scene.blind.people.values()}
    assert names == {"Ana", "Desk", "Lead", "Nora"}


def test_lists_of_the_blind_hide_the_records_of_earlier_rounds(lite: Stage) -> None:
    number = acts.assigned(lite)
    acts.reviewed(lite, number, "nora", TRI_1="1")
    acts.revised(lite, number)
    nora = lite.people["nora"]

    def listed() -> int:
        with lite.database.read() as db:
            return len(records.list_records(db, nora)[0])

    assert listed() == 1
    acts.ask(lite, number, "nora", "TRI", due_on=acts.DUE.replace(month=3))
    acts.declare(lite, number, "nora")
    assert listed() == 0
    acts.act(lite, reviews.confirm_unchanged, "nora", number)
    acts.sign(lite, number, "nora", "As before.")
    assert listed() == 1
