"""These tables hold what has to be done after a step, and which dates were marked."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Moment

reminders: Final = Table(
    "reminders",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("sequence", Integer),
    required("kind", String(20)),
    required("at", Moment),
    UniqueConstraint("proposal_id", "sequence", "kind"),
)
"""A mark that a date has come and was told of; ``at`` is when, the last time where the date was moved."""


jobs: Final = Table(
    "jobs",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("kind", String(30)),
    required("payload", Text),
    required("run_at", Moment),
    Column("lease_until", Moment),
    required("attempts", Integer, default=0),
    required("waits", Integer, default=0, server_default="0"),
    Column("done_at", Moment),
    Column("dead_at", Moment),
    required("error", Text, default=""),
    Index(
        "ix_jobs_open",
        "run_at",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
"""The outbox: what has to be done after a step, written in the transaction of the step.

``attempts`` counts how often it was taken; of these ``waits`` only waited for the installation.
"""


notices: Final = Table(
    "notices",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("person_id", Integer, ForeignKey("people.id")),
    Column("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("what", String(40)),
    required("facts", Text, default="{}"),
    required("at", Moment),
    Column("job_id", Integer, ForeignKey("jobs.id"), index=True),
    Index(
        "ix_notices_waiting",
        "person_id",
        sqlite_where=text("job_id IS NULL"),
        postgresql_where=text("job_id IS NULL"),
    ),
)
"""Something that a person is told by mail; ``job_id`` is the message that carries it."""
