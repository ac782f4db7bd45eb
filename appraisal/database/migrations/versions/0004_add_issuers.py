"""Add who issues records, and with which certificate they are signed"""

import sqlalchemy as sa
from alembic import op

from appraisal.database import triggers
from appraisal.database.types import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "issuers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuers")),
    )
    op.create_index(op.f("ix_issuers_fingerprint"), "issuers", ["fingerprint"])
    for statement in triggers.statements(op.get_bind().dialect.name, "issuers"):
        op.execute(statement)


def downgrade() -> None:
    """Take the migration back."""
    op.drop_table("issuers")
