"""This table holds which project of the finance list is which proposal."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Match(Base):
    """What was found of a project of the finance list: append-only, the newest of a project is in force."""

    __tablename__ = "matches"
    __table_args__ = (Index("ix_matches_project", "project", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    # The key of its row in the dataset.
    project: Mapped[str]
    # None where it is no longer taken for any.
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey("proposals.id"), index=True)
    # By symbol, confirmed by a person, registered as an outside approval, or undone. The product itself
    # undoes what it matched by a symbol that decides no longer.
    how: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
    by: Mapped[int]
    # The facts that a person looked at, as JSON; empty for what the product found by itself.
    basis: Mapped[str] = mapped_column(default="", server_default="")
