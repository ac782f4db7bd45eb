"""Number conditions within their proposal, and keep what becomes of each of them"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Moment

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ROWS = """
SELECT c.id, c.number, c.item, c.cleared_at, c.waived_at, a.id AS appraisal, a.proposal_id AS proposal,
       a.version_id AS version, a.number AS place, a.finalised_at, a.superseded_at
FROM conditions c JOIN appraisals a ON a.id = c.appraisal_id ORDER BY a.proposal_id, a.number, c.number
"""
_FINALISED = """
SELECT proposal_id AS proposal, number AS place, version_id AS version, finalised_at FROM appraisals
WHERE finalised_at IS NOT NULL ORDER BY proposal_id, number
"""


def upgrade() -> None:
    """Apply the migration; the conditions of a proposal's last appraisal keep their numbers."""
    with op.batch_alter_table("conditions") as conditions:
        conditions.drop_constraint("uq_conditions_appraisal_id_number", type_="unique")
        conditions.add_column(sa.Column("proposal_id", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("position", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("written_at", Moment(), nullable=True))
        conditions.add_column(sa.Column("written_by", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("follows", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("withdrawn_at", Moment(), nullable=True))
        conditions.add_column(sa.Column("withdrawn_by", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("superseded_by", sa.Integer(), nullable=True))
        conditions.add_column(sa.Column("row_version", sa.Integer(), server_default="1", nullable=False))
    _fill(op.get_bind())
    with op.batch_alter_table("conditions") as conditions:
        conditions.alter_column("proposal_id", existing_type=sa.Integer(), nullable=False)
        conditions.alter_column("position", existing_type=sa.Integer(), nullable=False)
        conditions.create_foreign_key("fk_conditions_proposal_id", "proposals", ["proposal_id"], ["id"])
        conditions.create_unique_constraint("uq_conditions_proposal_id_number", ["proposal_id", "number"])
        conditions.create_index("ix_conditions_appraisal_id", ["appraisal_id"])


def _fill(db: sa.Connection) -> None:
    of_proposal: dict[int, list[Any]] = defaultdict(list)
    for row in db.execute(sa.text(_ROWS)):
        of_proposal[row.proposal].append(row)
    finalised: dict[int, list[Any]] = defaultdict(list)
    for row in db.execute(sa.text(_FINALISED)):
        finalised[row.proposal].append(row)
    table = sa.table("conditions", *(sa.column(name) for name in ("id", "number", "proposal_id", "position")))
    ending = sa.table("conditions", *(sa.column(name) for name in ("id", "superseded_by", "withdrawn_at")))
    for proposal, rows in of_proposal.items():
        numbers = _numbers(rows)
        for row in rows:
            values = {"number": numbers[row.id], "proposal_id": proposal, "position": row.number}
            db.execute(sa.update(table).where(table.c.id == row.id).values(**values))
            if ended := _end(row, rows, numbers, finalised[proposal]):
                db.execute(sa.update(ending).where(ending.c.id == row.id).values(**ended))


def _numbers(rows: Sequence[Any]) -> dict[int, int]:
    """Give each condition a number of its own; where two claim one, the later appraisal's keeps it."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    free = max(row.number for row in rows) + 1
    for row in sorted(rows, key=lambda row: (-row.place, row.number)):
        if row.number in taken:
            found[row.id], free = free, free + 1
        else:
            found[row.id] = row.number
        taken.add(found[row.id])
    return found


def _end(
    row: Any, rows: Sequence[Any], numbers: dict[int, int], finalised: Sequence[Any]
) -> dict[str, Any] | None:
    """Say what ended a condition of an appraisal that was opened again, or of an earlier version.

    The copy that the appraisal opened again has of it took its place; where there is none, it was struck out.
    """
    if row.superseded_at is not None:
        later = (entry for entry in rows if entry.place > row.place)
        copy = next((entry for entry in later if (entry.number, entry.item) == (row.number, row.item)), None)
        return {"superseded_by": numbers[copy.id]} if copy else {"withdrawn_at": row.superseded_at}
    if row.finalised_at is None or row.cleared_at is not None or row.waived_at is not None:
        return None
    after = (entry for entry in finalised if entry.place > row.place and entry.version != row.version)
    following = next(after, None)
    return {"withdrawn_at": following.finalised_at} if following else None


def downgrade() -> None:
    """Take the migration back; numbers stay as they are."""
    with op.batch_alter_table("conditions") as conditions:
        conditions.drop_index("ix_conditions_appraisal_id")
        conditions.drop_constraint("uq_conditions_proposal_id_number", type_="unique")
        conditions.drop_constraint("fk_conditions_proposal_id", type_="foreignkey")
        conditions.create_unique_constraint("uq_conditions_appraisal_id_number", ["appraisal_id", "number"])
        for name in (
            "row_version",
            "superseded_by",
            "withdrawn_by",
            "withdrawn_at",
            "follows",
            "written_by",
            "written_at",
            "position",
            "proposal_id",
        ):
            conditions.drop_column(name)
