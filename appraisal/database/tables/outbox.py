"""These tables hold what has to be done after a step, and which dates were marked."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Reminder(Base):
    """A mark that a date has come and was told of; ``at`` is when, the last time where the date was moved."""

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("proposal_id", "sequence", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]


class Job(Base):
    """The outbox: what has to be done after a step, written in the transaction of the step.

    ``attempts`` counts how often it was taken; of these ``waits`` only waited for the installation.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "ix_jobs_open",
            "run_at",
            "id",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    payload: Mapped[str]
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    waits: Mapped[int] = mapped_column(default=0, server_default="0")
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class Notice(Base):
    """Something that a person is told by mail; ``job_id`` is the message that carries it."""

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "ix_notices_waiting",
            "person_id",
            sqlite_where=text("job_id IS NULL"),
            postgresql_where=text("job_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey("proposals.id"), index=True)
    what: Mapped[str] = mapped_column(String(40))
    facts: Mapped[str] = mapped_column(default="{}")
    at: Mapped[datetime]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
