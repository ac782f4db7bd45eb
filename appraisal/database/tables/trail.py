"""These tables hold the audit trail, the access log, and the records drawn from both."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


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
    # Whom the person stood in for.
    for_id: Mapped[int | None]
    # Of a step that left a state with a clock: the track then, the working days used, and the limit.
    track: Mapped[str] = mapped_column(String(40), default="", server_default="")
    days_used: Mapped[int | None]
    days_limit: Mapped[int | None]
    # The unique id of the request that caused it, so that a form sent twice acts once.
    request: Mapped[str | None] = mapped_column(unique=True)
    body: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))


class SiteEvent(Base):
    """An event of the site's own chain: people and their roles, rates, definitions released."""

    __tablename__ = "site_events"
    __table_args__ = (
        Index(
            "ix_site_events_emergencies",
            "sequence",
            sqlite_where=text("emergency = 1"),
            postgresql_where=text("emergency"),
        ),
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    # Whose account it is about, and whether it went the emergency way: as its text says, to be found by.
    person_id: Mapped[int | None] = mapped_column(index=True)
    emergency: Mapped[bool] = mapped_column(default=False, server_default=false())


class Access(Base):
    """The access log: sign-ins, downloads and refused steps."""

    __tablename__ = "accesses"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(default="")


class Checkpoint(Base):
    """A checkpoint: one digest over the heads of all chains, and over what was logged since the last one."""

    __tablename__ = "checkpoints"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    root: Mapped[str] = mapped_column(String(64))
    chains: Mapped[int]
    # The last event that it is over, and the first and last row of the access log, by their ids.
    events_to: Mapped[int]
    accesses_from: Mapped[int]
    accesses_to: Mapped[int]
    previous: Mapped[str] = mapped_column(String(64))
    body: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)


class Issuer(Base):
    """Who issues records and signs checkpoints from a moment on; the last row is in force."""

    __tablename__ = "issuers"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[int]
    address: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str]
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)


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


class EarlierRendering(Base):
    """A PDF of a record that was drawn again since; the register knows it for good."""

    __tablename__ = "earlier_renderings"
    __table_args__ = (UniqueConstraint("record_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("records.id"))
    language: Mapped[str] = mapped_column(String(2))
    sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class IndicatorReport(Base):
    """A published indicator report: its value stays, whatever is corrected later."""

    __tablename__ = "indicator_reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    indicator: Mapped[str] = mapped_column(String(10))
    biennium: Mapped[str] = mapped_column(String(7))
    value: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # Up to which row of each table facts were heard, as canonical JSON.
    up_to: Mapped[str] = mapped_column(default="{}", server_default="{}")
    at: Mapped[datetime]
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))


class ReportRendering(Base):
    """A PDF of a published report in a language; the bytes lie in the store under their SHA-256."""

    __tablename__ = "report_renderings"
    __table_args__ = (UniqueConstraint("report_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("indicator_reports.id"))
    language: Mapped[str] = mapped_column(String(2))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    at: Mapped[datetime]
