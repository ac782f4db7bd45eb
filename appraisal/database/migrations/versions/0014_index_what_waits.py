"""Index valid decisions by kind and notices by proposal, by which what waits for somebody is found"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    valid = sa.text("voided_at IS NULL")
    op.create_index(
        "ix_decisions_valid",
        "decisions",
        ["kind", "proposal_id"],
        sqlite_where=valid,
        postgresql_where=valid,
    )
    op.create_index("ix_notices_proposal_id", "notices", ["proposal_id"])


def downgrade() -> None:
    """Take the migration back."""
    op.drop_index("ix_notices_proposal_id", table_name="notices")
    op.drop_index("ix_decisions_valid", table_name="decisions")
