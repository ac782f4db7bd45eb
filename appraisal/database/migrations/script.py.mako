"""${message}"""

import sqlalchemy as sa
from alembic import op

from appraisal.database.types import Day, Moment, Money
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    ${upgrades if upgrades else "pass"}
