"""This table holds lessons that evaluations drew, imported from files."""

from typing import Final

from sqlalchemy import Column, Integer, String, Table, Text

from appraisal.database.tables.columns import METADATA, required
from appraisal.database.types import Moment

lessons: Final = Table(
    "lessons",
    METADATA,
    Column("id", Integer, primary_key=True),
    # What forms and ratings cite it by.
    required("code", String(40), unique=True),
    required("text", Text),
    # ISO 3166 codes with a space between them; empty where the source does not say.
    required("countries", Text, default=""),
    # Where it was learned, in the words of the source.
    required("place", Text, default=""),
    required("theme", Text, default=""),
    required("outcome", Text, default=""),
    required("source", Text),
    required("imported_at", Moment),
    required("imported_by", Integer),
)
"""A lesson of an evaluation, with where it is published."""
