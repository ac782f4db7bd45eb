"""Tables are people and settings, proposals with everything that hangs on them, the trail, and the outbox.

No row of a proposal is ever deleted. JSON stands in text columns, in canonical form. Begin with
``proposals``; other packages import all tables from here.
"""

from appraisal.database.tables.appraisals import (
    appraisals,
    conditions,
    consultations,
    ratings,
    review_ratings,
    reviews,
)
from appraisal.database.tables.columns import METADATA
from appraisal.database.tables.datasets import entries, imports
from appraisal.database.tables.lessons import lessons
from appraisal.database.tables.matches import matches
from appraisal.database.tables.outbox import jobs, notices, reminders
from appraisal.database.tables.people import (
    account_requests,
    holidays,
    people,
    rates,
    sessions,
    substitutions,
    tokens,
)
from appraisal.database.tables.proposals import (
    changes,
    decisions,
    documents,
    holds,
    proposals,
    relations,
    self_ratings,
    versions,
)
from appraisal.database.tables.tallies import tallies
from appraisal.database.tables.trail import (
    accesses,
    checkpoints,
    earlier_renderings,
    events,
    indicator_reports,
    issuers,
    records,
    renderings,
    report_renderings,
    site_events,
)

__all__ = [
    "METADATA",
    "accesses",
    "account_requests",
    "appraisals",
    "changes",
    "checkpoints",
    "conditions",
    "consultations",
    "decisions",
    "documents",
    "earlier_renderings",
    "entries",
    "events",
    "holds",
    "holidays",
    "imports",
    "indicator_reports",
    "issuers",
    "jobs",
    "lessons",
    "matches",
    "notices",
    "people",
    "proposals",
    "rates",
    "ratings",
    "records",
    "relations",
    "reminders",
    "renderings",
    "report_renderings",
    "review_ratings",
    "reviews",
    "self_ratings",
    "sessions",
    "site_events",
    "substitutions",
    "tallies",
    "tokens",
    "versions",
]
