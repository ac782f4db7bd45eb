"""Tables: people and settings, proposals with everything that hangs on them, and the outbox.

No row of a proposal is ever deleted. JSON stands in text columns, in canonical form.
"""

from appraisal.storage.tables.appraisals import Appraisal, Condition, Consultation, Rating
from appraisal.storage.tables.base import Base
from appraisal.storage.tables.outbox import Job, Reminder
from appraisal.storage.tables.people import Holiday, Person, Rate, Token
from appraisal.storage.tables.proposals import Change, Decision, Document, Hold, Proposal, Relation, Version
from appraisal.storage.tables.trail import Access, Event, IndicatorReport, Record, Rendering, SiteEvent

__all__ = [
    "Access",
    "Appraisal",
    "Base",
    "Change",
    "Condition",
    "Consultation",
    "Decision",
    "Document",
    "Event",
    "Hold",
    "Holiday",
    "IndicatorReport",
    "Job",
    "Person",
    "Proposal",
    "Rate",
    "Rating",
    "Record",
    "Relation",
    "Reminder",
    "Rendering",
    "SiteEvent",
    "Token",
    "Version",
]
