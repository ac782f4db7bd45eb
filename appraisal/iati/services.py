"""Proposals are given out in the terms of IATI 2.03, and drafts made of such activities."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Final

from sqlalchemy import Connection

from appraisal.canonical import digest
from appraisal.definitions.library import Library
from appraisal.errors import Fault, FaultyInput
from appraisal.iati import store as stored
from appraisal.iati.rules import activities
from appraisal.iati.rules import drafts as intakes
from appraisal.iati.rules.activities import Activity, LeftOut, Publishable
from appraisal.iati.rules.drafts import Intake, Remark, Wrong
from appraisal.iati.xml import reading
from appraisal.iati.xml.reading import Unreadable
from appraisal.language.detection import tongue_of
from appraisal.language.texts import N_, Language
from appraisal.people.facts import Person
from appraisal.proposals.rules import form
from appraisal.proposals.services import drafts
from appraisal.proposals.store import lists
from appraisal.proposals.store import writing as written
from appraisal.settings import Publisher
from appraisal.trail.store import site
from appraisal.vocabulary.project_symbols import normalised
from appraisal.vocabulary.refusals import NotAllowed, refuse

MOST_AT_ONCE: Final = 1000
# How much of what is wrong is said: nobody mends more than this at a time.
_MOST_SAID: Final = 1000


@dataclass(slots=True)
class Report:
    """What an export came to: how many activities, what they lack, and who is not among them.

    ``illustrative`` counts demonstration data that was not asked for; ``left_out`` are proposals that
    lack what the standard demands; ``remarks`` are sentences by number.
    """

    count: int = 0
    illustrative: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


def exported(
    db: Connection,
    library: Library,
    publisher: Publisher,
    language: Language,
    report: Report,
    *,
    biennium: str = "",
    illustrative: bool = False,
) -> Iterator[Activity]:
    """Yield the activities of proposals, by number, and note in the report what becomes of each.

    Demonstration data is left out unless it is asked for, and then bears its mark in the title.
    Narratives are said to be in the language that their summary is plainly written in, else in
    ``language``.
    """
    for row in stored.choose(db, biennium):
        if row.illustrative and not illustrative:
            report.illustrative += 1
            continue
        given = Publishable(
            number=row.number,
            state=library.workflow(row.workflow).states[row.state],
            content=row.content,
            contributions=row.contributions,
            valued_at=row.valued_at,
            updated_at=row.updated_at,
            held=row.held,
            illustrative=row.illustrative,
            started_on=row.started_on,
            parent=row.parent,
            predecessor=row.predecessor,
            children=row.children,
        )
        tongue = tongue_of(str(form.value(row.content, "identification.summary"))) or language
        found = activities.activity(given, publisher, tongue)
        if isinstance(found, LeftOut):
            report.left_out.append(found)
            continue
        report.count += 1
        report.remarks += [(row.number, remark) for remark in found.remarks]
        yield found


class BadActivities(FaultyInput):
    """A file of activities cannot be imported; carries everything wrong in it, in the order of lines."""

    def __init__(self, name: str, wrong: Iterable[Wrong]) -> None:
        self.wrong = tuple(sorted(wrong))[:_MOST_SAID]
        super().__init__([Fault(name, entry.line, _plain(entry)) for entry in self.wrong])


def _plain(entry: Wrong) -> str:
    place = ", ".join(filter(None, (entry.activity, entry.path)))
    said = entry.sentence % dict(entry.facts)
    return f"{place}: {said}" if place else said


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would become: a draft for each activity, and what of the file belongs to none."""

    intakes: tuple[Intake, ...]
    remarks: tuple[Remark, ...]


def preview(
    db: Connection, actor: Person, file: IO[bytes], name: str, publisher: Publisher, language: Language
) -> Preview:
    """Read a file of activities without writing anything; narratives are preferred in ``language``.

    Raises ``NotAllowed`` for anybody who may not begin a proposal, or ``BadActivities``.
    """
    if not actor.has("designer") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="designer")])
    found: list[Intake] = []
    others: intakes.Remarks = {}
    known = _Known(db, actor)
    faults = 0
    try:
        for node in reading.nodes(file):
            if not reading.is_activity(node):
                remark = Remark(intakes.shown(node.name), node.line, N_("not an activity"), {}, 1)
                intakes.note(others, remark)
                continue
            if len(found) == MOST_AT_ONCE:
                sentence = N_("more than %(limit)s activities in one file")
                raise Unreadable(Wrong(node.line, "", "", sentence, {"limit": MOST_AT_ONCE}))
            found.append(intakes.read(node, publisher, language, known))
            faults += len(found[-1].wrong)
            if faults > _MOST_SAID:
                break
    except Unreadable as error:
        # What is not whole, or not what it says, is not gone through any further.
        raise BadActivities(name, [error.wrong]) from None
    wrong = [entry for intake in found for entry in intake.wrong]
    wrong += _clashes(db, found, publisher)
    if not found:
        wrong.append(Wrong(1, "", "", N_("there is no activity in this file")))
    if wrong:
        raise BadActivities(name, wrong)
    return Preview(tuple(found), tuple(others.values()))


@dataclass(slots=True)
class _Known:
    """Tells whether somebody may name a proposal by a number, and asks for each only once."""

    db: Connection
    actor: Person
    kinds: dict[str, str] = field(default_factory=dict)

    def __call__(self, key: str, number: str) -> bool:
        if number not in self.kinds:
            self.kinds[number] = lists.kinds_to_name(self.db, {number}, self.actor).get(number, "")
        kind = self.kinds[number]
        return kind == "umbrella" if key == "parent" else kind != ""


def _clashes(db: Connection, found: list[Intake], publisher: Publisher) -> Iterator[Wrong]:
    """Yield what is here already: our proposals, activities imported before, symbols in any spelling."""
    numbers = {entry.identifier: activities.number_in(publisher, entry.identifier) for entry in found}
    ours = stored.known_numbers(db, set(filter(None, numbers.values())))
    before = stored.known_sources(db, {entry.source for entry in found})
    symbols = stored.symbols(db, {normalised(entry.symbol) for entry in found if entry.symbol})
    here = {
        entry.identifier for entry in found if numbers[entry.identifier] in ours or entry.source in before
    }
    return intakes.clashes(found, here, symbols)


@dataclass(frozen=True, slots=True)
class Imported:
    """The drafts that an import made, by number in the order of the file, and what it was made of.

    ``preview`` is None where the same request had done it before.
    """

    numbers: tuple[str, ...]
    preview: Preview | None


def import_activities(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    file: IO[bytes],
    name: str,
    publisher: Publisher,
    language: Language,
    *,
    request: str | None = None,
) -> Imported:
    """Make a draft of every activity of a file, all or none; whoever imports them becomes their author.

    Raises ``NotAllowed`` or ``BadActivities``; a request that was sent twice acts once.
    """
    site.lock(db)
    if (done := written.request_done(db, request, actor.id)) is not None:
        return Imported((done,), None)
    seen = preview(db, actor, file, name, publisher, language)
    numbers = []
    for place, entry in enumerate(seen.intakes):
        case = drafts.create_proposal(
            db,
            library,
            actor,
            now,
            entry.content,
            illustrative=entry.illustrative,
            source=entry.source,
            request=request if place == 0 else None,
        )
        numbers.append(case.number)
    said = {
        "file": name,
        "proposals": numbers,
        "activities": [entry.identifier for entry in seen.intakes],
        "digest": digest([entry.content for entry in seen.intakes]),
    }
    site.append(db, now, actor.id, "import_activities", said)
    return Imported(tuple(numbers), seen)
