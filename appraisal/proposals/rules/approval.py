"""An approval tells enough of a proposal that the trail alone gives the indicator."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from appraisal.clock import geneva_date, parse_stamp
from appraisal.proposals.facts import Case, Contribution, Decision
from appraisal.proposals.rules import form, routes, track_and_money
from appraisal.proposals.rules.routes import Reason, RouteKind
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.track_and_money import Rate
from appraisal.trail.rules import approvals
from appraisal.vocabulary.biennium import biennium_of

# What the decision on an appraisal came to (empty: none was taken). An annulled one approves nothing.
Decided = Literal["", "approved", "not_approved"]


@dataclass(frozen=True, slots=True)
class Approval:
    """What the indicator needs to know of one proposal; not approved ones count by their state only.

    ``approved_at`` None with a route means that the date is not known. ``donors``: each with its part
    of ``usd``, in the order of the form. ``decided``: what the last decision on an appraisal came to,
    whatever was registered or corrected beside it, and ``decided_at`` when it was taken. ``workflow`` is the
    one that the proposal pinned, by which its state is to be read.
    """

    number: str
    title: str
    state: str
    funds: frozenset[str]
    usd: Decimal
    route: RouteKind | None = None
    reason: Reason = ""
    approved_at: datetime | None = None
    umbrella: bool = False
    illustrative: bool = False
    region: str = ""
    unit: str = ""
    track: str = ""
    donors: tuple[tuple[str, Decimal], ...] = ()
    decided: Decided = ""
    decided_at: datetime | None = None
    workflow: str = ""

    @property
    def biennium(self) -> str:
        """Return the biennium of the approval; empty for an undated one."""
        return biennium_at(self.approved_at)


def biennium_at(moment: datetime | None) -> str:
    """Return the biennium in which a moment lies in Geneva; an empty text for none."""
    return biennium_of(geneva_date(moment)) if moment else ""


def is_counted(case: Case) -> bool:
    """Tell whether the indicator knows a proposal: once it was submitted, or its approval registered.

    One that came of a registration which was corrected counts nowhere.
    """
    return case.pinned and case.voided_at is None


def approval_of(case: Case, book: Rulebook) -> Approval:
    """Derive what the indicator needs from the facts of a proposal."""
    approval, found = case.approval, routes.route(case, book)
    if approval is None or found is None:
        umbrella = _is_umbrella(case.version.content if case.version else case.content)
        return unapproved(
            case.number,
            case.state,
            umbrella=umbrella,
            illustrative=case.illustrative,
            workflow=case.workflow,
            **last_decision(case.decisions),
        )
    version = next((entry for entry in case.versions if entry.id == approval.version_id), case.version)
    content = version.content if version else case.content
    given = version.contributions if version else approval.contributions or ()
    entry = outside(case.number, case.state, content, given, approval.approved_at)
    return replace(
        entry,
        usd=version.usd if version else entry.usd,
        route=found.kind,
        reason=found.reason,
        illustrative=case.illustrative,
        # What a coordinator or a sibling made stricter since the version was frozen is the track it took.
        track=case.track,
        workflow=case.workflow,
        **last_decision(case.decisions),
    )


def last_decision(trail: Iterable["Told | Decision"]) -> dict[str, Any]:
    """Return what the last decision on an appraisal of a proposal came to, and when it was taken."""
    last, stands = approvals.decision(trail)
    if last is None:
        return {}
    return {"decided": "approved" if stands else "not_approved", "decided_at": last.at}


def outside(
    number: str,
    state: str,
    content: form.Content,
    given: Sequence[Contribution],
    approved_at: datetime | None,
) -> Approval:
    """Return what the indicator needs of an approval given outside, by its form and its frozen money."""
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for entry in given:
        parts[entry.donor] += entry.usd or 0
    return Approval(
        number=number,
        title=str(form.value(content, "identification.title")),
        state=state,
        funds=track_and_money.funds(given),
        usd=track_and_money.total_usd(given),
        route="outside",
        reason="registered",
        approved_at=approved_at,
        umbrella=_is_umbrella(content),
        region=str(form.value(content, "identification.region")),
        unit=str(form.value(content, "identification.unit")),
        donors=tuple(parts.items()),
    )


def _is_umbrella(content: form.Content) -> bool:
    return str(form.value(content, "identification.kind")) == "umbrella"


def told(approval: Approval) -> dict[str, Any]:
    """Return what the event of an approval says of it, so that the trail alone gives the indicator."""
    return {
        "title": approval.title,
        "funds": approval.funds,
        "usd": approval.usd,
        "route": approval.route,
        "reason": approval.reason,
        "approved_at": approval.approved_at,
        "umbrella": approval.umbrella,
        "illustrative": approval.illustrative,
        "region": approval.region,
        "unit": approval.unit,
        "track": approval.track,
        "donors": [list(entry) for entry in approval.donors],
    }


def heard(number: str, workflow: str, state: str, said: Mapping[str, Any]) -> Approval:
    """Read back what :func:`told` said of a proposal that stands in a state of a workflow."""
    given = dict(said)
    at = given.pop("approved_at")
    return Approval(
        number=number,
        workflow=workflow,
        state=state,
        funds=frozenset(given.pop("funds")),
        usd=Decimal(given.pop("usd")),
        approved_at=parse_stamp(at) if at else None,
        donors=tuple((donor, Decimal(usd)) for donor, usd in given.pop("donors")),
        **given,
    )


def told_by_sheet(sheet: Mapping[str, Any], rates: Sequence[Rate], created_at: datetime) -> dict[str, Any]:
    """Return what the decision sheet of an approval says of it, in the form of :func:`told`.

    Before events said it themselves, the sheet alone did, whose digest they name. Without a version, the
    approval is worth what the form says at the rates of its day.
    """
    proposal, decision = sheet["proposal"], sheet["decision"]
    at, content = decision["approved_at"], proposal["content"]
    day = geneva_date(parse_stamp(at) if at else created_at)
    given = (
        [(entry["donor"], entry["fund"], Decimal(entry["usd"] or 0)) for entry in proposal["contributions"]]
        if proposal["version"]
        else [
            (entry.donor, entry.fund, entry.usd or Decimal(0))
            for entry in track_and_money.contributions(content, rates, day)
        ]
    )
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for donor, _, usd in given:
        parts[donor] += usd
    return {
        "title": proposal["title"],
        "funds": {fund for _, fund, _ in given},
        "usd": proposal["usd"] if proposal["version"] else sum(parts.values(), Decimal(0)),
        "route": decision["route"],
        "reason": decision["route_reason"],
        "approved_at": at,
        "umbrella": _is_umbrella(content),
        "illustrative": sheet["illustrative"],
        "region": proposal["region"],
        "unit": proposal["unit"],
        "track": proposal["track"],
        "donors": list(parts.items()),
    }


class Told(NamedTuple):
    """An event of a proposal that the indicator listens to, with the state that the last one of all left.

    ``workflow`` is by which the proposal goes; what the events say of it themselves comes first.
    """

    number: str
    name: str
    act: str
    state: str
    facts: Mapping[str, Any]
    at: datetime
    workflow: str = ""


# The events whose facts the indicator listens to: by the name of one, by the acts of the others.
CREATING: Final = "create"


LISTENED: Final = ("submit", *approvals.DECIDING, *approvals.SETTLING)


def unapproved(
    number: str, state: str, *, umbrella: bool, illustrative: bool, workflow: str = "", **decided: Any
) -> Approval:
    """Return what the indicator needs of a proposal that is not approved: where it stands."""
    nothing = Decimal(0)
    return Approval(
        number,
        "",
        state,
        frozenset(),
        nothing,
        umbrella=umbrella,
        illustrative=illustrative,
        workflow=workflow,
        **decided,
    )
