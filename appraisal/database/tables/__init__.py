"""Tables are people and settings, proposals with everything that hangs on them, the trail, and the outbox.

No row of a proposal is ever deleted. JSON stands in text columns, in canonical form. Begin with
``proposals``; other packages import all tables from here.
"""

from appraisal.database.tables.appraisals import (
    Appraisal,
    Condition,
    Consultation,
    Rating,
    Review,
    ReviewRating,
)
from appraisal.database.tables.columns import Base
from appraisal.database.tables.datasets import Entry, Import
from appraisal.database.tables.lessons import Lesson
from appraisal.database.tables.matches import Match
from appraisal.database.tables.outbox import Job, Notice, Reminder
from appraisal.database.tables.people import (
    AccountRequest,
    Holiday,
    Person,
    Rate,
    Session,
    Substitution,
    Token,
)
from appraisal.database.tables.proposals import (
    Change,
    Decision,
    Document,
    Hold,
    Proposal,
    Relation,
    SelfRating,
    Version,
)
from appraisal.database.tables.tallies import Tally
from appraisal.database.tables.trail import (
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
