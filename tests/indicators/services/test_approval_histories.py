"""Short random histories: what a plain reading of the events says stands is what every figure says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import Any

import pytest

from appraisal.clock import geneva_date
from appraisal.database.as_of import Past
from appraisal.indicators.rules import pipeline as rules
from appraisal.indicators.services import appraised_share, other_indicators
from appraisal.indicators.store import approvals, pipeline
from appraisal.lists.services import matching
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_cases
from appraisal.vocabulary.biennium import biennium_of
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text

BIENNIA = ("2010-11", "2012-13", "2014-15")
SCOPE = frozenset({"XBTC", "RBSA"})
PROPOSALS, STEPS = 6, 9


@dataclass
class Read:
    """What somebody makes of the events of one proposal who reads them one after the other."""

    submitted: datetime | None = None
    appraised: bool = False
    approval: Mapping[str, Any] | None = None
    approved_by: tuple[str, datetime] | None = None
    with_donor: bool = False
    agreed_on: date | None = None
    decided: dict[str, Any] = field(default_factory=dict)

    def end(self) -> None:
        self.approval, self.approved_by, self.with_donor, self.agreed_on = None, None, False, None

    @property
    def stages(self) -> frozenset[str]:
        reached = {
            "submitted": self.submitted is not None,
            "appraised": self.appraised,
            "approved": self.approval is not None,
            "with_donor": self.with_donor,
            "funded": self.agreed_on is not None,
        }
        return frozenset(name for name, is_so in reached.items() if is_so)

    @property
    def cell(self) -> tuple[str, str] | None:
        """Return in which biennium and group the figure has it; no biennium for an undated one."""
        if self.approval is None:
            return None
        at = self.approval["approved_at"]
        if at is None:
            return ("", "undated")
        return biennium_of(geneva_date(datetime.fromisoformat(at))), str(self.approval["route"])


def read(events: Sequence[Any]) -> Read:
    found = Read()
    for name, at, body in events:
        match name:
            case "submit":
                found.submitted = found.submitted or at
            case "finalise" | "request_revision":
                found.appraised = True
            case "approve" | "countersign" | "register_approval":
                found.approval, found.approved_by = json.loads(body)["facts"]["approval"], (name, at)
            case "send_to_donor":
                found.with_donor = True
            case "fund":
                found.agreed_on = date.fromisoformat(json.loads(body)["facts"]["agreed_on"])
            case "annul" | "correct_registration" | "confirm_correction":
                found.end()
        if name in ("approve", "countersign", "reject"):
            found.decided = {"biennium": biennium_of(geneva_date(at)), "is_approved": name != "reject"}
        if name == "annul" and found.decided:
            found.decided["is_approved"] = False
    return found


def appraise(stage: Stage, number: str) -> None:
    casts.assign(stage, number)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")


def lapse(stage: Stage, number: str) -> None:
    """Let a proposal that was sent back lapse; it is opened again and submitted."""
    casts.take(stage, "desk", number, "return_incomplete", missing="A paper.")
    stage.wait(days=95)
    casts.take(stage, "system", number, "lapse")
    casts.take(stage, "desk", number, "reopen")
    casts.take(stage, "ana", number, "submit")


def annul(stage: Stage, number: str) -> None:
    casts.take(stage, "chief", number, "propose_annulment", note="A mistake.")
    casts.take(stage, "deputy", number, "annul")


def correct(stage: Stage, number: str) -> None:
    casts.take(stage, "desk", number, "propose_correction", note="A slip.")
    casts.take(stage, "chief", number, "confirm_correction")


def step(stage: Stage, number: str, dice: Random) -> None:
    """Take a step that is open to a proposal."""
    state, is_outside = casts.load(stage, number).state, casts.load(stage, number).registration is not None

    def register() -> None:
        at = None if dice.random() < 0.2 else stage.now
        given = ApprovalGiven("Minute 9", "Registry", at)
        casts.take(stage, "desk", number, "register_approval", approval=given)

    def fund() -> None:
        casts.take(stage, "desk", number, "fund", agreement=Agreement(stage.now.date(), "Agreement 1"))

    def plainly(who: str, name: str, **given: Any) -> Any:
        return lambda: casts.take(stage, who, number, name, **given)

    ways: Mapping[str, Sequence[Any]] = {
        "draft": (plainly("ana", "submit"), plainly("ana", "submit"), register),
        "submitted": (
            lambda: appraise(stage, number),
            lambda: appraise(stage, number),
            lambda: lapse(stage, number),
            plainly("ana", "withdraw", note="No more."),
            register,
        ),
        "awaiting_decision": (
            plainly("chief", "approve"),
            plainly("chief", "approve"),
            plainly("chief", "reject", note="No."),
            register,
        ),
        "approved": (
            (lambda: annul(stage, number), lambda: correct(stage, number))
            if is_outside
            else (plainly("desk", "send_to_donor"), lambda: annul(stage, number))
        ),
        "sent_to_donor": (fund, fund, lambda: annul(stage, number)),
        "funded": (lambda: annul(stage, number),),
        **dict.fromkeys(("rejected", "withdrawn", "annulled"), (register,)),
    }
    dice.choice(ways[state])()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
def test_every_figure_has_what_the_events_say_stands(stage: Stage, seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - the same steps in each run
    gaps = "".join(f"OBW {place},1,1000,2010-01-15\n" for place in range(PROPOSALS))
    import_text(stage, "gaps", "gap,outcome,amount,recorded_on\n" + gaps)
    numbers = [
        casts.draft(
            stage,
            title=f"Proposal {place}",
            content={
                "alignment": {"resource_gap": f"OBW {place}", "resource_gap_amount": "1000"},
                "identification": {"symbol": f"RAS/10/0{place}/FIN"},
            },
        )
        for place in range(PROPOSALS)
    ]
    moments = []
    for _ in range(STEPS):
        for number in numbers:
            step(stage, number, dice)
        stage.wait(days=dice.choice((0, 10, 150)))
        moments.append(stage.now)
    rows = "".join(f"RAS/10/0{place}/FIN,P,XBTC,2010-01-30,100\n" for place in range(PROPOSALS))
    import_text(stage, "projects", "symbol,title,fund,opened_on,amount\n" + rows)
    agree(stage, numbers, None)
    for moment in dice.sample(moments[:-1], 2):
        agree(stage, numbers, moment)


def agree(stage: Stage, numbers: Sequence[str], moment: datetime | None) -> None:
    """Compare every figure, now or as of a moment, with what the events of then say."""
    past = Past(moment=moment) if moment else None
    with stage.database.read() as db:
        cases = {case.number: case for case in load_cases(db)}
        told = {
            number: read(
                [
                    (entry.name, entry.at, body.body)
                    for entry, body in zip(
                        lists.history_of(db, case.id), lists.chain_of(db, case.id), strict=True
                    )
                    if moment is None or entry.at <= moment
                ]
            )
            for number, case in cases.items()
        }
        for biennium in BIENNIA:
            found = appraised_share.report(db, stage.library, "2.1", biennium, past)
            grouped = {
                (biennium if group != "undated" else "", group): {
                    entry.number for entry in getattr(found, group)
                }
                for group in ("mechanism", "override", "outside", "undated")
            }
            for place, listed in grouped.items():
                assert listed == {number for number in numbers if told[number].cell == place}, place
            decided = [entry.decided for entry in told.values() if entry.decided.get("biennium") == biennium]
            rate = found.figures.approved_of_appraised
            assert rate.denominator == len(decided)
            assert rate.numerator == sum(entry["is_approved"] for entry in decided)
        for funded in other_indicators.funded(db, stage.library, past):
            assert funded.on == told[funded.number].agreed_on
        assert {entry.number for entry in other_indicators.funded(db, stage.library, past)} == {
            number for number in numbers if told[number].agreed_on
        }
        if moment is not None:
            return
        assert appraised_share.differences(db) == []
        for number, case in cases.items():
            by = told[number].approved_by
            assert (case.approval and (case.approval.kind, case.approval.at)) == by
        standing = {number for number in numbers if told[number].approval}
        assert {entry.number for entry in approvals.approvals(db) if entry.route} == standing
        flow = stage.library.newest_workflow()
        for biennium in BIENNIA:
            reached = pipeline.reached(db, None, biennium, {flow.key: rules.marks(flow)})
            counted: dict[frozenset[str], int] = {}
            for entry in told.values():
                if entry.submitted and biennium_of(geneva_date(entry.submitted)) == biennium:
                    counted[entry.stages] = counted.get(entry.stages, 0) + 1
            assert {frozenset(entry.stages): entry.count for entry in reached} == counted
        unapproved = {entry.number for entry in matching.unapproved(db, "2010-11", SCOPE)}
        entered = {number for number, case in cases.items() if case.pinned}
        assert unapproved == entered - standing
