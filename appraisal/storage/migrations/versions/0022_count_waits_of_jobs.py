"""Count how often a job only waited for the installation, and take up the drawings that were given up"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    op.add_column("jobs", sa.Column("waits", sa.Integer(), server_default="0", nullable=False))
    jobs = sa.table("jobs", *map(sa.column, ("kind", "done_at", "dead_at", "lease_until", "attempts")))
    # They were given up after five minutes, most of them for want of a key or of room.
    given_up = (jobs.c.kind != "mail", jobs.c.done_at.is_(None), jobs.c.dead_at.is_not(None))
    op.execute(sa.update(jobs).where(*given_up).values(dead_at=None, lease_until=None, attempts=0))


def downgrade() -> None:
    """Take the migration back."""
    op.drop_column("jobs", "waits")
