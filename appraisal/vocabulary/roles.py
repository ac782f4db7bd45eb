"""Roles are held by people, relations tie them to one proposal, and both have their titles here."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from appraisal.language.texts import N_

Role = Literal["designer", "coordinator", "appraiser", "manager", "auditor", "administrator"]


Relation = Literal["author", "lead", "reviewer", "signatory"]


ROLES: tuple[Role, ...] = get_args(Role)


RELATIONS: tuple[Relation, ...] = get_args(Relation)


ROLE_TITLES: Final[Mapping[Role, str]] = {
    "designer": N_("Project designer"),
    "coordinator": N_("Coordinator"),
    "appraiser": N_("Appraiser"),
    "manager": N_("Manager"),
    "auditor": N_("Auditor"),
    "administrator": N_("Administrator"),
}
