"""Keep former rates, freeze what approvals without a version are worth, and mark proposals that are void"""

import json
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from alembic import op

from appraisal.clock import geneva_date, parse_stamp
from appraisal.database import triggers
from appraisal.database.types import Moment

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_REGISTERED = """
SELECT d.id, d.at, d.approved_at, p.created_at, p.content FROM decisions d JOIN proposals p ON p.id = d.proposal_id
WHERE d.kind = 'register_approval' AND d.version_id IS NULL
"""


def upgrade() -> None:
    """Apply the migration; making the table of rates anew on SQLite comes before its triggers."""
    with op.batch_alter_table("rates") as rates:
        rates.drop_constraint("uq_rates_currency_day", type_="unique")
        rates.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        rates.create_index("ix_rates_currency_day", ["currency", "day", "id"])
    op.add_column("decisions", sa.Column("contributions", sa.Text(), server_default="", nullable=False))
    op.add_column("proposals", sa.Column("voided_at", Moment(), nullable=True))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(triggers.function())
    for statement in triggers.statements(connection.dialect.name, "rates"):
        op.execute(statement)
    _freeze(connection)


def _freeze(connection: Any) -> None:
    """Write down what outside approvals were worth when they were registered, at the rates of that moment."""
    rates: dict[str, list[tuple[str, str, Decimal]]] = defaultdict(list)
    for row in connection.execute(sa.text("SELECT currency, day, per_usd, entered_at FROM rates")):
        rates[row.currency].append((row.day, row.entered_at, Decimal(row.per_usd)))
    for row in connection.execute(sa.text(_REGISTERED)).all():
        day = geneva_date(parse_stamp(row.approved_at or row.created_at)).isoformat()
        found = []
        for given in json.loads(row.content).get("identification", {}).get("contributions", []):
            amount = _decimal(given.get("amount"))
            if amount is None:
                continue
            currency = str(given.get("currency", "USD")).upper()
            known = [
                (on, per_usd) for on, entered, per_usd in rates[currency] if on <= day and entered <= row.at
            ]
            on, per_usd = (
                (day, Decimal(1))
                if currency == "USD"
                else max(known, default=(None, None), key=lambda rate: rate[0])
            )
            usd = None if per_usd is None else (amount / per_usd).quantize(Decimal("0.01"), ROUND_HALF_UP)
            found.append(
                {
                    "donor": str(given.get("donor", "")),
                    "private": given.get("private") == "yes",
                    "fund": str(given.get("fund", "")),
                    "modality": str(given.get("modality", "")),
                    "amount": format(amount, "f"),
                    "currency": currency,
                    "usd": None if usd is None else format(usd, "f"),
                    "rate": None if per_usd is None else format(per_usd, "f"),
                    "rate_on": on,
                }
            )
        text = json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        connection.execute(
            sa.text("UPDATE decisions SET contributions = :text WHERE id = :id"), {"text": text, "id": row.id}
        )


def _decimal(given: Any) -> Decimal | None:
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def downgrade() -> None:
    """Take the migration back; the former rates of a day are lost."""
    op.drop_column("proposals", "voided_at")
    op.drop_column("decisions", "contributions")
    for statement in ("rates_append_only", "rates_no_truncate"):
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER {statement} ON rates")
    if op.get_bind().dialect.name == "sqlite":
        for name in ("rates_no_update", "rates_no_delete"):
            op.execute(f"DROP TRIGGER {name}")
    op.execute("DELETE FROM rates WHERE id NOT IN (SELECT max(id) FROM rates GROUP BY currency, day)")
    with op.batch_alter_table("rates") as rates:
        rates.drop_index("ix_rates_currency_day")
        rates.drop_column("reason")
        rates.create_unique_constraint("uq_rates_currency_day", ["currency", "day"])
