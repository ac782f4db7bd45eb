"""Earlier proposals about the same thing are found here, as one person may see them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from appraisal.definitions.library import Library
from appraisal.definitions.workflows import State, Workflow
from appraisal.lessons.rules.lessons import Lesson
from appraisal.lessons.rules.similar import (
    Candidate,
    Findings,
    Match,
    Shared,
    profile,
    profile_of,
    ranked,
    weak_items,
)
from appraisal.lessons.store import lessons as stored_lessons
from appraisal.lessons.store import similar as stored
from appraisal.lessons.store.similar import Found
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import form
from appraisal.proposals.rules.form import Content


@dataclass(frozen=True, slots=True)
class Similar:
    """A similar proposal: what designers may read of other people's, and what became of it.

    ``full`` tells whether the reader may read all of it. ``findings`` is None where there are none
    to be seen; ``withheld`` tells that the reader, or the reader's unit, has to say first what they
    think of it.
    """

    number: str
    title: str
    state: State
    countries: str
    donors: str
    illustrative: bool
    full: bool
    shared: tuple[Shared, ...]
    findings: Findings | None = None
    withheld: bool = False

    @property
    def match(self) -> Match[str]:
        """Return it as it is noted."""
        return Match(self.number, self.shared)


def find_proposals(
    db: Connection, library: Library, case: Case, person: Person, content: Content
) -> list[Similar]:
    """Find the proposals that are similar to one, in the order in which they are worth reading.

    ``content`` is what the person sees of the proposal itself. What an earlier appraisal found weak
    and on which conditions it was approved is shown once a decision was taken on it, to whoever
    reads the present proposal in full; everything else follows the rules of reading.
    """
    mine = profile_of(content)
    candidates = stored.candidates(
        db,
        person,
        case.id,
        mine.countries,
        str(form.value(content, "identification.unit")),
        decided_states(library),
    )
    found = {entry.number: entry for entry in candidates}
    matches = ranked(
        mine,
        (
            Candidate(
                entry.number,
                entry.created_at,
                profile(entry.countries.split(), entry.theme, entry.outcome),
            )
            for entry in candidates
        ),
        case.number,
    )
    findings = _findings(db, library, [found[match.key] for match in matches])
    return [_similar(library, found[match.key], match, findings) for match in matches]


def decided_states(library: Library) -> Mapping[str, list[str]]:
    """Return for each workflow the states that say how a proposal was decided."""
    return {
        key: [name for name, state in flow.states.items() if state.outcome != "none"]
        for key, flow in library.definitions.items()
        if isinstance(flow, Workflow)
    }


def _findings(db: Connection, library: Library, found: list[Found]) -> Mapping[int, Findings]:
    """Return what the last appraisal of each proposal found, where that may be seen."""
    open_ones = {entry.id: entry for entry in found if _is_decided(library, entry) and not entry.asked}
    ratings = stored.final_ratings(db, open_ones)
    conditions = stored.final_conditions(db, open_ones)
    return {
        id: Findings(
            weak_items(
                library.set(entry.definition_set), library.criteria(entry.definition_set), ratings[id]
            ),
            tuple(conditions.get(id, ())),
        )
        for id, entry in open_ones.items()
        if id in ratings
    }


def _is_decided(library: Library, entry: Found) -> bool:
    return bool(entry.route) or library.workflow(entry.workflow).states[entry.state].outcome != "none"


def _similar(library: Library, entry: Found, match: Match[str], findings: Mapping[int, Findings]) -> Similar:
    return Similar(
        entry.number,
        entry.title,
        library.workflow(entry.workflow).states[entry.state],
        entry.countries,
        entry.donors,
        entry.illustrative,
        entry.full,
        match.shared,
        findings.get(entry.id),
        entry.asked and _is_decided(library, entry),
    )


def find_lessons(db: Connection, content: Content) -> list[Match[Lesson]]:
    """Find the lessons of evaluations that are about the same thing as a proposal."""
    mine = profile_of(content)
    return ranked(mine, stored_lessons.candidates(db, mine))
