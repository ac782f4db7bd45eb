"""Walking: a walk is a list of turns, made from one number, that can be made again with some left out."""

import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tests.casts import Stage
from tests.walks import checks, moves
from tests.walks.checks import Watch
from tests.walks.moves import MOVES, NEEDED, RAISED, World

LENGTH: Final = 60
# Moves that are chosen no more often than this are rare; how often those are chosen that a walk favours.
RARE: Final = 7
FREQUENT: Final = 20
# A failing walk is made shorter for so many seconds.
PATIENCE: Final = float(os.environ.get("APPRAISAL_WALKS_PATIENCE", "40"))

Opened = Callable[[], AbstractContextManager[Stage]]


class Turn(NamedTuple):
    """One move of a walk, and the number that its dice begin with."""

    move: str
    dice: int


class Wrong(AssertionError):
    """Something did not hold after a walk; ``history`` is what was done."""

    def __init__(self, sentences: Sequence[str], history: Sequence[str]) -> None:
        self.sentences, self.history = tuple(sentences), tuple(history)
        super().__init__("\n".join(["", *sentences, "", "What was done:", *history]))

    @property
    def kind(self) -> str:
        """Return what is wrong in words that stay the same when the walk is made shorter."""
        return "".join(letter for letter in self.sentences[0] if letter.isalpha() or letter == " ")[:24]


@dataclass
class Tally:
    """How often each move was made, and how often it was not refused."""

    made: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    walks: int = 0


def script(seed: int, length: int = LENGTH) -> list[Turn]:
    """Make up a walk: each leaves out some kinds of moves, so that others come to pass more often.

    Two that are rare become frequent, since much is found where one thing is done again and again.
    """
    luck = Random(f"walk {seed}")
    weights = {
        name: weight if name in NEEDED or luck.random() < 0.6 else 0 for name, (_, weight) in MOVES.items()
    }
    for name in luck.sample([name for name, (_, weight) in MOVES.items() if weight <= RARE], 2):
        weights[name] = FREQUENT
    names = luck.choices(list(weights), list(weights.values()), k=length)
    return [Turn(name, luck.getrandbits(32)) for name in names]


def walk(stage: Stage, seed: int, turns: Sequence[Turn], tally: Tally | None = None) -> World:
    """Make a walk and look at everything after each turn; raises ``Wrong``."""
    world = moves.begin(stage, Random(f"begin {seed}"))
    watch = Watch(world)
    _look(watch, checks.after_each)
    for turn in turns:
        _turn(world, turn, tally)
        _look(watch, checks.after_each)
    _look(watch, checks.at_end)
    if tally is not None:
        tally.walks += 1
        tally.steps.update(moves.actions(stage))
    return world


def _turn(world: World, turn: Turn, tally: Tally | None) -> None:
    world.note(turn.move)
    told = ""
    luck, before, is_aside = Random(turn.dice), checks.marks(world.stage), turn.move in moves.ASIDE
    try:
        try:
            MOVES[turn.move][0](world, luck)
        except moves.Nothing:
            is_aside = False
            with suppress(moves.Nothing):
                moves.go_on(world, luck)
    except RAISED as error:
        told = f" – refused: {moves.is_refusal(error)}"
        if turn.move not in moves.SEVERAL and checks.marks(world.stage) != before:
            raise Wrong(["what was refused left something behind"], [*world.history, world.noted]) from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(place.filename).name}:{place.lineno}"
        sentence = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        raise Wrong([f"{sentence} ({at})"], [*world.history, world.noted]) from error
    else:
        if is_aside and checks.marks(world.stage).versions != before.versions:
            raise Wrong(["what reviewers do collides with pages"], [*world.history, world.noted])
    finally:
        world.history.append(f"{world.stage.now:%Y-%m-%d %H:%M}  {world.noted}{told}")
        world.stage.wait(minutes=1)
    if tally is not None:
        tally.made[turn.move] += 1
        tally.done[turn.move] += not told


def _look(watch: Watch, check: Callable[[Watch], Iterator[str]]) -> None:
    try:
        found = list(check(watch))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(place.filename).name}:{place.lineno}"
        raise Wrong([f"{type(error).__name__} while looking: {error} ({at})"], watch.world.history) from error
    if found:
        raise Wrong(found, watch.world.history)


def find(opened: Opened, seeds: Iterator[int], tally: Tally, length: int = LENGTH) -> None:
    """Make walks one after the other; the first that goes wrong is made as short as it gets, and raised."""
    for seed in seeds:
        turns = script(seed, length)
        try:
            with opened() as stage:
                walk(stage, seed, turns, tally)
        except Wrong as wrong:
            raise shortened(opened, seed, turns, wrong) from None


def shortened(opened: Opened, seed: int, turns: Sequence[Turn], wrong: Wrong) -> Wrong:
    """Leave out turns as long as the same thing goes wrong, for some time; return the shortest that did."""
    until = time.monotonic() + PATIENCE
    # What came after it went wrong has no part in it.
    kept, size = list(turns)[: len(wrong.history)], max(1, len(turns) // 2)
    while time.monotonic() < until:
        place = 0
        while place < len(kept) and time.monotonic() < until:
            fewer = kept[:place] + kept[place + size :]
            again = _again(opened, seed, fewer)
            if again is not None and again.kind == wrong.kind:
                kept, wrong = fewer[: len(again.history)], again
            else:
                place += size
        if size == 1:
            break
        size = max(1, size // 2)
    return Wrong(wrong.sentences, [f"seed {seed}, {len(kept)} turns", *wrong.history])


def _again(opened: Opened, seed: int, turns: Sequence[Turn]) -> Wrong | None:
    try:
        with opened() as stage:
            walk(stage, seed, turns)
    except Wrong as wrong:
        return wrong
    return None
