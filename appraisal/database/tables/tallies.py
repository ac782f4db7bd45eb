"""This table keeps what the indicator adds up, so that nobody has to go through all proposals."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from appraisal.database.tables.columns import METADATA, required

tallies: Final = Table(
    "tallies",
    METADATA,
    Column("id", Integer, primary_key=True),
    required("dimension", String(10)),
    required("value", Text),
    required("biennium", String(7)),
    required("funds", String(20)),
    required("route", String(12)),
    required("illustrative", Boolean),
    required("workflow", String(60), default="", server_default=""),
    required("count", Integer),
    # US cents: both databases add up whole numbers exactly.
    required("cents", BigInteger),
    Index("ix_tallies_dimension_biennium", "dimension", "biennium"),
)
"""What a step added to one cell of the indicator; the cell itself is the sum of its rows.

Steps only append, so that they never wait for each other; a tick makes one row a cell of them. The
columns up to ``workflow`` are those of ``proposals.rules.sums.Cell``.
"""
