"""Givens are what may stand under ``with``, key by key, and the values that scenarios are written in."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
)

from appraisal.definitions.documents import Amount, Document, Part, Path_, Words, faults_of
from appraisal.definitions.workflows import Transition
from appraisal.errors import Fault
from appraisal.lists.rules.kinds_of_list import BY_KEY, DATASETS
from appraisal.proposals.rules import form
from appraisal.scenarios.scalars import (
    ApprovedAt,
    Currency,
    Day,
    DayOrNothing,
    Filled,
    PerUsd,
    Somebody,
    Switch,
    Written,
)

# A use case begins a proposal, is done to one, or concerns the site.
VerbKind = Literal["begins", "proposal", "site"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a use case is done to, and the keys that may and must stand under its ``with``.

    ``items``: the items of the checklists may stand there as well.
    """

    kind: VerbKind
    keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    items: bool = False


APPROVAL: Final = ("approved_at", "document", "source")
# What a transition may be given by what it needs, and by what its act does beside moving.
_BY_NEED: Final[Mapping[str, tuple[str, ...]]] = {
    "lead": ("lead",),
    "missing": ("missing",),
    "changes": ("changes",),
    "until": ("until",),
    "agreement": ("date", "reference"),
    "approval": APPROVAL,
}
_BY_ACT: Final[Mapping[str, tuple[str, ...]]] = {
    "submit": ("answers",),
    "assign": ("track", "consultations"),
    "reassign": ("track",),
    "finalise": ("recommendation", "conditions"),
    "request_revision": ("recommendation", "conditions"),
}


def transition_terms(transition: Transition) -> Terms:
    """Return what may stand under the ``with`` of a transition."""
    needed = [key for need in transition.needs for key in _BY_NEED.get(need, ())]
    place = ("behalf",) if "manager" in transition.by else ()
    return Terms("proposal", ("note", "reason", *needed, *_BY_ACT.get(transition.act, ()), *place))


def listed(given: Any) -> list[Any]:
    """Let ``false`` stand for an empty list, and each text for an entry that says no more."""
    if given is None or (isinstance(given, str) and given.lower() in ("", "false", "no")):
        return []
    entries = given if isinstance(given, list) else [given]
    return [{"text": entry} if isinstance(entry, str) else entry for entry in entries]


def _conditions(given: Any) -> Any:
    # A bare word is no list of conditions; a list may hold plain texts.
    if isinstance(given, str) and given.lower() not in ("", "false", "no"):
        raise ValueError(f"write a list of conditions, or false for none, not ‘{given}’")
    return listed(given)


class BudgetGiven(Part):
    """An amount in a currency."""

    amount: Amount
    currency: str = "USD"


class ContributionGiven(Part):
    """One donor's part; columns left out are filled in."""

    donor: Written = ""
    private: Written = ""
    fund: Written = ""
    modality: Written = ""
    amount: Written = ""
    currency: Written = ""


class ConditionGiven(Part):
    """A condition of the lead's; what is left out is filled in."""

    text: Written = ""
    item: Written = ""
    owner: Written = ""
    due: DayOrNothing = None
    gate: Literal["before_donor", "before_start", ""] = ""


class ChangeGiven(Part):
    """A change that is asked for."""

    text: Written = ""
    item: Written = ""


class LessonGiven(Part):
    """A lesson of an evaluation, as in a list that is imported."""

    code: Filled
    text: Filled
    source: Filled
    place: Written = ""
    countries: Written = ""
    theme: Written = ""
    outcome: Written = ""


_TYPES: Final[Mapping[str, Any]] = {
    "budget": Annotated[
        BudgetGiven, BeforeValidator(lambda given: {"amount": given} if isinstance(given, str) else given)
    ],
    "contributions": tuple[ContributionGiven, ...],
    "countries": Words,
    "conditions": Annotated[tuple[ConditionGiven, ...], BeforeValidator(_conditions)],
    "changes": Annotated[tuple[ChangeGiven, ...], BeforeValidator(listed)],
    "similar": Words,
    "lesson": Filled,
    "lessons": tuple[LessonGiven, ...],
    "lead": Somebody,
    "author": Somebody,
    "reviewer": Somebody,
    "due": Day,
    "behalf": Somebody,
    "person": Somebody,
    "substitute": Somebody,
    "scope": Literal["appraisals", "decisions"],
    "first": Day,
    "last": Day,
    "until": DayOrNothing,
    "date": DayOrNothing,
    "approved_at": ApprovedAt,
    "currency": Currency,
    "day": Day,
    "per_usd": PerUsd,
    **dict.fromkeys(
        (
            "private",
            "learning_component",
            "complete",
            "documents",
            "answers",
            "consultations",
            "declare",
            "whole",
            "confirm",
            "other_phase",
        ),
        Switch,
    ),
}


def faults(
    document: Document,
    path: Path_,
    given: Mapping[str, Any],
    terms: Terms,
    people: Iterable[str] | None,
    items: tuple[str, ...],
) -> list[Fault]:
    """Return everything wrong under a ``with``; ``people`` are the keys that may be named, None any."""
    depth = len(path)
    inside = {key[depth:]: line for key, line in document.lines.items() if key[:depth] == path}
    inner = Document(document.name, lines={(): document.line(path), **inside})
    try:
        _model(terms, items).model_validate(dict(given), context=people)
    except ValidationError as error:
        return faults_of(inner, error)
    return []


@cache
def _model(terms: Terms, items: tuple[str, ...]) -> type[BaseModel]:
    types: dict[str, Any] = {key: _TYPES.get(key, Written) for key in terms.keys}
    if "rows" in types:
        types |= {"list": Annotated[str, AfterValidator(_dataset)], "rows": tuple[_row(), ...]}  # type: ignore[misc]
    if "content" in types:
        types["content"] = _content()
    for name in ("comments", "reasons"):
        if name in types:
            types[name] = _entries(name, dict.fromkeys(items, Written))
    if "checklists" in types:
        types["checklists"] = Annotated[Words, AfterValidator(_among(codes_of(items)))]
    if terms.items:
        types |= dict.fromkeys(items, Written)
    return _entries("Given", types, terms.required)


def codes_of(items: Iterable[str]) -> tuple[str, ...]:
    """Return the codes of the checklists that items belong to."""
    return tuple(dict.fromkeys(item.partition("-")[0] for item in items))


def _among(codes: Collection[str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(given: tuple[str, ...]) -> tuple[str, ...]:
        for code in given:
            if code not in codes:
                raise ValueError(f"‘{code}’ is no checklist; there are {', '.join(codes)}")
        return given

    return check


def _entries(name: str, types: Mapping[str, Any], required: tuple[str, ...] = ()) -> type[BaseModel]:
    """Build a model of named entries; aliases let it hold names that Pydantic keeps for itself."""
    fields: dict[str, Any] = {
        f"entry_{index}": (kind, Field(alias=key) if key in required else Field(default=None, alias=key))
        for index, (key, kind) in enumerate(types.items())
    }
    return create_model(name, __base__=Part, **fields)


def _dataset(given: str) -> str:
    if given not in BY_KEY:
        raise ValueError(f"‘{given}’ is no list; there are {', '.join(BY_KEY)}")
    return given


@cache
def _row() -> type[BaseModel]:
    """Build the model of a row of a list: any column of any of them, to be checked as a file's would be."""
    columns = sorted({column.key for entry in DATASETS for column in entry.columns})
    return _entries("Row", dict.fromkeys(columns, Written))


@cache
def _content() -> type[BaseModel]:
    """Build the model of the form: its sections, fields and columns, each with the shape of its value."""
    return _entries(
        "Content",
        {
            section.key: _entries(section.key, {field.key: _shape(field) for field in section.fields})
            for section in form.SECTIONS
        },
    )


def _shape(field: form.Field) -> Any:
    if field.kind == "rows":
        return tuple[_entries(field.key, {column.key: Written for column in field.columns}), ...]  # type: ignore[misc]
    return Words if field.kind in ("countries", "choices") else Written
