"""Add checkpoints, and let the database refuse to change what is only ever appended"""

import sqlalchemy as sa
from alembic import op

from appraisal.database import triggers
from appraisal.database.types import Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPENDED = ("events", "site_events", "records", "versions", "indicator_reports", "accesses", "checkpoints")


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "checkpoints",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("events_to", sa.Integer(), nullable=False),
        sa.Column("accesses_from", sa.Integer(), nullable=False),
        sa.Column("accesses_to", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_checkpoints")),
    )
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(triggers.function())
    for table in APPENDED:
        for statement in triggers.statements(dialect, table):
            op.execute(statement)
