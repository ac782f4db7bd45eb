"""A route is how a proposal came to be approved, always derived from the facts and never typed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from appraisal.language.texts import N_
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.rulebook import Rulebook

RouteKind = Literal["mechanism", "override", "outside"]
Reason = Literal["", "registered", "appraisal_after_approval", "other_version", "evaluability_missing"]

TITLES: Final[Mapping[str, str]] = {
    "mechanism": N_("the mechanism, on a favourable appraisal"),
    "override": N_("override of the appraisal, with two signatures"),
    "outside": N_("outside the mechanism"),
}
# Why a route is outside, in a few words.
REASONS: Final[Mapping[str, str]] = {
    "registered": N_("registered afterwards"),
    "appraisal_after_approval": N_("the appraisal was not finished before the approval"),
    "other_version": N_("another version was appraised"),
    "evaluability_missing": N_("the evaluability review was missing"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """The route of an approval; outside routes say why."""

    kind: RouteKind
    reason: Reason = ""


def route(case: Case, book: Rulebook) -> Route | None:
    """Derive the route; None while the proposal is not approved.

    *mechanism*: a native approval that relies on an unsuperseded appraisal of the same version,
    finalised strictly earlier, the evaluability review included where it is required, with a
    recommendation to approve and nothing waived. *override*: a native second signature on the
    unsuperseded appraisal of the same version. *outside*: everything else.
    """
    approval = case.approval
    if approval is None:
        return None
    if approval.kind == "register_approval":
        return Route("outside", "registered")
    appraisal = next((entry for entry in case.appraisals if entry.id == approval.appraisal_id), None)
    version = next((entry for entry in case.versions if entry.id == approval.version_id), None)
    if appraisal is None or version is None or appraisal.version_id != version.id or appraisal.superseded_at:
        return Route("outside", "other_version")
    # Equal moments fail: an appraisal has to come first, and seconds are not read from dates.
    if (
        appraisal.finalised_at is None
        or approval.approved_at is None
        or appraisal.finalised_at >= approval.approved_at
    ):
        return Route("outside", "appraisal_after_approval")
    if approval.kind == "countersign":
        return Route("override")
    if book.needs_evaluability(version.threshold_usd) and not appraisal.covers_evaluability:
        return Route("outside", "evaluability_missing")
    favourable = book.set.recommendation(appraisal.final).means in ("favourable", "conditional")
    waived_before = any(
        entry.waived_at and entry.waived_at <= approval.approved_at for entry in appraisal.conditions
    )
    # One signature alone is neither when it went against the appraisal.
    return Route("mechanism") if favourable and not waived_before else Route("outside")
