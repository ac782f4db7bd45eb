"""This table holds which project of the finance list is which proposal."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Moment

matches: Final = Table(
    "matches",
    METADATA,
    Column("id", Integer, primary_key=True),
    # The key of its row in the dataset.
    required("project", Text),
    # None where it is no longer taken for any.
    Column("proposal_id", Integer, ForeignKey("proposals.id"), index=True),
    # By symbol, confirmed by a person, registered as an outside approval, or undone. The product itself
    # undoes what it matched by a symbol that decides no longer.
    required("how", String(12)),
    required("at", Moment),
    required("by", Integer),
    # The facts that a person looked at, as JSON; empty for what the product found by itself.
    required("basis", Text, default="", server_default=""),
    Index("ix_matches_project", "project", "id"),
)
"""What was found of a project of the finance list: append-only, the newest of a project is in force."""
