"""Add up to which rows a published report of an indicator heard facts"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    op.add_column("indicator_reports", sa.Column("up_to", sa.Text(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Take the migration back."""
    op.drop_column("indicator_reports", "up_to")
