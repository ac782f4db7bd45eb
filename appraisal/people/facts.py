"""People are frozen values here, with their roles, their units, and for whom they stand in."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from appraisal.vocabulary.roles import Role

Delivery = Literal["at_once", "daily"]


DELIVERIES: tuple[Delivery, ...] = get_args(Delivery)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in; ``id`` 0 with no roles is the system, which does what time demands.

    ``stands_in`` is for whom the person is named as a substitute, whatever the days; ``covers``, of
    somebody who acts now, for whom that is today (``people.rules.substitutes``).
    """

    id: int
    name: str
    roles: frozenset[Role] = frozenset()
    email: str = ""
    unit: str = ""
    duty_station: str = "Geneva"
    language: str = "en"
    active: bool = True
    delivery: Delivery = "at_once"
    stands_in: tuple["StandIn", ...] = ()
    covers: tuple["StandIn", ...] = ()

    def has(self, role: Role) -> bool:
        """Tell whether the person holds a role."""
        return role in self.roles


Scope = Literal["appraisals", "decisions"]


@dataclass(frozen=True, slots=True)
class StandIn:
    """For whom somebody stands in, of what, from which day to which, both included."""

    person: int
    name: str
    scope: Scope
    first: date
    last: date


SYSTEM_ACTOR = Person(0, "system")
