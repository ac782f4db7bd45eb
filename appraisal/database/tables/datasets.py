"""These tables hold imported lists, and the rows that each import brought or took away."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Import(Base):
    """An import of a list: append-only, with the counts of what it changed."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(String(40), index=True)
    filename: Mapped[str]
    # The file itself lies in the store under this.
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    # Canonical JSON: the heading of the file, and the column of it that each column was taken from.
    mapping: Mapped[str]
    # Whether the file is the whole list, so that a row that is not in it is no more.
    whole: Mapped[bool]
    rows: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[int]


class Entry(Base):
    """What a row of a dataset says from a moment on: append-only, the newest of a key is in force."""

    __tablename__ = "entries"
    __table_args__ = (Index("ix_entries_state", "dataset", "key", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id"), index=True)
    dataset: Mapped[str] = mapped_column(String(40))
    key: Mapped[str]
    # Where it stands in the file; 0 for a row that is not in it.
    line: Mapped[int]
    # Canonical JSON; empty for a row that the whole list no longer holds.
    value: Mapped[str]
    at: Mapped[datetime]
