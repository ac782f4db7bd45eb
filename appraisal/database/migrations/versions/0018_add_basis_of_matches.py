"""Add the basis of matches and raised thresholds, and write references to proposals as they are compared"""

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Money
from appraisal.vocabulary.project_symbols import normalised

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_REFERENCES = ("parent", "predecessor")


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    op.add_column("matches", sa.Column("basis", sa.Text(), server_default="", nullable=False))
    op.add_column("proposals", sa.Column("raised_usd", Money(), nullable=True))
    proposals = sa.table("proposals", *(sa.column(name) for name in ("id", *_REFERENCES)))
    db = op.get_bind()
    named = sa.or_(*(proposals.c[name] != "" for name in _REFERENCES))
    for row in db.execute(sa.select(proposals).where(named)).all():
        written = {name: normalised(row._mapping[name]) for name in _REFERENCES}
        if any(row._mapping[name] != text for name, text in written.items()):
            db.execute(sa.update(proposals).where(proposals.c.id == row.id).values(written))


def downgrade() -> None:
    """Take the migration back; what was written otherwise stays as it is compared."""
    op.drop_column("proposals", "raised_usd")
    op.drop_column("matches", "basis")
