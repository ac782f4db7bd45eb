"""These tables hold people with their accounts, and what is set for the whole site."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Person(Base):
    """Somebody with an account; without a password hash the invitation is still open."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str]
    unit: Mapped[str] = mapped_column(default="")
    duty_station: Mapped[str] = mapped_column(default="Geneva")
    language: Mapped[str] = mapped_column(String(2), default="en")
    roles: Mapped[str] = mapped_column(default="")
    password: Mapped[str | None]
    # Unknown of passwords that are older than this column.
    password_set_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=True)
    # How mail comes: each message at once, or all of a day together.
    delivery: Mapped[str] = mapped_column(String(10), default="at_once", server_default="at_once")
    created_at: Mapped[datetime]


class Token(Base):
    """A link for an invitation or a new password; only its digest is kept.

    A link that goes by mail has a row before there is a token: one is made by every attempt to send it.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))
    expires_at: Mapped[datetime]
    # When it ended: it was used, or a newer one took its place.
    used_at: Mapped[datetime | None]
    # When a password was set with it.
    spent_at: Mapped[datetime | None]
    # How it reached its owner: by "mail", "shown" to an administrator or to who "confirmed" it, or as an
    # "emergency" on the command line.
    how: Mapped[str] = mapped_column(String(10), default="shown", server_default="shown")
    # No foreign keys: the system, which is nobody, asks and confirms on the command line.
    asked_by: Mapped[int] = mapped_column(default=0, server_default="0")
    confirmed_by: Mapped[int | None]


class AccountRequest(Base):
    """Something about an account that a second person has to confirm: roles to add, or a link to show."""

    __tablename__ = "account_requests"
    __table_args__ = (
        Index(
            "ix_account_requests_open",
            "expires_at",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    adds: Mapped[str] = mapped_column(default="")
    # What the account was: once it is another, the request is void.
    account: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    # No foreign key: the system, which is nobody, answers on the command line.
    closed_by: Mapped[int | None]
    outcome: Mapped[str] = mapped_column(String(10), default="")


class Session(Base):
    """Somebody signed in with one browser; only a digest of what its cookie holds is kept.

    No part of the trail: rows are removed some time after they were last used.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # How the person signed in: "password".
    method: Mapped[str] = mapped_column(String(20))
    browser: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    # When the person had signed in before.
    previous_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    # Why it ended (``accounts.rules.sessions.EndReason``); empty where time ended it.
    end_reason: Mapped[str] = mapped_column(String(20), default="", server_default="")


class Rate(Base):
    """Units of a currency for one US$ from a day on: append-only, the newest of a day is in force."""

    __tablename__ = "rates"
    __table_args__ = (Index("ix_rates_currency_day", "currency", "day", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    per_usd: Mapped[Decimal]
    source: Mapped[str]
    # Why it corrects the one before it of the same day.
    reason: Mapped[str] = mapped_column(default="", server_default="")
    # No foreign key: the system, which is nobody, enters the rates of a demonstration.
    entered_by: Mapped[int]
    entered_at: Mapped[datetime]


class Holiday(Base):
    """A day on which a duty station does not work."""

    __tablename__ = "holidays"
    __table_args__ = (UniqueConstraint("station", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str]
    day: Mapped[date]
    name: Mapped[str]


class Substitution(Base):
    """Somebody who stands in for a person from one day to another, both included."""

    __tablename__ = "substitutions"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    substitute_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    # What of: "appraisals" that the person leads or reviews, or "decisions" as a manager.
    scope: Mapped[str] = mapped_column(String(12))
    first: Mapped[date]
    last: Mapped[date]
    entered_at: Mapped[datetime]
    entered_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    # Ended before its last day.
    ended_at: Mapped[datetime | None]
