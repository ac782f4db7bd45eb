"""These tables hold the audit trail, the access log, and the records drawn from both."""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Moment

events: Final = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id")),
    required("sequence", Integer),
    required("name", String(40)),
    required("act", String(40), default=""),
    required("from_state", String(40), default=""),
    required("to_state", String(40), default=""),
    required("at", Moment),
    required("by", Integer),
    required("note", Text, default=""),
    # Whom the person stood in for.
    Column("for_id", Integer),
    # Of a step that left a state with a clock: the track then, the working days used, and the limit.
    required("track", String(40), default="", server_default=""),
    Column("days_used", Integer),
    Column("days_limit", Integer),
    # The unique id of the request that caused it, so that a form sent twice acts once.
    Column("request", Text, unique=True),
    required("body", Text),
    required("digest", String(64)),
    UniqueConstraint("proposal_id", "sequence", name="uq_events_chain"),
)
"""The audit trail: append-only, one chain for each proposal."""


site_events: Final = Table(
    "site_events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    required("body", Text),
    required("digest", String(64)),
    # Whose account it is about, and whether it went the emergency way: as its text says, to be found by.
    Column("person_id", Integer, index=True),
    required("emergency", Boolean, default=False, server_default=false()),
    Index(
        "ix_site_events_emergencies",
        "sequence",
        sqlite_where=text("emergency = 1"),
        postgresql_where=text("emergency"),
    ),
)
"""An event of the site's own chain: people and their roles, rates, definitions released."""


accesses: Final = Table(
    "accesses",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("at", Moment),
    Column("person_id", Integer),
    required("action", String(40)),
    required("subject", Text, default=""),
    required("detail", Text, default=""),
)
"""The access log: sign-ins, downloads and refused steps."""


checkpoints: Final = Table(
    "checkpoints",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    required("at", Moment),
    required("root", String(64)),
    required("chains", Integer),
    # The last event that it is over, and the first and last row of the access log, by their ids.
    required("events_to", Integer),
    required("accesses_from", Integer),
    required("accesses_to", Integer),
    required("previous", String(64)),
    required("body", Text),
    required("digest", String(64)),
    Column("signature", LargeBinary),
)
"""A checkpoint: one digest over the heads of all chains, and over what was logged since the last one."""


issuers: Final = Table(
    "issuers",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("at", Moment),
    required("by", Integer),
    required("address", Text),
    required("fingerprint", String(64), index=True),
    required("subject", Text),
    Column("certificate", LargeBinary),
)
"""Who issues records and signs checkpoints from a moment on; the last row is in force."""


records: Final = Table(
    "records",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    required("kind", String(12)),
    required("digest", String(64), unique=True),
    required("value", Text),
    required("at", Moment),
    Column("appraisal_id", Integer, ForeignKey("appraisals.id")),
    Column("decision_id", Integer, ForeignKey("decisions.id")),
)
"""The value of an appraisal record or decision sheet, in canonical JSON."""


renderings: Final = Table(
    "renderings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("record_id", Integer, ForeignKey("records.id")),
    required("language", String(2)),
    required("sha256", String(64)),
    required("size", Integer),
    required("at", Moment),
    UniqueConstraint("record_id", "language"),
)
"""A PDF of a record in a language; the bytes lie in the store under their SHA-256."""


earlier_renderings: Final = Table(
    "earlier_renderings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("record_id", Integer, ForeignKey("records.id")),
    required("language", String(2)),
    required("sha256", String(64)),
    required("at", Moment),
    UniqueConstraint("record_id", "sha256"),
)
"""A PDF of a record that was drawn again since; the register knows it for good."""


indicator_reports: Final = Table(
    "indicator_reports",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("indicator", String(10)),
    required("biennium", String(7)),
    required("value", Text),
    required("digest", String(64), unique=True),
    # Up to which row of each table facts were heard, as canonical JSON.
    required("up_to", Text, default="{}", server_default="{}"),
    required("at", Moment),
    required("by", Integer, ForeignKey("people.id")),
)
"""A published indicator report: its value stays, whatever is corrected later."""


report_renderings: Final = Table(
    "report_renderings",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("report_id", Integer, ForeignKey("indicator_reports.id")),
    required("language", String(2)),
    required("sha256", String(64)),
    required("size", Integer),
    required("at", Moment),
    UniqueConstraint("report_id", "language"),
)
"""A PDF of a published report in a language; the bytes lie in the store under their SHA-256."""
