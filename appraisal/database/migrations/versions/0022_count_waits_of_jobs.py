"""Count how often a job only waited, take up the drawings that were given up, and keep earlier ones

Drawings are those of records and reports; waiting is for the installation: its key, its disk, its libraries.
"""

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Moment

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    op.add_column("jobs", sa.Column("waits", sa.Integer(), server_default="0", nullable=False))
    jobs = sa.table("jobs", *map(sa.column, ("kind", "done_at", "dead_at", "lease_until", "attempts")))
    # They were given up after five minutes, most of them for want of a key or of room.
    given_up = (jobs.c.kind != "mail", jobs.c.done_at.is_(None), jobs.c.dead_at.is_not(None))
    op.execute(sa.update(jobs).where(*given_up).values(dead_at=None, lease_until=None, attempts=0))
    op.add_column(
        "proposals", sa.Column("awaits_manager", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "earlier_renderings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_earlier_renderings_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earlier_renderings")),
        sa.UniqueConstraint("record_id", "sha256", name=op.f("uq_earlier_renderings_record_id_sha256")),
    )


def downgrade() -> None:
    """Take the migration back."""
    op.drop_table("earlier_renderings")
    op.drop_column("proposals", "awaits_manager")
    op.drop_column("jobs", "waits")
