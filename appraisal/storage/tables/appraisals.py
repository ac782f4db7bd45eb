"""Appraisals with their ratings, consultations and conditions."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.storage.tables.base import Base


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


class Condition(Base):
    """A condition of an appraisal."""

    __tablename__ = "conditions"
    __table_args__ = (UniqueConstraint("appraisal_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    appraisal_id: Mapped[int] = mapped_column(ForeignKey("appraisals.id"))
    number: Mapped[int]
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
