"""Keep who is no longer awaited, since an appraisal was closed, apart from who let their date pass"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from appraisal.clock import geneva_date
from appraisal.database.types import Day, Moment

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("consultations", "reviews")


def upgrade() -> None:
    """Apply the migration; a plain added column leaves the triggers of SQLite in place."""
    for name in _TABLES:
        op.add_column(name, sa.Column("released_at", Moment(), nullable=True))
    db = op.get_bind()
    appraisals = sa.table("appraisals", *map(sa.column, ("id", "finalised_at", "closed_at")))
    is_over = sa.or_(appraisals.c.finalised_at.is_not(None), appraisals.c.closed_at.is_not(None))
    for table in map(_asked, _TABLES):
        rows = db.execute(
            sa.select(table.c.id, table.c.due_on, table.c.silent_at, is_over.label("is_over"))
            .join(appraisals, appraisals.c.id == table.c.appraisal_id)
            .where(table.c.silent_at.is_not(None))
        ).all()
        # A closing noted of everybody who had not answered that there is no answer by the date. Where the
        # appraisal runs again, they are awaited again.
        early = [
            {"row": row.id, "at": row.silent_at if row.is_over else None}
            for row in rows
            if geneva_date(row.silent_at) <= row.due_on
        ]
        if early:
            at = sa.bindparam("at", type_=Moment())
            statement = sa.update(table).where(table.c.id == sa.bindparam("row"))
            db.execute(statement.values(silent_at=None, released_at=at), early)


def _asked(name: str) -> Any:
    return sa.table(
        name,
        sa.column("id"),
        sa.column("appraisal_id"),
        sa.column("due_on", Day()),
        sa.column("silent_at", Moment()),
        sa.column("released_at", Moment()),
    )


def downgrade() -> None:
    """Take the migration back."""
    db = op.get_bind()
    for table in map(_asked, _TABLES):
        released = table.c.released_at.is_not(None)
        db.execute(sa.update(table).where(released).values(silent_at=table.c.released_at))
    for name in _TABLES:
        op.drop_column(name, "released_at")
