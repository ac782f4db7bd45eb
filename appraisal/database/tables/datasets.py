"""These tables hold imported lists, and the rows that each import brought or took away."""

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Moment

imports: Final = Table(
    "imports",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("dataset", String(40), index=True),
    required("filename", Text),
    # The file itself lies in the store under this.
    required("sha256", String(64)),
    required("size", Integer),
    # Canonical JSON: the heading of the file, and the column of it that each column was taken from.
    required("mapping", Text),
    # Whether the file is the whole list, so that a row that is not in it is no more.
    required("whole", Boolean),
    required("rows", Integer),
    required("added", Integer),
    required("changed", Integer),
    required("removed", Integer),
    required("at", Moment),
    required("by", Integer),
)
"""An import of a list: append-only, with the counts of what it changed."""


entries: Final = Table(
    "entries",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("import_id", Integer, ForeignKey("imports.id"), index=True),
    required("dataset", String(40)),
    required("key", Text),
    # Where it stands in the file; 0 for a row that is not in it.
    required("line", Integer),
    # Canonical JSON; empty for a row that the whole list no longer holds.
    required("value", Text),
    required("at", Moment),
    Index("ix_entries_state", "dataset", "key", "id"),
)
"""What a row of a dataset says from a moment on: append-only, the newest of a key is in force."""
