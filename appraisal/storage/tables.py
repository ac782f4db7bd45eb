"""Tables: people and settings, proposals with everything that hangs on them, and the outbox.

No row of a proposal is ever deleted. JSON stands in text columns, in canonical form.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, MetaData, String, Table, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from appraisal.storage.types import Day, Moment, Money


class Base(DeclarativeBase):
    """Base of all tables; names constraints, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: dict[Any, Any] = {datetime: Moment, date: Day, Decimal: Money, str: Text}
    # Every model here is a plain table, never a join or a query; saying so types all statements.
    __table__: ClassVar[Table]


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
    # Raised whenever every session of the person has to end: new password, closed account.
    session_epoch: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Token(Base):
    """A link that was sent out, for an invitation or a new password; only its digest is kept."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Rate(Base):
    """Units of a currency for one US$ from a day on."""

    __tablename__ = "rates"
    __table_args__ = (UniqueConstraint("currency", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    per_usd: Mapped[Decimal]
    source: Mapped[str]
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


class SiteEvent(Base):
    """An event of the site's own chain: people and their roles, rates, definitions released."""

    __tablename__ = "site_events"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))


class Access(Base):
    """The access log: sign-ins, downloads and refused steps."""

    __tablename__ = "accesses"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(default="")


class Proposal(Base):
    """A proposal: where it stands, what its authors are writing, and what lists are sorted by.

    ``route`` and ``approved_at`` repeat what the facts say, for the indicator; they are written
    in the same transaction as the step that changes them.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        Index("ix_proposals_state_due_id", "state", "due_on", "id"),
        Index(
            "ix_proposals_approved",
            "approved_at",
            "route",
            sqlite_where=text("route <> ''"),
            postgresql_where=text("route <> ''"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    state: Mapped[str] = mapped_column(String(40))
    state_since: Mapped[datetime]
    previous_state: Mapped[str] = mapped_column(String(40), default="")
    origin: Mapped[str] = mapped_column(String(12), default="native")
    workflow: Mapped[str] = mapped_column(String(60), default="")
    definition_set: Mapped[str] = mapped_column(String(60), default="")
    track: Mapped[str] = mapped_column(String(40), default="")
    tightened: Mapped[str] = mapped_column(String(40), default="")
    content: Mapped[str] = mapped_column(default="{}")
    edited_at: Mapped[datetime | None]
    illustrative: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str] = mapped_column(default="")
    # What the author wrote in the form, so of any length.
    parent: Mapped[str] = mapped_column(default="", index=True)
    predecessor: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    row_version: Mapped[int] = mapped_column(default=1)
    sequence: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(String(64))
    # What lists show and sort by, repeated from the content or the latest version.
    title: Mapped[str] = mapped_column(default="")
    countries: Mapped[str] = mapped_column(default="")
    donors: Mapped[str] = mapped_column(default="")
    funds: Mapped[str] = mapped_column(default="")
    unit: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(String(12), default="new")
    usd: Mapped[Decimal | None]
    holder_id: Mapped[int | None]
    due_on: Mapped[date | None]
    on_hold: Mapped[bool] = mapped_column(default=False)
    # Whether its budget counts for the umbrella programme above it: not once it has come to nothing.
    counts: Mapped[bool] = mapped_column(default=True)
    route: Mapped[str] = mapped_column(String(12), default="")
    route_reason: Mapped[str] = mapped_column(String(40), default="")
    approved_at: Mapped[datetime | None]


class Relation(Base):
    """A relation of a person to a proposal, kept for ever."""

    __tablename__ = "relations"
    __table_args__ = (UniqueConstraint("proposal_id", "person_id", "relation"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    relation: Mapped[str] = mapped_column(String(12))
    since: Mapped[datetime]


class Version(Base):
    """A submitted version: its frozen value and the digest of it."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("proposal_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    number: Mapped[int]
    value: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))


class Document(Base):
    """A file attached to a proposal; the bytes lie in the store under their SHA-256."""

    __tablename__ = "documents"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    filename: Mapped[str]
    media_type: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    # Taken out of the next version; earlier versions keep it.
    removed_at: Mapped[datetime | None]


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


class Change(Base):
    """A change that a revision request asks for."""

    __tablename__ = "changes"
    __table_args__ = (UniqueConstraint("proposal_id", "round", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    round: Mapped[int]
    number: Mapped[int]
    item: Mapped[str] = mapped_column(String(12), default="")
    text: Mapped[str]
    answer: Mapped[str | None] = mapped_column(String(10))
    answer_text: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]


class Decision(Base):
    """A decision or signature on a proposal."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))
    appraisal_id: Mapped[int | None] = mapped_column(ForeignKey("appraisals.id"))
    note: Mapped[str] = mapped_column(default="")
    approved_at: Mapped[datetime | None]
    document: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")
    contradicts: Mapped[bool] = mapped_column(default=False)
    voided_at: Mapped[datetime | None]


class Hold(Base):
    """A stretch in which the clock of a proposal stands."""

    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    since: Mapped[datetime]
    until: Mapped[date]
    reason: Mapped[str]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    released_at: Mapped[datetime | None]


class Event(Base):
    """The audit trail: append-only, one chain for each proposal."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("proposal_id", "sequence", name="uq_events_chain"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    sequence: Mapped[int]
    name: Mapped[str] = mapped_column(String(40))
    act: Mapped[str] = mapped_column(String(40), default="")
    from_state: Mapped[str] = mapped_column(String(40), default="")
    to_state: Mapped[str] = mapped_column(String(40), default="")
    at: Mapped[datetime]
    by: Mapped[int]
    note: Mapped[str] = mapped_column(default="")
    # The unique id of the request that caused it, so that a form sent twice acts once.
    request: Mapped[str | None] = mapped_column(unique=True)
    body: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))


class Record(Base):
    """The value of an appraisal record or decision sheet, in canonical JSON."""

    __tablename__ = "records"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    value: Mapped[str]
    at: Mapped[datetime]
    appraisal_id: Mapped[int | None] = mapped_column(ForeignKey("appraisals.id"))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))


class Rendering(Base):
    """A PDF of a record in a language; the bytes lie in the store under their SHA-256."""

    __tablename__ = "renderings"
    __table_args__ = (UniqueConstraint("record_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("records.id"))
    language: Mapped[str] = mapped_column(String(2))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    at: Mapped[datetime]


class Reminder(Base):
    """A mark that a date of a stay in a state has come; written once."""

    __tablename__ = "reminders"
    __table_args__ = (UniqueConstraint("proposal_id", "sequence", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    sequence: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]


class Job(Base):
    """The outbox: what has to be done after a step, written in the transaction of the step."""

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
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class IndicatorReport(Base):
    """A published indicator report: its value stays, whatever is corrected later."""

    __tablename__ = "indicator_reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(String(10))
    biennium: Mapped[str] = mapped_column(String(7))
    value: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
