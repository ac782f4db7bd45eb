"""An approval that was registered by mistake is taken back here, and what was before comes back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appraisal.appraisals.services import blocks
from appraisal.canonical import canonical
from appraisal.clock import geneva_date
from appraisal.lists.rules.matching import How
from appraisal.lists.services import matching
from appraisal.proposals.facts import Appraisal, Case, Decision, DecisionKind
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.summary import summary
from appraisal.proposals.services.taking import Outcome, Taking
from appraisal.workflow.rules.corrections import closed_by, previous_before, running_again
from appraisal.workflow.services import decisions
from appraisal.workflow.services.closing import update_appraisal, with_appraisal, write_answers


def correct_registration(taking: Taking) -> Outcome:
    """Take back a registration, as whoever made it on the same day."""
    return _correct(taking, "correct_registration")


def confirm_correction(taking: Taking) -> Outcome:
    """Take back a registration, as the second of two people."""
    return _correct(taking, "confirm_correction")


def _correct(taking: Taking, kind: DecisionKind) -> Outcome:
    """Void the registration; whatever it changed is as before, but what had been cancelled for good.

    A proposal that the registration had created is void from then on: it counts nowhere, and no project
    of the finance list is taken for it any more.
    """
    case, registration = taking.case, taking.case.registration
    assert registration is not None
    outcome = decisions.void_approval(taking, decisions.decide(taking, kind, appraisal_id=None))
    after = replace(outcome.case, rests=frozenset())
    columns: Mapping[str, Any] = {}
    unpinned: Mapping[str, Any] = {}
    projects: list[str] = []
    ways: tuple[How, ...]
    if case.is_created_by_registration:
        after, columns = replace(after, voided_at=taking.now), {"voided_at": taking.now}
        ways = ("symbol", "confirmed", "outside")
        projects = matching.release(taking.db, taking.now, case.id, ways)
    elif case.version is None and not _was_annulled(case):
        after, columns = _unpinned(taking, after)
        # No project is a draft; what its symbol decided goes by itself.
        ways = ("confirmed",)
        projects = matching.release(taking.db, taking.now, case.id, ways)
        unpinned = {"definitions": after.pins}
    closed = closed_by(case, registration)
    if closed is not None:
        after = with_appraisal(after, _reopened(taking, closed, registration))
    said = {
        "registered_at": registration.at,
        "registered_by": registration.by,
        "document": registration.document,
        "source": registration.source,
        "approved_at": registration.approved_at,
        "void": case.is_created_by_registration,
        "projects": projects,
    }
    return replace(
        outcome,
        case=after,
        columns={**outcome.columns, **columns},
        facts={**outcome.facts, **said, **unpinned},
        previous=previous_before(case),
    )


def _was_annulled(case: Case) -> bool:
    """Tell whether an earlier approval was annulled: what that one pinned and counts as, stays."""
    return any(entry.kind == "annul" for entry in case.decisions)


def _unpinned(taking: Taking, after: Case) -> tuple[Case, Mapping[str, Any]]:
    """Return a draft to its authors: it pins no definitions, and is worth what the rates of today say."""
    given = track_and_money.contributions(after.content, taking.book.rates, geneva_date(taking.now))
    columns = {
        "workflow": "",
        "definition_set": "",
        "pins": canonical({}).decode(),
        **summary(after.content, given, track_and_money.total_usd(given)),
    }
    return replace(after, workflow="", set="", pinned=False, pins={}), columns


def _reopened(taking: Taking, closed: Appraisal, registration: Decision) -> Appraisal:
    """Let the appraisal that the registration closed run on: everybody is awaited who was so before."""
    update_appraisal(taking, closed.id, closed_at=None)
    again = running_again(taking.case, closed, registration, taking.now)
    write_answers(taking, closed, again)
    return blocks.hand_over_late(taking.db, taking.case, taking.book, again, registration.at, taking.now)
