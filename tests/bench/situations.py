"""Situations that a proposal may be in, each brought about through the services, and how common each is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from appraisal.appraisals.services import conditions, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.proposals.rules import rulebook
from appraisal.proposals.rules.attempt import Agreement, ChangeAsked
from tests import casts
from tests.casts import Stage

# Names and amounts that stand nowhere else, so that they are found wherever they are quoted.
DONOR, PARTNER, UNIT = "Qdonor", "Qpartner", "Qunit"
# One amount for each track, and two that make up a third; every other one is of the same track.
FAST, STANDARD, REINFORCED, ONE_PART, OTHER_PART = 313_457, 913_457, 5_913_457, 413_457, 510_021
REASON: Final = "Because."

Build = Callable[[Stage, Mapping[str, Any]], str]


class Situation(NamedTuple):
    """How many in a thousand are in it, whether it is work that goes on now, and how it comes about.

    ``build`` is given a stage and the short names of ``neutral_content``, and returns the number.
    """

    weight: int
    is_open: bool
    build: Build
    given: Mapping[str, Any] = {}


def _submitted(stage: Stage, given: Mapping[str, Any]) -> str:
    number = casts.submitted(stage, **given)
    stage.wait(days=1)
    return number


def _assigned(stage: Stage, given: Mapping[str, Any]) -> str:
    number = _submitted(stage, given)
    casts.assign(stage, number)
    stage.wait(days=2)
    return number


def _reviewed(stage: Stage, given: Mapping[str, Any]) -> str:
    """Have somebody else review one checklist before the lead rates."""
    number, reviewer = _assigned(stage, given), stage.people["eval"]
    case = casts.load(stage, number)
    chosen = rulebook.rulebook(stage.library, case.workflow, case.set).criteria[0].checklist
    due = geneva_date(stage.now) + timedelta(days=5)
    _act(stage, reviews.ask, "desk", number, reviewer, [chosen.code], due)
    _act(stage, reviews.declare, "eval", number, conflict=None)
    _act(stage, reviews.rate, "eval", number, {item.id: RatingPut("2", REASON) for item in chosen.items})
    _act(stage, reviews.sign, "eval", number, "We agree.")
    return number


def _act(stage: Stage, service: Callable[..., Any], who: str, *rest: Any, **named: Any) -> None:
    with stage.database.begin() as db:
        service(db, stage.library, stage.people[who], stage.now, *rest, **named)
    stage.wait(minutes=20)


def _rated(low: str = "", begin: Build = _assigned) -> Build:
    """Rate all items, one of them low and with a condition where it is named."""

    def build(stage: Stage, given: Mapping[str, Any]) -> str:
        number = begin(stage, given)
        casts.rate(stage, number, **({low.replace("-", "_"): "1"} if low else {}))
        if low:
            casts.recommend(stage, number, [low])
        stage.wait(days=1)
        return number

    return build


def _revising(rounds: int = 1) -> Build:
    """Request a revision, round after round."""

    def build(stage: Stage, given: Mapping[str, Any]) -> str:
        number = casts.revision(stage, **given)
        for _ in range(rounds - 1):
            stage.wait(days=3)
            casts.resubmit(stage, number)
            casts.assign(stage, number)
            casts.rate(stage, number, TRI_1="1")
            casts.recommend(stage, number, ["TRI-1"])
            changes = (ChangeAsked("Mend this.", "TRI-1"),)
            casts.take(stage, "lead", number, "request_revision", changes=changes)
        return number

    return build


def _revised(stage: Stage, given: Mapping[str, Any]) -> str:
    """Bring a proposal to where its second version is appraised."""
    number = _revising()(stage, given)
    stage.wait(days=7)
    casts.resubmit(stage, number)
    stage.wait(days=1)
    casts.assign(stage, number)
    return number


def _against(stage: Stage, given: Mapping[str, Any]) -> str:
    return casts.not_recommended(stage, **given)


def _outside(undated: bool) -> Build:
    return lambda stage, given: casts.outside(stage, undated=undated, **given)


def _further(begin: Build, *steps: str) -> Build:
    """Take further steps, each a day after the last; *clear* closes every condition."""

    def build(stage: Stage, given: Mapping[str, Any]) -> str:
        number = begin(stage, given)
        for step in steps:
            stage.wait(days=200 if step == "lapse" else 1)
            if step != "clear":
                casts.take(stage, _TAKEN_BY[step], number, step, **_inputs(stage, step))
                continue
            for condition in casts.load(stage, number).appraisals[-1].conditions:
                _act(stage, conditions.clear_condition, "desk", number, condition.id, "Letter.")
        return number

    return build


_TAKEN_BY: Final = {
    "finalise": "lead",
    **dict.fromkeys(("approve", "reject", "propose_override", "propose_annulment"), "chief"),
    **dict.fromkeys(("countersign", "annul"), "deputy"),
    **dict.fromkeys(("send_to_donor", "fund", "decline_funding", "start"), "desk"),
    **dict.fromkeys(("return_incomplete", "hold"), "desk"),
    "withdraw": "ana",
    "lapse": "system",
}


def _inputs(stage: Stage, step: str) -> dict[str, Any]:
    today = geneva_date(stage.now)
    match step:
        case "fund" | "decline_funding":
            return {"agreement": Agreement(today, "Agreement 1")}
        case "return_incomplete":
            return {"missing": "A letter of the ministry."}
        case "hold":
            return {"until": today + timedelta(days=40), "note": REASON}
        case "reject" | "withdraw" | "propose_override" | "propose_annulment":
            return {"note": REASON}
        case _:
            return {}


_SENT: Final = ("finalise", "approve", "send_to_donor")
_FUNDED: Final = (*_SENT, "fund")
_CLEARED: Final = ("clear", "send_to_donor", "fund")
_FAST, _LARGE = {"budget": str(FAST)}, {"budget": str(REINFORCED)}
_JOINT: Final = {
    "contributions": [
        {"donor": DONOR, "amount": str(ONE_PART), "currency": "USD"},
        {"donor": PARTNER, "amount": str(OTHER_PART), "currency": "USD", "fund": "RBSA", "modality": "rbsa"},
    ],
    "budget": str(ONE_PART + OTHER_PART),
}
SITUATIONS: Final[Sequence[Situation]] = (
    Situation(35, True, lambda stage, given: casts.draft(stage, **given)),
    Situation(30, True, _submitted),
    Situation(12, True, _further(_submitted, "return_incomplete")),
    Situation(10, True, _further(_submitted, "hold")),
    Situation(30, True, _assigned),
    Situation(12, True, _rated(begin=_reviewed)),
    Situation(15, True, _rated("CAP-6"), _LARGE),
    Situation(25, True, _revising()),
    Situation(4, True, _revising(rounds=3)),
    Situation(20, True, _further(_rated(), "finalise")),
    Situation(12, True, _further(_rated("CAP-6", _revised), "finalise")),
    Situation(5, True, _further(_against, "propose_override")),
    Situation(25, True, _further(_rated(), "finalise", "approve")),
    Situation(15, True, _further(_rated("CAP-6"), "finalise", "approve")),
    Situation(20, True, _further(_rated(), *_SENT)),
    Situation(140, False, _further(_rated(), *_FUNDED)),
    Situation(110, False, _further(_rated(), *_FUNDED), _FAST),
    Situation(60, False, _further(_rated(), *_FUNDED), _JOINT),
    Situation(60, False, _further(_rated("CAP-6"), "finalise", "approve", *_CLEARED)),
    Situation(40, False, _further(_rated(begin=_revised), *_FUNDED)),
    Situation(40, False, _further(_rated(begin=_reviewed), *_FUNDED, "start")),
    Situation(50, False, _further(_rated(), *_FUNDED, "start"), _LARGE),
    Situation(25, False, _further(_rated(), *_SENT, "decline_funding")),
    Situation(25, False, _further(_against, "propose_override", "countersign", *_CLEARED)),
    Situation(50, False, _further(_against, "reject")),
    Situation(40, False, _further(_submitted, "withdraw")),
    Situation(10, False, _further(_submitted, "return_incomplete", "lapse")),
    Situation(10, False, _further(_rated(), "finalise", "approve", "propose_annulment", "annul")),
    Situation(60, False, _outside(undated=False)),
    Situation(10, False, _outside(undated=True), _JOINT),
)
