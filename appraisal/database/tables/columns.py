"""All tables share the metadata and the kind of column that stand here."""

from functools import partial
from typing import Final

from sqlalchemy import Column, MetaData

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables; constraints have names, so that migrations can speak of them."""

required: Final = partial(Column, nullable=False)
"""A column in which a value must stand."""
