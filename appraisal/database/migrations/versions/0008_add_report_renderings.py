"""Keep the PDFs of published reports"""

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Moment

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "report_renderings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["indicator_reports.id"], name=op.f("fk_report_renderings_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_renderings")),
        sa.UniqueConstraint("report_id", "language", name=op.f("uq_report_renderings_report_id_language")),
    )


def downgrade() -> None:
    """Take the migration back."""
    op.drop_table("report_renderings")
