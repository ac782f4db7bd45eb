"""Access: who may read what of a proposal (domain rules, section 2).

The list of proposals asks the same questions in SQL (``storage.queries``); a test holds the two
together.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from appraisal.definitions.workflows import Role
from appraisal.domain import substitutions
from appraisal.domain.facts import Case, Person
from appraisal.i18n import N_

Level = Literal["full", "overlap", "nothing"]

ROLE_TITLES: Final[Mapping[Role, str]] = {
    "designer": N_("Project designer"),
    "coordinator": N_("Coordinator"),
    "appraiser": N_("Appraiser"),
    "manager": N_("Manager"),
    "auditor": N_("Auditor"),
    "administrator": N_("Administrator"),
}

# Roles that read every proposal once it was submitted.
READERS = frozenset({"coordinator", "manager", "auditor"})


def level(case: Case, person: Person) -> Level:
    """Return how much of a proposal a person may read.

    *overlap* is number, title, countries, donors and state: enough for a designer to find that
    somebody else is working on the same thing. Administrators read no proposal as such. Whoever
    stands in for the lead reads what there is to appraise, while that lasts.
    """
    if not person.active:
        return "nothing"
    if person.id in case.related("author"):
        return "full"
    # Definitions are pinned by the first submission or by a registration; before, it is a draft.
    if not case.pinned:
        return "nothing"
    if person.roles & READERS or person.id in case.related("lead") | case.related("reviewer"):
        return "full"
    if person.has("appraiser") and person.unit in consulted_units(case):
        return "full"
    if substitutions.covers_lead(case, person):
        return "full"
    return "overlap" if person.has("designer") else "nothing"


def consulted_units(case: Case) -> frozenset[str]:
    """Return the units that were ever asked for comments; their appraisers review the proposal."""
    return frozenset(entry.unit for appraisal in case.appraisals for entry in appraisal.consultations)


def sees_draft(case: Case, person: Person) -> bool:
    """Tell whether a person sees edits made since the last submission; others see that version."""
    return person.id in case.related("author")


def sees_running_ratings(case: Case, person: Person) -> bool:
    """Tell whether a person sees ratings before the appraisal is finalised."""
    return (
        person.id not in case.related("author")
        and level(case, person) == "full"
        and (
            person.id in case.related("lead")
            or person.has("coordinator")
            or person.has("auditor")
            or _appraises_instead(case, person)
        )
    )


def _appraises_instead(case: Case, person: Person) -> bool:
    """Tell whether a person stands in for the lead, and not for an author as well."""
    covered = substitutions.covered(person, "appraisals")
    return substitutions.covers_lead(case, person) and not covered & case.related("author")


def may_rate(case: Case, person: Person, now: datetime) -> bool:
    """Tell whether a person rates the running appraisal now: its lead, or whoever stands in for the lead."""
    running, authors = case.appraisal, case.related("author")
    return (
        running is not None
        and running.lead in {person.id} | substitutions.stands_in_for(person, "appraisals", now)
        and person.has("appraiser")
        and person.active
        and not authors & substitutions.identities(case, person, "appraisals", now)
        and case.hold is None
    )


def may_edit(case: Case, person: Person, editable_by_author: bool) -> bool:
    """Tell whether a person may edit the form now; ``editable_by_author`` is what the state declares."""
    return (
        editable_by_author
        and person.id in case.related("author")
        and person.has("designer")
        and person.active
        and case.hold is None
    )
