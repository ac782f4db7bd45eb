"""Walks with substitutions: however people stand in for each other, too few never bring about an approval.

Everybody here holds every role, so that nothing but relations and substitutions keeps them apart.
Whoever did a thing counts together with whom it was done for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.accounts.services import accounts
from appraisal.accounts.services.substitutes import end_substitution
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.errors import NotFound
from appraisal.people.facts import SYSTEM_ACTOR, Scope
from appraisal.people.store.substitutes import standing
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, acting_for, routes, rulebook
from appraisal.proposals.rules.acting_for import lead_of
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_cases
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules import machine
from tests import casts
from tests.casts import START, Stage
from tests.databases import SqliteCopies
from tests.trail.store.test_chains import PATIENT

MIGHTY: Final = ("uma", "vik", "wen", "xia", "yve")
ROLES: Final = ("designer", "coordinator", "appraiser", "manager")
# What ends a proposal, or brings it nowhere; and what brings it back, taken now and then only.
AVOIDED: Final = frozenset({"withdraw", "register_approval", "hold", "return_incomplete", "reject", "recall"})
BACK: Final = frozenset(
    {
        "reassign",
        "return",
        "request_revision",
        "continue_rounds",
        "escalate",
        "withdraw_signature",
        "decline_signature",
    }
)
LENGTH: Final = 40


def create_people(database: Database) -> None:
    """Create the cast, and people who hold every role."""
    casts.create_people(database)
    with database.begin() as db:
        for key in MIGHTY:
            accounts.create_person(
                db, SYSTEM_ACTOR, START, email=f"{key}@example.org", name=key.title(), roles=ROLES
            )


@dataclass
class Walk:
    """A stage with one proposal on it, and the dice."""

    stage: Stage
    luck: Random
    number: str
    done: Counter[str] = field(default_factory=Counter)

    def somebody(self) -> str:
        """Return anybody who holds every role."""
        return self.luck.choice(MIGHTY)


def name(walk: Walk) -> None:
    """Let somebody have a substitute for some days around now: for what is to be done next, mostly."""
    stage, case = walk.stage, casts.load(walk.stage, walk.number)
    lead = lead_of(case)
    soon: Scope = "appraisals" if case.appraisal else "decisions"
    scope: Scope = walk.luck.choice((soon, soon, "appraisals", "decisions"))
    leading = [key for key in MIGHTY if stage.people[key].id == lead]
    person = leading[0] if leading and scope == "appraisals" else walk.somebody()
    first = walk.luck.choice((-1, 0, 0, 1))
    last = first + walk.luck.choice((0, 2, 10, 30))
    casts.substitute(stage, person, walk.somebody(), scope, by="admin", first=first, last=last)
    walk.done["named"] += 1


def end(walk: Walk) -> None:
    """End a substitution early."""
    scope: Scope = walk.luck.choice(("appraisals", "decisions"))
    with walk.stage.database.begin() as db:
        if found := standing(db, scope):
            id = walk.luck.choice(found).id
            end_substitution(db, walk.stage.people["admin"], walk.stage.now, id)


def wait(walk: Walk) -> None:
    """Let some days pass."""
    walk.stage.wait(days=walk.luck.choice((1, 3, 9)))


def appraise(walk: Walk) -> None:
    """Let somebody who may rate everything, and whoever is no author answer for the units.

    Where there is nothing to appraise, somebody names a substitute instead.
    """
    stage, case = walk.stage, casts.load(walk.stage, walk.number)
    if case.appraisal is None:
        name(walk)
        return
    raters = [key for key in MIGHTY if access.may_rate(case, stage.people[key], stage.now)]
    answerers = [key for key in MIGHTY if stage.people[key].id not in case.related("author")]
    if not raters or not answerers:
        return
    others = [key for key in raters if stage.people[key].id != case.appraisal.lead]
    who = walk.luck.choice(others or raters)
    walk.done["rated for the lead"] += stage.people[who].id != case.appraisal.lead
    low = walk.luck.choice(({}, {"TRI_1": "1"}))
    casts.rate(stage, walk.number, "2", who, **low)
    casts.recommend(stage, walk.number, (), who, chosen="NOT_RECOMMENDED" if low else "")
    with stage.database.begin() as db:
        for entry in case.appraisal.consultations:
            if entry.answered_at is None:
                answerer = stage.people[walk.luck.choice(answerers)]
                appraisals_lead.answer_consultation(
                    db, stage.library, answerer, stage.now, walk.number, entry.id, "Fine."
                )


def go_on(walk: Walk) -> None:
    """Take one of the steps that are open to anybody, now and then for somebody else."""
    stage, case = walk.stage, casts.load(walk.stage, walk.number)
    book = rulebook.rulebook(stage.library, case.workflow, case.set)
    found = [
        (key, entry.transition)
        for key in MIGHTY
        for entry in machine.allowed(book, case, stage.people[key], stage.now)
        if entry.is_open and entry.transition.name not in AVOIDED
    ]
    if not found:
        return
    onward = [entry for entry in found if entry[1].name not in BACK]
    instead = [
        entry for entry in onward if acting_for.places(case, stage.people[entry[0]], entry[1], stage.now)
    ]
    if not instead and walk.luck.random() < 0.6:
        name(walk)
        return
    chosen = instead if instead and walk.luck.random() < 0.8 else onward
    who, transition = walk.luck.choice(chosen if chosen and walk.luck.random() < 0.9 else found)
    places = sorted(acting_for.places(case, stage.people[who], transition, stage.now))
    after = casts.take(
        stage,
        who,
        walk.number,
        transition.name,
        note="Because.",
        lead=walk.somebody(),
        changes=(ChangeAsked("Say more.", "TRI-1"),),
        behalf=walk.luck.choice(places) if places and walk.luck.random() < 0.7 else None,
    )
    walk.done[transition.name] += 1
    if after.steps[-1].behalf is not None:
        walk.done[f"{transition.name} for somebody"] += 1


def answer(walk: Walk) -> None:
    """Answer what was asked, so that the proposal can be submitted again."""
    authors = casts.load(walk.stage, walk.number).related("author")
    who = next(key for key in MIGHTY if walk.stage.people[key].id in authors)
    casts.answer_changes(walk.stage, walk.number, who)


MOVES: Final[tuple[Callable[[Walk], None], ...]] = (
    *[go_on] * 7,
    *[appraise] * 4,
    *[name] * 6,
    end,
    wait,
    answer,
    answer,
)


def _groups(pairs: Iterable[tuple[int, int | None]]) -> dict[int, int]:
    """Return for everybody a number that is the same for all who count as one."""
    group: dict[int, int] = {}
    for one, other in pairs:
        for person in (one, other):
            if person is not None:
                group.setdefault(person, person)
        if other is not None:
            old, new = group[other], group[one]
            group = {person: new if known == old else known for person, known in group.items()}
    return group


def _pairs(case: Case) -> Iterator[tuple[str, int, int | None]]:
    """Yield who did what the approval relies on, and for whom: author, lead, signature, approval."""
    approval = case.approval
    assert approval is not None
    version = next(entry for entry in case.versions if entry.id == approval.version_id)
    appraisal = next(entry for entry in case.appraisals if entry.id == approval.appraisal_id)
    yield "author", version.by, None
    closed = next(step for step in case.steps if step.at == appraisal.finalised_at)
    yield "lead", closed.by, closed.behalf
    for rating in appraisal.ratings.values():
        assert rating.by is not None
        yield "lead", appraisal.lead, rating.by
    if approval.kind == "countersign":
        first = [
            entry for entry in case.decisions if entry.kind == "propose_override" and entry.id < approval.id
        ][-1]
        yield "signature", first.by, first.behalf
    yield "approval", approval.by, approval.behalf


def check(case: Case, stage: Stage) -> str:
    """Count the groups that an approval took; return its route."""
    found = routes.route(case, rulebook.rulebook(stage.library, case.workflow, case.set))
    if found is None:
        return ""
    assert found.kind in ("mechanism", "override")
    done = list(_pairs(case))
    group = _groups((one, other) for _, one, other in done)
    parts = {part: {group[one] for name, one, _ in done if name == part} for part, _, _ in done}
    assert all(len(groups) == 1 for groups in parts.values())
    assert len(set().union(*parts.values())) == len(parts) == (4 if found.kind == "override" else 3)
    for part, one, other in done:
        if part != "author":
            assert not {one, other} & case.related("author")
        if part in ("signature", "approval"):
            assert not {one, other} & case.related("lead")
    return found.kind


def check_visibility(stage: Stage) -> None:
    """Compare what lists show with what the rules say, of those on duty too."""
    casts.refresh(stage)
    with stage.database.read() as db:
        cases = load_cases(db)
        for person in stage.people.values():
            listed = {entry.number: entry.full for entry in lists.list_proposals(db, person)[0]}
            levels = {case.number: access.level(case, person) for case in cases}
            assert listed == {
                number: level == "full" for number, level in levels.items() if level != "nothing"
            }


@pytest.mark.thorough
def test_too_few_never_bring_about_an_approval(
    sqlite_copies: SqliteCopies, library: Library, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done: Counter[str] = Counter()

    @settings(PATIENT, max_examples=30)
    @given(luck=st.randoms(use_true_random=True))
    def walk_about(luck: Random) -> None:
        with sqlite_copies.copied(create_people) as database:
            stage = casts.opened_stage(database, library, Files(tmp_path_factory.mktemp("files")))
            walk = Walk(stage, luck, casts.submitted(stage, MIGHTY[0]), done)
            casts.assign(stage, walk.number, lead=MIGHTY[1])
            for _ in range(LENGTH):
                if casts.load(stage, walk.number).approval is not None:
                    break
                try:
                    luck.choice(MOVES)(walk)
                except (NotAllowed, NotFound):
                    done["refused"] += 1
                stage.wait(minutes=1)
                casts.refresh(stage)
            done[f"route {check(casts.load(stage, walk.number), stage)}"] += 1
            check_visibility(stage)

    walk_about()
    # The walks go where something could go wrong.
    assert min(done[what] for what in ("named", "rated for the lead", "finalise for somebody")) > 0, done
    deciding = ("approve", "propose_override", "countersign")
    assert sum(done[f"{what} for somebody"] for what in deciding) > 0, done
    assert min(done["route mechanism"], done["route override"]) > 0, done
