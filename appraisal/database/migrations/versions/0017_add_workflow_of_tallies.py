"""Keep with the tallies of states by which workflow they are to be read"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration. The tallies are counted anew once it is done, from the trail."""
    op.add_column("tallies", sa.Column("workflow", sa.String(length=60), server_default="", nullable=False))


def downgrade() -> None:
    """Take the migration back; the tallies are to be counted anew."""
    op.drop_column("tallies", "workflow")
