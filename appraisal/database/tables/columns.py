"""All tables share the base and the kinds of column that stand here."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase

from appraisal.database.types import Day, Moment, Money


class Base(DeclarativeBase):
    """Base of all tables; names constraints, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: dict[Any, Any] = {datetime: Moment, date: Day, Decimal: Money, str: Text}
    # Every model here is a plain table, never a join or a query; saying so types all statements.
    __table__: ClassVar[Table]
