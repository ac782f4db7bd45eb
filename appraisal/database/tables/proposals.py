"""These tables hold proposals with their versions, files, required changes, decisions and holds."""

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
    false,
    text,
)

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Day, Moment, Money

proposals: Final = Table(
    "proposals",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("number", String(20), unique=True),
    required("state", String(40)),
    required("state_since", Moment),
    required("previous_state", String(40), default=""),
    required("origin", String(12), default="native"),
    required("workflow", String(60), default=""),
    required("definition_set", String(60), default=""),
    # The digest of each definition that it goes by, as JSON by their keys.
    required("pins", Text, default="{}", server_default="{}"),
    required("track", String(40), default=""),
    required("tightened", String(40), default=""),
    required("content", Text, default="{}"),
    Column("edited_at", Moment),
    required("illustrative", Boolean, default=False),
    required("source", Text, default=""),
    # What the author wrote in the form, so of any length.
    required("parent", Text, default="", index=True),
    required("predecessor", Text, default=""),
    required("created_at", Moment),
    required("row_version", Integer, default=1),
    required("sequence", Integer, default=0),
    required("head", String(64)),
    # What lists show and sort by, repeated from the content or the latest version.
    required("title", Text, default=""),
    required("countries", Text, default=""),
    required("donors", Text, default=""),
    required("funds", Text, default=""),
    required("unit", Text, default=""),
    required("region", Text, default="", server_default=""),
    # As ``vocabulary.project_symbols`` writes it, to be found whichever way somebody else does.
    required("symbol", Text, default="", server_default="", index=True),
    required("kind", String(12), default="new"),
    Column("usd", Money),
    # What the last version counts with against thresholds, since a sibling that came in later took the sum of
    # an umbrella programme over one; None where that is what the version says.
    Column("raised_usd", Money),
    Column("holder_id", Integer),
    Column("due_on", Day),
    # The first day on which time may demand something of it; None while nothing is to come.
    Column("wake_on", Day, index=True),
    required("on_hold", Boolean, default=False),
    # Whether it goes on only when a manager allows a further round.
    required("awaits_manager", Boolean, default=False, server_default=false()),
    # Whether its budget counts for the umbrella programme above it: not once it has come to nothing.
    required("counts", Boolean, default=True),
    required("route", String(12), default=""),
    required("route_reason", String(40), default=""),
    Column("approved_at", Moment),
    # When the registration that it came from was corrected: it counts nowhere since.
    Column("voided_at", Moment),
    Index("ix_proposals_state_due_id", "state", "due_on", "id"),
    Index(
        "ix_proposals_approved",
        "route",
        "approved_at",
        sqlite_where=text("route <> ''"),
        postgresql_where=text("route <> ''"),
    ),
)
"""A proposal: where it stands, what its authors are writing, and what lists are sorted by.

``route`` and ``approved_at`` repeat what the facts say, for the indicator; they are written
in the same transaction as the step that changes them.
"""


relations: Final = Table(
    "relations",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("person_id", Integer, ForeignKey("people.id"), index=True),
    required("relation", String(12)),
    required("since", Moment),
    UniqueConstraint("proposal_id", "person_id", "relation"),
)
"""A relation of a person to a proposal, kept for ever."""


versions: Final = Table(
    "versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("number", Integer),
    required("value", Text),
    required("digest", String(64)),
    required("at", Moment),
    required("by", Integer, ForeignKey("people.id")),
    UniqueConstraint("proposal_id", "number"),
)
"""A submitted version: its frozen value and the digest of it."""


documents: Final = Table(
    "documents",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("kind", String(30)),
    required("filename", Text),
    required("media_type", Text),
    required("sha256", String(64), index=True),
    required("size", Integer),
    required("at", Moment),
    required("by", Integer, ForeignKey("people.id")),
    # Taken out of the next version; earlier versions keep it.
    Column("removed_at", Moment),
)
"""A file attached to a proposal; the bytes lie in the store under their SHA-256."""


changes: Final = Table(
    "changes",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("round", Integer),
    required("number", Integer),
    required("item", String(12), default=""),
    required("text", Text),
    Column("answer", String(10)),
    required("answer_text", Text, default=""),
    Column("answered_at", Moment),
    UniqueConstraint("proposal_id", "round", "number"),
)
"""A change that a revision request asks for."""


decisions: Final = Table(
    "decisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("kind", String(20)),
    required("at", Moment),
    required("by", Integer, ForeignKey("people.id")),
    Column("version_id", Integer, ForeignKey("versions.id")),
    Column("appraisal_id", Integer, ForeignKey("appraisals.id")),
    required("note", Text, default=""),
    Column("approved_at", Moment),
    required("document", Text, default=""),
    required("source", Text, default=""),
    required("contradicts", Boolean, default=False),
    Column("voided_at", Moment),
    # Whom the person who decided stood in for.
    Column("for_id", Integer),
    # What an approval of no version is worth, frozen with the rates of its day.
    required("contributions", Text, default="", server_default=""),
    Index(
        "ix_decisions_valid",
        "kind",
        "proposal_id",
        sqlite_where=text("voided_at IS NULL"),
        postgresql_where=text("voided_at IS NULL"),
    ),
)
"""A decision or signature on a proposal."""


holds: Final = Table(
    "holds",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("since", Moment),
    required("until", Day),
    required("reason", Text),
    required("by", Integer, ForeignKey("people.id")),
    Column("released_at", Moment),
)
"""A stretch in which the clock of a proposal stands."""


self_ratings: Final = Table(
    "self_ratings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    # The number of the version that is being written: one more than the last submitted.
    required("version", Integer),
    required("item", String(12)),
    required("value", String(3)),
    required("note", Text, default=""),
    required("by", Integer, ForeignKey("people.id")),
    required("at", Moment),
    UniqueConstraint("proposal_id", "version", "item"),
)
"""What the authors themselves think of an item before they submit a version; theirs alone."""
