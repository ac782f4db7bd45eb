"""These tables hold appraisals with their ratings, consultations, reviews and conditions."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Appraisal(Base):
    """An appraisal of one version by one lead."""

    __tablename__ = "appraisals"
    __table_args__ = (UniqueConstraint("proposal_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    number: Mapped[int]
    lead_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    opened_at: Mapped[datetime]
    chosen: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(default="")
    finalised_at: Mapped[datetime | None]
    computed: Mapped[str] = mapped_column(String(40), default="")
    final: Mapped[str] = mapped_column(String(40), default="")
    verdicts: Mapped[str] = mapped_column(default="{}")
    covers_evaluability: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    record: Mapped[str] = mapped_column(String(64), default="")
    row_version: Mapped[int] = mapped_column(default=1)


class Rating(Base):
    """One item's rating in an appraisal."""

    __tablename__ = "ratings"
    __table_args__ = (UniqueConstraint("appraisal_id", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    appraisal_id: Mapped[int] = mapped_column(ForeignKey("appraisals.id"))
    item: Mapped[str] = mapped_column(String(12))
    value: Mapped[str] = mapped_column(String(3))
    comment: Mapped[str] = mapped_column(default="")
    evidence: Mapped[str] = mapped_column(default="")
    proposed: Mapped[bool] = mapped_column(default=False)
    # Why the lead differs from a reviewer.
    reason: Mapped[str] = mapped_column(default="", server_default="")
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]


class Consultation(Base):
    """A unit asked for its comments on a version."""

    __tablename__ = "consultations"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    appraisal_id: Mapped[int] = mapped_column(ForeignKey("appraisals.id"))
    unit: Mapped[str]
    asked_at: Mapped[datetime]
    due_on: Mapped[date]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[int | None]
    text: Mapped[str] = mapped_column(default="")
    late: Mapped[bool] = mapped_column(default=False)
    # Nobody had answered when the date had passed.
    silent_at: Mapped[datetime | None]
    # Nobody had answered when the appraisal was closed before the date.
    released_at: Mapped[datetime | None]


class Condition(Base):
    """A condition of a proposal, in the appraisal that it belongs to now; it is never deleted."""

    __tablename__ = "conditions"
    __table_args__ = (UniqueConstraint("proposal_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    appraisal_id: Mapped[int] = mapped_column(ForeignKey("appraisals.id"), index=True)
    # Given once within the proposal; its place on the page is the position.
    number: Mapped[int]
    position: Mapped[int]
    item: Mapped[str] = mapped_column(String(12), default="")
    text: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    due_on: Mapped[date | None]
    gate: Mapped[str | None] = mapped_column(String(20))
    by_hand: Mapped[bool] = mapped_column(default=False)
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[int | None]
    evidence: Mapped[str] = mapped_column(default="")
    waived_at: Mapped[datetime | None]
    waived_by: Mapped[int | None]
    # Where the owner has an account.
    owner_id: Mapped[int | None] = mapped_column(index=True)
    # What the owner says shows that it is met; a coordinator clears it.
    reported_at: Mapped[datetime | None]
    reported_by: Mapped[int | None]
    report: Mapped[str] = mapped_column(default="", server_default="")
    # Unknown of what was written before this was noted.
    written_at: Mapped[datetime | None]
    written_by: Mapped[int | None]
    # The number of the condition of an earlier version whose place it takes when its appraisal is closed.
    follows: Mapped[int | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None]
    # The number of the one that took its place.
    superseded_by: Mapped[int | None]
    row_version: Mapped[int] = mapped_column(default=1, server_default="1")


class Review(Base):
    """One person's independent review of some checklists, within an appraisal.

    Private until it is signed; a declaration comes before anything else.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        Index(
            "ix_reviews_standing",
            "appraisal_id",
            "person_id",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    appraisal_id: Mapped[int] = mapped_column(ForeignKey("appraisals.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    # The unit at the time, which the review speaks for where that unit was asked.
    unit: Mapped[str] = mapped_column(default="")
    # Codes with a space between them.
    checklists: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[int]
    due_on: Mapped[date]
    # "" is never asked, "nothing" is nothing to declare, "declared" is a conflict of interest.
    declaration: Mapped[str] = mapped_column(String(10), default="")
    declared_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    # Why it was declined, or what the conflict is.
    reason: Mapped[str] = mapped_column(default="")
    signed_at: Mapped[datetime | None]
    comment: Mapped[str] = mapped_column(default="")
    late: Mapped[bool] = mapped_column(default=False)
    silent_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    row_version: Mapped[int] = mapped_column(default=1)


class ReviewRating(Base):
    """What a reviewer puts down for an item; it stays for ever once the review is signed."""

    __tablename__ = "review_ratings"
    __table_args__ = (UniqueConstraint("review_id", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    item: Mapped[str] = mapped_column(String(12))
    value: Mapped[str] = mapped_column(String(3))
    comment: Mapped[str] = mapped_column(default="")
    evidence: Mapped[str] = mapped_column(default="")
    proposed: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime]
