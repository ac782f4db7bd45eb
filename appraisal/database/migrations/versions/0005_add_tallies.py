"""Keep what the indicator adds up, and the region and symbol of proposals as columns"""

import json

import sqlalchemy as sa
from alembic import op

from appraisal.vocabulary.project_symbols import normalised

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. The tallies are counted once it is done, from the trail."""
    op.create_table(
        "tallies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("biennium", sa.String(length=7), nullable=False),
        sa.Column("funds", sa.String(length=20), nullable=False),
        sa.Column("route", sa.String(length=12), nullable=False),
        sa.Column("illustrative", sa.Boolean(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
    )
    op.create_index("ix_tallies_dimension_biennium", "tallies", ["dimension", "biennium"])
    for name in ("region", "symbol"):
        op.add_column("proposals", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_index(op.f("ix_proposals_symbol"), "proposals", ["symbol"])
    op.drop_index("ix_proposals_approved", "proposals")
    approved = sa.text("route <> ''")
    op.create_index(
        "ix_proposals_approved",
        "proposals",
        ["route", "approved_at"],
        sqlite_where=approved,
        postgresql_where=approved,
    )
    _fill()


def _fill() -> None:
    db = op.get_bind()
    table = sa.table("proposals", *(sa.column(name) for name in ("id", "content", "region", "symbol")))
    for row in db.execute(sa.select(table.c.id, table.c.content)).all():
        form = json.loads(row.content).get("identification", {})
        given = {"region": form.get("region", ""), "symbol": normalised(form.get("symbol", ""))}
        db.execute(sa.update(table).where(table.c.id == row.id).values(given))


def downgrade() -> None:
    """Take the migration back."""
    op.drop_table("tallies")
    op.drop_index("ix_proposals_approved", "proposals")
    approved = sa.text("route <> ''")
    op.create_index(
        "ix_proposals_approved",
        "proposals",
        ["approved_at", "route"],
        sqlite_where=approved,
        postgresql_where=approved,
    )
    op.drop_index(op.f("ix_proposals_symbol"), "proposals")
    for name in ("symbol", "region"):
        op.drop_column("proposals", name)
