"""Histories where rules meet: what holds after every turn of a walk holds after each of their steps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from appraisal.appraisals.services import conditions
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.indicators.services import appraised_share
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import Stage
from tests.databases import PostgresCopies, SqliteCopies
from tests.lists.files import import_text
from tests.walks import checks, moves
from tests.walks.checks import Watch
from tests.walks.moves import World

LOW: Final = {"CAP_6": "1"}
CHF: Final = [
    {"donor": "Norway", "fund": "XBTC", "modality": "direct", "amount": "900000", "currency": "CHF"}
]


class Told:
    """A history that is being told: everything is looked at after each of its steps."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.watch = stage, Watch(World(stage))
        self.look()

    def look(self) -> None:
        """Look at whatever was moved since the last time, a minute later."""
        self.stage.wait(minutes=1)
        assert list(checks.after_each(self.watch)) == []

    def take(self, who: str, number: str, step: str, **given: Any) -> None:
        """Take a step, and look."""
        casts.take(self.stage, who, number, step, **given)
        self.look()

    def waive(self, number: str, place: int = 0) -> None:
        """Let a manager waive a condition, and look."""
        self._condition(conditions.waive_condition, "chief", number, place)

    def clear(self, number: str, place: int = 0) -> None:
        """Let a coordinator clear a condition, and look."""
        self._condition(conditions.clear_condition, "desk", number, place)

    def _condition(self, act: Callable[..., Any], who: str, number: str, place: int) -> None:
        stage, final = self.stage, casts.load(self.stage, number).finalised
        assert final is not None
        with stage.database.begin() as db:
            given = (db, stage.library, stage.people[who], stage.now, number)
            act(*given, final.conditions[place].id, "Because.")
        stage.wait(minutes=1)
        self.look()


def _three_rounds(told: Told) -> None:
    stage = told.stage
    number = casts.submitted(stage)
    for place in range(3):
        casts.assign(stage, number)
        casts.rate(stage, number, **LOW)
        casts.recommend(stage, number, ["CAP-6"])
        told.take("lead", number, "finalise")
        told.waive(number)
        told.take("lead", number, "recall", note="Again.")
        if place != 1:
            # What is rated well has no condition any more, and then one of its own again.
            casts.rate(stage, number, CAP_6="2" if place else "1", RBM_7="1")
            casts.recommend(stage, number, ["RBM-7"])
        told.take("lead", number, "finalise")
        if place < 2:
            told.take("chief", number, "return", changes=(ChangeAsked("Say more.", "TRI-1"),))
            casts.resubmit(stage, number)
            told.look()
    assert casts.refused(stage, "chief", number, "approve") == ("condition_waived",)
    told.take("chief", number, "propose_override", note="It cannot wait.")
    told.take("deputy", number, "countersign")


def _waived_twice(told: Told) -> None:
    number = casts.awaiting(told.stage, ratings=LOW)
    told.waive(number)
    told.take("lead", number, "recall", note="Again.")
    casts.recommend(told.stage, number, ["CAP-6"])
    told.look()
    told.take("lead", number, "finalise")
    final = casts.load(told.stage, number).finalised
    assert final is not None
    waived = [entry.waived_at is not None for entry in final.conditions]
    assert waived == [True, False]
    told.waive(number, 1)
    told.take("chief", number, "propose_override", note="It cannot wait.")
    told.take("deputy", number, "countersign")


def _two_on_one_item(told: Told) -> None:
    stage = told.stage
    number = casts.rated(stage, ratings=LOW)
    casts.recommend(stage, number, ["CAP-6", "CAP-6"])
    told.take("lead", number, "finalise")
    told.take("chief", number, "approve")
    told.clear(number, 1)
    told.clear(number, 0)


def _override_after_annulment(told: Told) -> None:
    stage, number = told.stage, casts.overridden(told.stage)
    told.look()
    told.take("chief", number, "propose_annulment", note="A mistake.")
    told.take("deputy", number, "annul")
    for step in ("propose_override", "countersign", "approve"):
        assert casts.refused(stage, "chief", number, step, note="It cannot wait.") != ()
    told.take("desk", number, "register_approval", approval=ApprovalGiven("Minute 3", "Registry", stage.now))
    told.take("desk", number, "propose_correction", note="Another one.")
    told.take("all", number, "confirm_correction")
    assert casts.load(stage, number).state == "annulled"
    told.take("desk", number, "register_approval", approval=ApprovalGiven("Minute 4", "Registry", None))


def _rate_between(told: Told) -> None:
    stage, today = told.stage, told.stage.now.date()
    casts.enter_rate(stage, "CHF", today - timedelta(days=30), "1.05")
    number = casts.outside(stage, contributions=CHF)
    told.look()
    casts.enter_rate(stage, "CHF", today, "1.5")
    told.look()
    told.take("chief", number, "propose_annulment", note="A mistake.")
    casts.enter_rate(stage, "CHF", today - timedelta(days=30), "0.5", reason="A slip.")
    told.look()
    told.take("deputy", number, "annul")
    told.take("desk", number, "register_approval", approval=ApprovalGiven("Minute 3", "Registry", stage.now))


def _list_corrected(told: Told) -> None:
    stage, key = told.stage, "ras/10/01/fin"
    heading = "symbol,title,fund,amount,currency,opened_on\n"
    import_text(stage, "projects", f"{heading}{key},Skills,XBTC,900000,USD,2010-01-20\n")
    with stage.database.begin() as db:
        outside_approvals.register_project(db, stage.library, stage.people["desk"], stage.now, key)
    told.look()
    for row in (
        f"{key},Skills,XBTC,12,USD,2010-01-20\n",
        f"{key},Skills,RBTC,12,USD,2009-01-20\n",
        f"{key},Skills,RBSA,12,USD,\n",
        "ras/10/02/fin,Another,XBTC,12,USD,2010-01-20\n",
    ):
        stage.wait(minutes=1)
        import_text(stage, "projects", heading + row, whole=True)
        told.look()


def _published_twice(told: Told) -> None:
    stage, desk = told.stage, told.stage.people["desk"]
    casts.approved(stage, content={"alignment": {"resource_gap": "G-1", "resource_gap_amount": "200000"}})
    told.look()
    # The gap stays filled, or open, and is worth something else.
    for amount in ("100000", "150000", "300000", "400000"):
        import_text(stage, "gaps", f"gap,outcome,amount,recorded_on\nG-1,1,{amount},2010-01-15\n")
        told.look()
        appraised_share.publish(stage.database, stage.library, desk, stage.now, "1.1", "2010-11")
        told.look()


def _published_meanwhile(told: Told) -> None:
    stage = told.stage
    for dice in range(3):
        moves.publish_meanwhile(told.watch.world, Random(dice))
        stage.wait(minutes=1)
        told.look()
        appraised_share.publish(
            stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
        )
        stage.wait(minutes=1)


def _people_of_one_name(told: Told) -> None:
    stage = told.stage
    # Mara, who decides, bears the name of Ana, who writes; and Lia, who leads, that of Ben.
    number = casts.submitted(stage, "ana")
    casts.assign(stage, number, lead="lia")
    casts.rate(stage, number, who="lia")
    told.take("lia", number, "finalise")
    told.take("mara", number, "approve")
    told.take("desk", number, "send_to_donor")
    told.take("desk", number, "fund", agreement=Agreement(stage.now.date(), "Agreement 1"))


def _edges_of_days(told: Told) -> None:
    stage = told.stage
    for moment in (
        # The night that has no two o'clock in Geneva, the one that has it twice, and the last and the first
        # minute of a year there, within a biennium and between two.
        datetime(2010, 3, 28, 0, 59, tzinfo=UTC),
        datetime(2010, 3, 28, 1, 0, tzinfo=UTC),
        datetime(2010, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2010, 10, 31, 1, 30, tzinfo=UTC),
        datetime(2010, 12, 31, 22, 59, tzinfo=UTC),
        datetime(2010, 12, 31, 23, 0, tzinfo=UTC),
        datetime(2011, 12, 31, 22, 59, tzinfo=UTC),
        datetime(2011, 12, 31, 23, 0, tzinfo=UTC),
    ):
        # What came before took some minutes itself.
        stage.now = max(stage.now, moment)
        casts.outside(stage, title=f"Approved at {moment}")
        told.look()
        wrong = casts.outside(stage, title=f"Registered by mistake at {moment}")
        told.take("desk", wrong, "correct_registration", note="A slip.")
        moves.tick(told.watch.world)
        told.look()
    with stage.database.read() as db:
        found = {
            of: appraised_share.value(db, stage.library, "2.1", of)["denominator"] for of in checks.BIENNIA
        }
    assert found == {"2010-11": 7, "2012-13": 1}


HISTORIES: Final = (
    _three_rounds,
    _waived_twice,
    _two_on_one_item,
    _override_after_annulment,
    _rate_between,
    _list_corrected,
    _published_twice,
    _published_meanwhile,
    _people_of_one_name,
    _edges_of_days,
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__.strip("_"))
def test_everything_holds_after_each_step_of(
    history: Callable[[Told], None], copies: SqliteCopies | PostgresCopies, library: Library, files: Files
) -> None:
    with copies.copied(moves.create_people) as database:
        told = Told(casts.opened_stage(database, library, files))
        history(told)
        assert list(checks.at_end(told.watch)) == []
