"""This table holds lessons that evaluations drew, imported from files."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from appraisal.database.tables.columns import Base


class Lesson(Base):
    """A lesson of an evaluation, with where it is published."""

    __tablename__ = "lessons"

    id: Mapped[int] = mapped_column(primary_key=True)
    # What forms and ratings cite it by.
    code: Mapped[str] = mapped_column(String(40), unique=True)
    text: Mapped[str]
    # ISO 3166 codes with a space between them; empty where the source does not say.
    countries: Mapped[str] = mapped_column(default="")
    # Where it was learned, in the words of the source.
    place: Mapped[str] = mapped_column(default="")
    theme: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str] = mapped_column(default="")
    source: Mapped[str]
    imported_at: Mapped[datetime]
    imported_by: Mapped[int]
