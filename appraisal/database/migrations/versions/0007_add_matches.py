"""Add which project of the finance list is which proposal"""

import sqlalchemy as sa
from alembic import op

from appraisal.database import triggers
from appraisal.database.types import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "matches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=True),
        sa.Column("how", sa.String(length=12), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("by", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name=op.f("fk_matches_proposal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
    )
    op.create_index("ix_matches_project", "matches", ["project", "id"])
    op.create_index(op.f("ix_matches_proposal_id"), "matches", ["proposal_id"])
    for statement in triggers.statements(op.get_bind().dialect.name, "matches"):
        op.execute(statement)


def downgrade() -> None:
    """Take the migration back."""
    op.drop_table("matches")
