"""Checklists are the criteria that a proposal is appraised against, item by item."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, model_validator

from appraisal.definitions.documents import Definition, Flag, Part, Path_
from appraisal.definitions.names import known
from appraisal.language.texts import N_, Language, Text, translate

ItemId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,5}-[0-9]+[a-z]?$")]
Fact = Literal["no_private_funder", "no_learning_component", "centre_is_provider"]
# What the product looks up for an item: similar proposals, or lessons of evaluations.
LooksUp = Literal["overlap", "lessons"]
# The field of the form in which authors note what they looked up.
LOOKED_UP: Final[Mapping[LooksUp, str]] = {"overlap": "alignment.overlap", "lessons": "lessons.used"}

# What sources of items say beside documents, which keep their names.
OWN_CHOICES: Final = (
    N_("Own design choice"),
    N_("own design choice"),
    N_("wording: own design choice"),
    N_("on the timing: own design choice"),
    N_("Own design choice (do-no-harm logic)"),
    N_("Own design choice, from GB.306/TC/1, para. 33"),
    N_("Own design choice, from the appropriate use of the Centre asked for in GB.306/TC/1, para. 33"),
)


def source_in(language: Language, source: str) -> str:
    """Return the source of an item: documents as they are called, what is a choice of our own in words."""
    parts = source.split("; ")
    return "; ".join(translate(language, part) if part in OWN_CHOICES else part for part in parts)


def _field(path: str, info: ValidationInfo) -> str:
    return known(info, "fields", path, "is not a field of the form")


FieldPath = Annotated[str, AfterValidator(_field)]


class NotRelevant(Part):
    """When an item may be rated X: in words, and, where the form holds the fact, by that fact.

    With ``facts``, any one of them suffices and all others forbid the X; without, the appraiser
    states the circumstance in the comment.
    """

    when: Text
    facts: tuple[Fact, ...] = ()


class Item(Part):
    """One question of a checklist; ``evidence`` names the form fields that answer it.

    ``looks_up`` says what the product finds for it, and that what was found is noted in its rating.
    """

    id: ItemId
    gating: Flag = False
    ask: Text
    answered_by: Text
    guidance: Text
    evidence: tuple[FieldPath, ...] = ()
    source: Annotated[str, StringConstraints(min_length=1)]
    not_relevant: NotRelevant | None = None
    looks_up: LooksUp | None = None

    @model_validator(mode="after")
    def _gate_is_always_relevant(self) -> Self:
        if self.gating and self.not_relevant is not None:
            raise ValueError(f"{self.id} is gating, so it is always relevant: take ‘not_relevant’ out")
        return self

    @model_validator(mode="after")
    def _cites_what_is_noted(self) -> Self:
        if self.looks_up is not None and LOOKED_UP[self.looks_up] not in self.evidence:
            raise ValueError(
                f"{self.id} looks up {self.looks_up}, so its evidence cites {LOOKED_UP[self.looks_up]}"
            )
        return self


class Checklist(Definition):
    """One criterion with its items; ``consult`` names the units that are asked about it."""

    kind: Literal["checklist"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,5}$")]
    purpose: Text
    consult: tuple[str, ...] = ()
    rated_share_waived_when: Fact | None = None
    items: Annotated[tuple[Item, ...], Field(min_length=1)]

    def complaints(self) -> Iterator[tuple[Path_, str]]:
        """Yield items with a foreign code, and items that stand twice."""
        seen: set[str] = set()
        for index, item in enumerate(self.items):
            if not item.id.startswith(f"{self.code}-"):
                yield ("items", index, "id"), f"the item {item.id} does not begin with the code {self.code}"
            if item.id in seen:
                yield ("items", index, "id"), f"the item {item.id} stands twice"
            seen.add(item.id)

    def item(self, id: str) -> Item:
        """Return an item by its id; ``KeyError`` where there is none."""
        for item in self.items:
            if item.id == id:
                return item
        raise KeyError(id)
