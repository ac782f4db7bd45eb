"""These tables hold proposals with their versions, files, required changes, decisions and holds."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


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
            "route",
            "approved_at",
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
    # The digest of each definition that it goes by, as JSON by their keys.
    pins: Mapped[str] = mapped_column(default="{}", server_default="{}")
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
    region: Mapped[str] = mapped_column(default="", server_default="")
    # As ``vocabulary.project_symbols`` writes it, to be found whichever way somebody else does.
    symbol: Mapped[str] = mapped_column(default="", server_default="", index=True)
    kind: Mapped[str] = mapped_column(String(12), default="new")
    usd: Mapped[Decimal | None]
    # What the last version counts with against thresholds, since a sibling that came in later took the sum of
    # an umbrella programme over one; None where that is what the version says.
    raised_usd: Mapped[Decimal | None]
    holder_id: Mapped[int | None]
    due_on: Mapped[date | None]
    # The first day on which time may demand something of it; None while nothing is to come.
    wake_on: Mapped[date | None] = mapped_column(index=True)
    on_hold: Mapped[bool] = mapped_column(default=False)
    # Whether it goes on only when a manager allows a further round.
    awaits_manager: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether its budget counts for the umbrella programme above it: not once it has come to nothing.
    counts: Mapped[bool] = mapped_column(default=True)
    route: Mapped[str] = mapped_column(String(12), default="")
    route_reason: Mapped[str] = mapped_column(String(40), default="")
    approved_at: Mapped[datetime | None]
    # When the registration that it came from was corrected: it counts nowhere since.
    voided_at: Mapped[datetime | None]


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
    __table_args__ = (
        # The first signatures that wait are few among all that was ever decided.
        Index(
            "ix_decisions_valid",
            "kind",
            "proposal_id",
            sqlite_where=text("voided_at IS NULL"),
            postgresql_where=text("voided_at IS NULL"),
        ),
    )

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
    # Whom the person who decided stood in for.
    for_id: Mapped[int | None]
    # What an approval of no version is worth, frozen with the rates of its day.
    contributions: Mapped[str] = mapped_column(default="", server_default="")


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


class SelfRating(Base):
    """What the authors themselves think of an item before they submit a version; theirs alone."""

    __tablename__ = "self_ratings"
    __table_args__ = (UniqueConstraint("proposal_id", "version", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    # The number of the version that is being written: one more than the last submitted.
    version: Mapped[int]
    item: Mapped[str] = mapped_column(String(12))
    value: Mapped[str] = mapped_column(String(3))
    note: Mapped[str] = mapped_column(default="")
    by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime]
