"""Tables: people and settings, proposals with everything that hangs on them, and the outbox.

No row of a proposal is ever deleted. JSON stands in text columns, in canonical form.
"""

from appraisal.storage.tables.appraisals import (
    Appraisal,
    Condition,
    Consultation,
    Rating,
    Review,
    ReviewRating,
)
from appraisal.storage.tables.base import Base
from appraisal.storage.tables.datasets import Entry, Import
from appraisal.storage.tables.lessons import Lesson
from appraisal.storage.tables.matches import Match
from appraisal.storage.tables.outbox import Job, Notice, Reminder
from appraisal.storage.tables.people import (
    AccountRequest,
    Holiday,
    Person,
    Rate,
    Session,
    Substitution,
    Token,
)
from appraisal.storage.tables.proposals import (
    Change,
    Decision,
    Document,
    Hold,
    Proposal,
    Relation,
    SelfRating,
    Version,
)
from appraisal.storage.tables.tallies import Tally
from appraisal.storage.tables.trail import (
    Access,
    Checkpoint,
    EarlierRendering,
    Event,
    IndicatorReport,
    Issuer,
    Record,
    Rendering,
    ReportRendering,
    SiteEvent,
)

__all__ = [
    "Access",
    "AccountRequest",
    "Appraisal",
    "Base",
    "Change",
    "Checkpoint",
    "Condition",
    "Consultation",
    "Decision",
    "Document",
    "EarlierRendering",
    "Entry",
    "Event",
    "Hold",
    "Holiday",
    "Import",
    "IndicatorReport",
    "Issuer",
    "Job",
    "Lesson",
    "Match",
    "Notice",
    "Person",
    "Proposal",
    "Rate",
    "Rating",
    "Record",
    "Relation",
    "Reminder",
    "Rendering",
    "ReportRendering",
    "Review",
    "ReviewRating",
    "SelfRating",
    "Session",
    "SiteEvent",
    "Substitution",
    "Tally",
    "Token",
    "Version",
]
