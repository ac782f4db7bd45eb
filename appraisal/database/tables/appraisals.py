"""These tables hold appraisals with their ratings, consultations, reviews and conditions."""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Day, Moment

appraisals: Final = Table(
    "appraisals",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("version_id", Integer, ForeignKey("versions.id")),
    required("number", Integer),
    required("lead_id", Integer, ForeignKey("people.id")),
    required("opened_at", Moment),
    required("chosen", String(40), default=""),
    required("reason", Text, default=""),
    Column("finalised_at", Moment),
    required("computed", String(40), default=""),
    required("final", String(40), default=""),
    required("verdicts", Text, default="{}"),
    required("covers_evaluability", Boolean, default=False),
    Column("closed_at", Moment),
    Column("superseded_at", Moment),
    required("record", String(64), default=""),
    required("row_version", Integer, default=1),
    UniqueConstraint("proposal_id", "number"),
)
"""An appraisal of one version by one lead."""


ratings: Final = Table(
    "ratings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("appraisal_id", Integer, ForeignKey("appraisals.id")),
    required("item", String(12)),
    required("value", String(3)),
    required("comment", Text, default=""),
    required("evidence", Text, default=""),
    required("proposed", Boolean, default=False),
    # Why the lead differs from a reviewer.
    required("reason", Text, default="", server_default=""),
    required("by", Integer, ForeignKey("people.id")),
    required("at", Moment),
    UniqueConstraint("appraisal_id", "item"),
)
"""One item's rating in an appraisal."""


consultations: Final = Table(
    "consultations",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("appraisal_id", Integer, ForeignKey("appraisals.id")),
    required("unit", Text),
    required("asked_at", Moment),
    required("due_on", Day),
    Column("answered_at", Moment),
    Column("answered_by", Integer),
    required("text", Text, default=""),
    required("late", Boolean, default=False),
    # Nobody had answered when the date had passed.
    Column("silent_at", Moment),
    # Nobody had answered when the appraisal was closed before the date.
    Column("released_at", Moment),
)
"""A unit asked for its comments on a version."""


conditions: Final = Table(
    "conditions",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("appraisal_id", Integer, ForeignKey("appraisals.id"), index=True),
    # Given once within the proposal; its place on the page is the position.
    required("number", Integer),
    required("position", Integer),
    required("item", String(12), default=""),
    required("text", Text, default=""),
    required("owner", Text, default=""),
    Column("due_on", Day),
    Column("gate", String(20)),
    required("by_hand", Boolean, default=False),
    Column("cleared_at", Moment),
    Column("cleared_by", Integer),
    required("evidence", Text, default=""),
    Column("waived_at", Moment),
    Column("waived_by", Integer),
    # Where the owner has an account.
    Column("owner_id", Integer, index=True),
    # What the owner says shows that it is met; a coordinator clears it.
    Column("reported_at", Moment),
    Column("reported_by", Integer),
    required("report", Text, default="", server_default=""),
    # Unknown of what was written before this was noted.
    Column("written_at", Moment),
    Column("written_by", Integer),
    # The number of the condition of an earlier version whose place it takes when its appraisal is closed.
    Column("follows", Integer),
    Column("withdrawn_at", Moment),
    Column("withdrawn_by", Integer),
    # The number of the one that took its place.
    Column("superseded_by", Integer),
    required("row_version", Integer, default=1, server_default="1"),
    UniqueConstraint("proposal_id", "number"),
)
"""A condition of a proposal, in the appraisal that it belongs to now; it is never deleted."""


reviews: Final = Table(
    "reviews",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("appraisal_id", Integer, ForeignKey("appraisals.id")),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    # The unit at the time, which the review speaks for where that unit was asked.
    required("unit", Text, default=""),
    # Codes with a space between them.
    required("checklists", Text),
    required("asked_at", Moment),
    required("asked_by", Integer),
    required("due_on", Day),
    # "" is never asked, "nothing" is nothing to declare, "declared" is a conflict of interest.
    required("declaration", String(10), default=""),
    Column("declared_at", Moment),
    Column("declined_at", Moment),
    # Why it was declined, or what the conflict is.
    required("reason", Text, default=""),
    Column("signed_at", Moment),
    required("comment", Text, default=""),
    required("late", Boolean, default=False),
    Column("silent_at", Moment),
    Column("released_at", Moment),
    Column("withdrawn_at", Moment),
    Column("for_id", Integer, ForeignKey("people.id")),
    required("row_version", Integer, default=1),
    Index(
        "ix_reviews_standing",
        "appraisal_id",
        "person_id",
        unique=True,
        sqlite_where=text("withdrawn_at IS NULL"),
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)
"""One person's independent review of some checklists, within an appraisal.

Private until it is signed; a declaration comes before anything else.
"""


review_ratings: Final = Table(
    "review_ratings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("review_id", Integer, ForeignKey("reviews.id")),
    required("item", String(12)),
    required("value", String(3)),
    required("comment", Text, default=""),
    required("evidence", Text, default=""),
    required("proposed", Boolean, default=False),
    required("at", Moment),
    UniqueConstraint("review_id", "item"),
)
"""What a reviewer puts down for an item; it stays for ever once the review is signed."""
