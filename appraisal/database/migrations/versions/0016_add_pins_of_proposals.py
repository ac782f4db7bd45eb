"""Add the digests of the definitions that a proposal pins, from its first version or decision sheet"""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    op.add_column("proposals", sa.Column("pins", sa.Text(), server_default="{}", nullable=False))
    proposals = sa.table("proposals", *(sa.column(name) for name in ("id", "workflow", "pins")))
    db = op.get_bind()
    rows = db.execute(sa.select(proposals.c.id).where(proposals.c.workflow != "").order_by(proposals.c.id))
    for (id,) in rows.all():
        if pins := _pinned(db, id):
            text = json.dumps(pins, sort_keys=True, separators=(",", ":"))
            db.execute(sa.update(proposals).where(proposals.c.id == id).values(pins=text))


def _pinned(db: sa.Connection, proposal: int) -> Mapping[str, str]:
    """Return the digests that the first version names, or the first record of one that has no version."""
    for name in ("versions", "records"):
        table = sa.table(name, *(sa.column(column) for column in ("id", "proposal_id", "value")))
        first = sa.select(table.c.value).where(table.c.proposal_id == proposal).order_by(table.c.id).limit(1)
        text = db.execute(first).scalar_one_or_none()
        if text is not None:
            named: Mapping[str, Any] = json.loads(text)["definitions"]
            pins: Mapping[str, str] = named.get("digests", named)
            return pins
    return {}


def downgrade() -> None:
    """Take the migration back."""
    op.drop_column("proposals", "pins")
