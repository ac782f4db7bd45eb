"""Add requests about accounts, how links came about, and whom events of the site are about"""

import json

import sqlalchemy as sa
from alembic import op

from appraisal.database import triggers
from appraisal.database.types import Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the migration."""
    op.create_table(
        "account_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("adds", sa.Text(), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_account_requests_person_id")),
        sa.ForeignKeyConstraint(["asked_by"], ["people.id"], name=op.f("fk_account_requests_asked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_requests")),
    )
    op.create_index(op.f("ix_account_requests_person_id"), "account_requests", ["person_id"])
    op.create_index(
        "ix_account_requests_open",
        "account_requests",
        ["expires_at"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.add_column("tokens", sa.Column("spent_at", Moment(), nullable=True))
    op.add_column("tokens", sa.Column("how", sa.String(length=10), server_default="shown", nullable=False))
    op.add_column("tokens", sa.Column("asked_by", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tokens", sa.Column("confirmed_by", sa.Integer(), nullable=True))
    # Links that are still open were seen by one administrator alone, whomever they open.
    op.execute(sa.text("UPDATE tokens SET used_at = expires_at WHERE used_at IS NULL"))
    # Plain added columns leave the triggers of SQLite in place.
    op.add_column("site_events", sa.Column("person_id", sa.Integer(), nullable=True))
    op.add_column(
        "site_events", sa.Column("emergency", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(op.f("ix_site_events_person_id"), "site_events", ["person_id"])
    op.create_index(
        "ix_site_events_emergencies",
        "site_events",
        ["sequence"],
        sqlite_where=sa.text("emergency = 1"),
        postgresql_where=sa.text("emergency"),
    )
    _note_people(op.get_bind())


def _note_people(db: sa.Connection) -> None:
    """Note of every event whom it is about, as its text says; the table is guarded again afterwards."""
    rows = db.execute(sa.text("SELECT sequence, body FROM site_events"))
    people = [(row.sequence, json.loads(row.body)["facts"].get("person")) for row in rows]
    found = [{"at": sequence, "person": person} for sequence, person in people if isinstance(person, int)]
    if not found:
        return
    is_sqlite = db.dialect.name == "sqlite"
    db.execute(
        sa.text(
            "DROP TRIGGER site_events_no_update"
            if is_sqlite
            else "ALTER TABLE site_events DISABLE TRIGGER site_events_append_only"
        )
    )
    db.execute(sa.text("UPDATE site_events SET person_id = :person WHERE sequence = :at"), found)
    db.execute(
        sa.text(
            next(iter(triggers.statements("sqlite", "site_events")))
            if is_sqlite
            else "ALTER TABLE site_events ENABLE TRIGGER site_events_append_only"
        )
    )


def downgrade() -> None:
    """Take the migration back."""
    op.drop_index("ix_site_events_emergencies", "site_events")
    op.drop_index(op.f("ix_site_events_person_id"), "site_events")
    op.drop_column("site_events", "emergency")
    op.drop_column("site_events", "person_id")
    for column in ("confirmed_by", "asked_by", "how", "spent_at"):
        op.drop_column("tokens", column)
    op.drop_table("account_requests")
