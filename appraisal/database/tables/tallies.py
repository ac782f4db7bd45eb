"""This table keeps what the indicator adds up, so that nobody has to go through all proposals."""

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Tally(Base):
    """What a step added to one cell of the indicator; the cell itself is the sum of its rows.

    Steps only append, so that they never wait for each other; a tick makes one row a cell of them. The
    columns up to ``workflow`` are those of ``proposals.rules.sums.Cell``.
    """

    __tablename__ = "tallies"
    __table_args__ = (Index("ix_tallies_dimension_biennium", "dimension", "biennium"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(String(10))
    value: Mapped[str]
    biennium: Mapped[str] = mapped_column(String(7))
    funds: Mapped[str] = mapped_column(String(20))
    route: Mapped[str] = mapped_column(String(12))
    illustrative: Mapped[bool]
    workflow: Mapped[str] = mapped_column(String(60), default="", server_default="")
    count: Mapped[int]
    # US cents: both databases add up whole numbers exactly.
    cents: Mapped[int] = mapped_column(BigInteger)
