"""Keep sessions in the database, so that they end there, and when a password was set

Everybody signs in anew: sessions were known by their cookies alone.
"""

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Moment

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("browser", sa.String(length=60), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("last_used_at", Moment(), nullable=False),
        sa.Column("previous_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
    )
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"])
    op.add_column("people", sa.Column("password_set_at", Moment(), nullable=True))
    op.drop_column("people", "session_epoch")


def downgrade() -> None:
    """Take the migration back."""
    op.add_column("people", sa.Column("session_epoch", sa.Integer(), server_default="0", nullable=False))
    op.drop_column("people", "password_set_at")
    op.drop_index(op.f("ix_sessions_person_id"), "sessions")
    op.drop_table("sessions")
