"""These tables hold people with their accounts, and what is set for the whole site."""

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
from appraisal.database.types import Day, Moment, Money

people: Final = Table(
    "people",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("email", String(254), unique=True),
    required("name", Text),
    required("unit", Text, default=""),
    required("duty_station", Text, default="Geneva"),
    required("language", String(2), default="en"),
    required("roles", Text, default=""),
    Column("password", Text),
    # Unknown of passwords that are older than this column.
    Column("password_set_at", Moment),
    required("active", Boolean, default=True),
    # How mail comes: each message at once, or all of a day together.
    required("delivery", String(10), default="at_once", server_default="at_once"),
    required("created_at", Moment),
)
"""Somebody with an account; without a password hash the invitation is still open."""


tokens: Final = Table(
    "tokens",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    required("digest", String(64), unique=True),
    required("purpose", String(20)),
    required("expires_at", Moment),
    # When it ended: it was used, or a newer one took its place.
    Column("used_at", Moment),
    # When a password was set with it.
    Column("spent_at", Moment),
    # How it reached its owner: by "mail", "shown" to an administrator or to who "confirmed" it, or as an
    # "emergency" on the command line.
    required("how", String(10), default="shown", server_default="shown"),
    # No foreign keys: the system, which is nobody, asks and confirms on the command line.
    required("asked_by", Integer, default=0, server_default="0"),
    Column("confirmed_by", Integer),
)
"""A link for an invitation or a new password; only its digest is kept.

A link that goes by mail has a row before there is a token: one is made by every attempt to send it.
"""


account_requests: Final = Table(
    "account_requests",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("kind", String(10)),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    required("adds", Text, default=""),
    # What the account was: once it is another, the request is void.
    required("account", String(64)),
    required("asked_by", Integer, ForeignKey("people.id")),
    required("asked_at", Moment),
    required("expires_at", Moment),
    Column("closed_at", Moment),
    # No foreign key: the system, which is nobody, answers on the command line.
    Column("closed_by", Integer),
    required("outcome", String(10), default=""),
    Index(
        "ix_account_requests_open",
        "expires_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
"""Something about an account that a second person has to confirm: roles to add, or a link to show."""


sessions: Final = Table(
    "sessions",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    required("digest", String(64), unique=True),
    # How the person signed in: "password".
    required("method", String(20)),
    required("browser", String(60)),
    required("created_at", Moment),
    required("last_used_at", Moment),
    # When the person had signed in before.
    Column("previous_at", Moment),
    Column("ended_at", Moment),
    # Why it ended (``accounts.rules.sessions.EndReason``); empty where time ended it.
    required("end_reason", String(20), default="", server_default=""),
)
"""Somebody signed in with one browser; only a digest of what its cookie holds is kept.

No part of the trail: rows are removed some time after they were last used.
"""


rates: Final = Table(
    "rates",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("currency", String(3)),
    required("day", Day),
    required("per_usd", Money),
    required("source", Text),
    # Why it corrects the one before it of the same day.
    required("reason", Text, default="", server_default=""),
    # No foreign key: the system, which is nobody, enters the rates of a demonstration.
    required("entered_by", Integer),
    required("entered_at", Moment),
    Index("ix_rates_currency_day", "currency", "day", "id"),
)
"""Units of a currency for one US$ from a day on: append-only, the newest of a day is in force."""


holidays: Final = Table(
    "holidays",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("station", Text),
    required("day", Day),
    required("name", Text),
    UniqueConstraint("station", "day"),
)
"""A day on which a duty station does not work."""


substitutions: Final = Table(
    "substitutions",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    required("substitute_id", Integer, ForeignKey("people.id"), index=True),
    # What of: "appraisals" that the person leads or reviews, or "decisions" as a manager.
    required("scope", String(12)),
    required("first", Day),
    required("last", Day),
    required("entered_at", Moment),
    required("entered_by", Integer, ForeignKey("people.id")),
    # Ended before its last day.
    Column("ended_at", Moment),
)
"""Somebody who stands in for a person from one day to another, both included."""
