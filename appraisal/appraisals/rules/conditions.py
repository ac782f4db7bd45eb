"""Conditions follow from saving, opening and closing an appraisal; a chain of events tells them all.

A condition lives by events alone: it is written, changed, withdrawn, superseded, reported, cleared, waived,
given another owner or carried over, each time by an event of its proposal that names it by its number and
says what it was and what it is. :func:`replay` reads a chain and returns what the rows have to hold.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from appraisal.clock import parse_stamp
from appraisal.definitions.workflows import Act
from appraisal.proposals.facts import Appraisal, Case, Condition, Gate
from appraisal.trail.rules.approvals import ANNULLING, uncorrected
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT
from appraisal.vocabulary.refusals import Refusal, refuse

# The event of saving conditions while an appraisal runs; those of a step say it under ``FACTS``.
WRITE: Final = "write_conditions"
# Under this key an event says what became of conditions.
FACTS: Final = "conditions"
# What an event says of a condition beside its number and id, each by the name of its field.
CONTENT: Final = ("item", "text", "owner", "owner_id", "due_on", "gate", "by_hand", "follows")


@dataclass(frozen=True, slots=True)
class ConditionPut:
    """A condition as the lead writes it; one without an item's rating behind it is written by hand.

    ``id`` is that of a condition that is changed, ``seen`` its row version as the lead saw it; one without
    an id is new, unless one that stands says the same already.
    """

    text: str
    item: str = ""
    owner: str = ""
    due_on: date | None = None
    gate: Gate | None = None
    id: int | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Saving:
    """What saving does: conditions that are new (without an id), changed (before, after) and withdrawn.

    ``order`` holds the numbers of all that stand afterwards, in their order on the page.
    """

    written: tuple[Condition, ...] = ()
    changed: tuple[tuple[Condition, Condition], ...] = ()
    withdrawn: tuple[Condition, ...] = ()
    order: tuple[int, ...] = ()


def saving(
    case: Case,
    running: Appraisal,
    puts: Sequence[ConditionPut],
    known: Collection[int] | None,
    low: Collection[str],
    owner_of: Callable[[str], int | None],
) -> Saving:
    """Plan what saving conditions of a running appraisal does; what stays the same is in none of its parts.

    ``known`` are the ids that the lead was shown, None for all: what was shown and is no longer there is
    withdrawn, and what was not shown stays. One that is waived or cleared stays whatever is said of it.
    """
    matched = dict(_matched(running, puts))
    number = 1 + max((entry.number for entry in every(case)), default=0)
    followed = {entry.follows for entry in running.conditions}
    left = [entry for entry in _left_open(case, running) if entry.number not in followed]
    written: list[Condition] = []
    changed: list[tuple[Condition, Condition]] = []
    order = [entry.number for entry in running.conditions if not entry.is_open]
    for place, put in enumerate(puts):
        before = matched.get(place)
        after = _written_as(put, before or Condition(0, number, "", ""), low, owner_of)
        if before is None:
            if (earlier := _taken_up(left, after, puts)) is not None:
                left.remove(earlier)
                after = replace(after, follows=earlier.number)
            written.append(after)
            number += 1
        elif before.is_open and _content(before) != _content(after):
            changed.append((before, after))
        if before is None or before.is_open:
            order.append(after.number)
    kept = {entry.number for entry in matched.values()}
    unnamed = [entry for entry in running.conditions if entry.is_open and entry.number not in kept]
    withdrawn = tuple(entry for entry in unnamed if known is None or entry.id in known)
    order += [entry.number for entry in unnamed if entry not in withdrawn]
    return Saving(tuple(written), tuple(changed), withdrawn, tuple(order))


def _taken_up(left: Sequence[Condition], new: Condition, puts: Sequence[ConditionPut]) -> Condition | None:
    """Return which earlier condition a new one goes on with: by the same words, else the item's first.

    One whose words are those of another that is written is left to that one.
    """
    mine = [entry for entry in left if entry.item == new.item]
    same = (entry for entry in mine if entry.text == new.text)
    taken = {(put.item, put.text.strip()) for put in puts}
    others = (entry for entry in mine if entry.item and (entry.item, entry.text) not in taken)
    return next(same, None) or next(others, None)


def _matched(running: Appraisal, puts: Sequence[ConditionPut]) -> Iterator[tuple[int, Condition]]:
    """Yield which condition each put is about, by its id or because it says the very same."""
    standing = {entry.id: entry for entry in running.conditions}
    found = {place: standing[put.id] for place, put in enumerate(puts) if put.id in standing}
    taken = {entry.id for entry in found.values()}
    for place, put in enumerate(puts):
        if put.id is None:
            same = (
                entry
                for entry in running.conditions
                if entry.is_open and entry.id not in taken and says(put, entry)
            )
            if (entry := next(same, None)) is not None:
                found[place] = entry
                taken.add(entry.id)
    yield from found.items()


def says(put: ConditionPut, entry: Condition) -> bool:
    """Tell whether what is written is what a condition says already."""
    tidy = (put.text.strip(), put.item, put.owner.strip(), put.due_on, put.gate)
    return tidy == (entry.text, entry.item, entry.owner, entry.due_on, entry.gate)


def _written_as(
    put: ConditionPut, before: Condition, low: Collection[str], owner_of: Callable[[str], int | None]
) -> Condition:
    owner = put.owner.strip()[:LINE_LIMIT]
    # An account that somebody was named by stays, as long as the name does.
    is_same = before.owner_id is not None and owner == before.owner
    return replace(
        before,
        item=put.item,
        text=put.text.strip()[:PROSE_LIMIT],
        owner=owner,
        owner_id=before.owner_id if is_same else owner_of(owner),
        due_on=put.due_on,
        gate=put.gate,
        by_hand=put.item not in low,
        follows=before.follows if put.item == before.item else None,
    )


def is_rewritten(before: Condition, after: Condition) -> bool:
    """Tell whether a change gave a condition another item or another text."""
    return (before.item, before.text) != (after.item, after.text)


def rewritten(at: datetime, by: int) -> dict[str, Any]:
    """Return the columns of a condition with another item or text: its new writer, and no report."""
    return {"written_at": at, "written_by": by, "reported_at": None, "reported_by": None, "report": ""}


def conflict(running: Appraisal, puts: Iterable[ConditionPut]) -> ConditionPut | None:
    """Return the first put about a condition that was changed or ended since the lead saw it."""
    standing = {entry.id: entry for entry in running.conditions}
    for put in puts:
        entry = standing.get(put.id or 0)
        if put.id is not None and (entry is None or put.seen not in (None, entry.row_version)):
            return put
    return None


def closed_refusals(running: Appraisal, puts: Iterable[ConditionPut]) -> list[Refusal]:
    """Refuse to write something else into a condition that is waived or cleared."""
    closed = {entry.id: entry for entry in running.conditions if not entry.is_open}
    wrong = [put for put in puts if put.id in closed and not says(put, closed[put.id])]
    return [refuse("condition_closed")] if wrong else []


# What ends a proposal, or an approval, or what was ended.
_ENDINGS: Final[tuple[Act, ...]] = ("withdraw", "lapse", "reject", ANNULLING)


def is_moot(case: Case) -> bool:
    """Tell whether nobody has to meet the conditions of the last appraisal any more.

    The approval that stands was given elsewhere; or the proposal was withdrawn or turned down, or its
    approval annulled, and it was not reopened since.
    """
    if case.approval is not None:
        return case.relied_on is None
    trail = (step.act for step in reversed(uncorrected(case.steps)))
    return next((act for act in trail if act in (*_ENDINGS, "reopen")), "reopen") != "reopen"


def every(case: Case) -> Iterator[Condition]:
    """Yield every condition that a proposal ever had."""
    for appraisal in case.appraisals:
        yield from (*appraisal.conditions, *appraisal.former_conditions)


def not_kept(running: Appraisal, means: str) -> tuple[Condition, ...]:
    """Return the conditions that are withdrawn when an appraisal is closed with a recommendation.

    Under any but a conditional one those are all that are open; what is waived or cleared stays.
    """
    return () if means == "conditional" else tuple(entry for entry in running.conditions if entry.is_open)


def _left_open(case: Case, running: Appraisal) -> list[Condition]:
    """Return the open conditions of earlier versions, which nothing has ended yet."""
    earlier = (entry for entry in case.appraisals if entry.finalised_at and not entry.superseded_at)
    return [entry for appraisal in earlier if appraisal.id != running.id for entry in _open(appraisal)]


def _open(appraisal: Appraisal) -> Iterator[Condition]:
    return (entry for entry in appraisal.conditions if entry.is_open)


def suggested(case: Case, running: Appraisal) -> dict[str, Condition]:
    """Return by item the first open condition of earlier versions, in whose words the lead may go on."""
    found: dict[str, Condition] = {}
    for entry in _left_open(case, running):
        if entry.item:
            found.setdefault(entry.item, entry)
    return found


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends conditions when an appraisal is closed: withdrawn, or superseded by the number given."""

    withdrawn: tuple[Condition, ...] = ()
    superseded: tuple[tuple[Condition, int], ...] = ()

    def applied(self, case: Case, now: datetime, by: int) -> Case:
        """Return the case with those conditions among the former ones of their appraisals."""
        gone = {
            entry.id: replace(entry, withdrawn_at=now, withdrawn_by=by, row_version=entry.row_version + 1)
            for entry in self.withdrawn
        } | {
            entry.id: replace(entry, superseded_by=number, row_version=entry.row_version + 1)
            for entry, number in self.superseded
        }
        return replace(case, appraisals=tuple(_without(entry, gone) for entry in case.appraisals))


def _without(appraisal: Appraisal, gone: Mapping[int, Condition]) -> Appraisal:
    ended = tuple(gone[entry.id] for entry in appraisal.conditions if entry.id in gone)
    if not ended:
        return appraisal
    return replace(
        appraisal,
        conditions=tuple(entry for entry in appraisal.conditions if entry.id not in gone),
        former_conditions=(*appraisal.former_conditions, *ended),
    )


def closing(case: Case, running: Appraisal, means: str) -> Ending:
    """Plan what closing an appraisal ends: what it does not keep, and what was open of earlier versions."""
    dropped = not_kept(running, means)
    heirs = {
        entry.follows: entry.number
        for entry in running.conditions
        if entry.follows is not None and entry not in dropped
    }
    left = _left_open(case, running)
    return Ending(
        (*dropped, *(entry for entry in left if entry.number not in heirs)),
        tuple((entry, heirs[entry.number]) for entry in left if entry.number in heirs),
    )


def said(entry: Condition) -> dict[str, Any]:
    """Return what an event says of a condition in full."""
    return {"id": entry.id, "number": entry.number, **_content(entry)}


def _content(entry: Condition) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in CONTENT}


def saving_facts(running: Appraisal, plan: Saving) -> dict[str, Any]:
    """Return what the event of saving says; nothing where nothing changed. What is new has its id by now."""
    gone = {entry.number for entry in plan.withdrawn}
    expected = [entry.number for entry in running.conditions if entry.number not in gone]
    expected += [entry.number for entry in plan.written]
    return _filled(
        written=[said(entry) for entry in plan.written],
        changed=[
            {
                "id": after.id,
                "number": after.number,
                "before": _content(before),
                "after": _content(after),
                **({"rewritten": True} if is_rewritten(before, after) else {}),
                **({"unreported": True} if is_rewritten(before, after) and before.reported_at else {}),
            }
            for before, after in plan.changed
        ],
        withdrawn=[said(entry) for entry in plan.withdrawn],
        order=list(plan.order) if list(plan.order) != expected else [],
    )


def ending_facts(ending: Ending) -> dict[str, Any]:
    """Return what the event of a closing says of conditions; nothing where it ends none."""
    return _filled(
        withdrawn=[said(entry) for entry in ending.withdrawn],
        superseded=[{**said(entry), "by": number} for entry, number in ending.superseded],
    )


def carrying_facts(carried: Iterable[Condition], left: Iterable[Condition]) -> dict[str, Any]:
    """Return what the event of an opening says: conditions taken over by number, and others withdrawn."""
    return _filled(
        carried=[entry.number for entry in carried],
        withdrawn=[said(entry) for entry in left],
    )


def _filled(**parts: list[Any]) -> dict[str, Any]:
    found = {name: part for name, part in parts.items() if part}
    return {FACTS: found} if found else {}


@dataclass(frozen=True, slots=True)
class Stood:
    """A condition as events leave it, and the number of the appraisal that it belongs to."""

    condition: Condition
    appraisal: int


def replay(events: Iterable[Mapping[str, Any]]) -> dict[int, Stood]:
    """Return the conditions of a proposal by number, as the bodies of its events say, first first.

    Of those that older versions of the product wrote without an event nothing is known, nor returned.
    """
    found: dict[int, Stood] = {}
    for event in events:
        facts = event["facts"]
        at, by = parse_stamp(event["at"]), int(event["by"])
        parts = facts.get(FACTS)
        if isinstance(parts, Mapping):
            _apply(found, parts, facts.get("appraisal"), at, by)
            if event["action"] == WRITE:
                _place(found, facts["appraisal"], parts.get("order", ()))
        act = ACTS.get(event["action"])
        stood = found.get(facts["condition"]) if act is not None and "condition" in facts else None
        if act is not None and stood is not None:
            entry = stood.condition
            after = replace(entry, **act(facts, at, by), row_version=entry.row_version + 1)
            found[entry.number] = replace(stood, condition=after)
    return found


def _apply(
    found: dict[int, Stood], parts: Mapping[str, Any], appraisal: int | None, at: datetime, by: int
) -> None:
    for entry in parts.get("written", ()):
        assert appraisal is not None
        new = Condition(entry["id"], entry["number"], **_read(entry), written_at=at, written_by=by)
        last = max((stood.condition.position for stood in _standing(found, appraisal)), default=0)
        found[new.number] = Stood(replace(new, position=last + 1), appraisal)
    for entry in parts.get("changed", ()):
        again = rewritten(at, by) if entry.get("rewritten") else {}
        _change(found, entry["number"], **_read(entry["after"]), **again)
    for entry in parts.get("withdrawn", ()):
        _change(found, entry["number"], withdrawn_at=at, withdrawn_by=by)
    for entry in parts.get("superseded", ()):
        _change(found, entry["number"], superseded_by=entry["by"])
    for number in parts.get("carried", ()):
        if number in found:
            assert appraisal is not None
            found[number] = replace(found[number], appraisal=appraisal)


def _place(found: dict[int, Stood], appraisal: int, order: Sequence[int]) -> None:
    """Number the places of what stands in an appraisal: in the order given, or in the one there was."""
    standing = sorted(_standing(found, appraisal), key=lambda stood: stood.condition.position)
    numbers = [stood.condition.number for stood in standing]
    for position, number in enumerate([entry for entry in order if entry in numbers] or numbers, 1):
        stood = found[number]
        found[number] = replace(stood, condition=replace(stood.condition, position=position))


def _standing(found: Mapping[int, Stood], appraisal: int) -> list[Stood]:
    return [entry for entry in found.values() if entry.appraisal == appraisal and entry.condition.stands]


def _change(found: dict[int, Stood], number: int, **values: Any) -> None:
    if number in found:
        entry = found[number].condition
        after = replace(entry, **values, row_version=entry.row_version + 1)
        found[number] = replace(found[number], condition=after)


def _read(entry: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: entry[name] for name in CONTENT}
    return {**values, "due_on": entry["due_on"] and date.fromisoformat(entry["due_on"])}


# What the acts on single conditions set, by the names of their events and from their facts.
ACTS: Final[Mapping[str, Callable[[Mapping[str, Any], datetime, int], dict[str, Any]]]] = {
    "report_condition": lambda facts, at, by: {
        "reported_at": at,
        "reported_by": by,
        "report": facts["evidence"],
    },
    "clear_condition": lambda facts, at, by: {
        "cleared_at": at,
        "cleared_by": by,
        "evidence": facts["evidence"],
    },
    "waive_condition": lambda facts, at, by: {
        "waived_at": at,
        "waived_by": by,
        "evidence": facts["reason"],
    },
    "name_owner": lambda facts, at, by: {
        "owner": facts["after"]["owner"],
        "owner_id": facts["after"]["person"],
    },
}
