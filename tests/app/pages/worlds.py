"""Worlds: two sites alike but for what other people have said, for whoever still owes a review.

In the *told* world others were asked to review, declared, declined, rated and signed, units have
answered, and the lead has rated, reasoned and written conditions, in this round and in earlier
ones. In the *silent* world the same steps were taken at the same moments, and nobody was asked but
those who read: the *walkers*, whose pages must be the same in both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from appraisal.accounts.services import accounts, substitutes
from appraisal.app.daily import tick
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.indicators.services import appraised_share
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.records.services import records
from appraisal.records.store import records as stored
from appraisal.web.context import Site
from appraisal.workflow.services.authors import add_author
from tests import casts
from tests.casts import START, Clock
from tests.web import building

# What only the told world says, each with the proposal and the round; none of it stands in the silent one.
OTHERS_SAY: Final = "OTHERS-SAY"
UNITS_SAY: Final = "UNITS-SAY"
LEAD_SAYS: Final = "LEAD-SAYS"
SAID: Final = (OTHERS_SAY, UNITS_SAY, LEAD_SAYS)
# Why somebody declined, or is in conflict.
WHY_NOT: Final = "WHY-NOT"

_ALL: Final = ("appraiser", "coordinator", "manager", "auditor")
# Key: name, roles, unit, language. Those who review beside the walkers in the told world.
OTHERS: Final[Mapping[str, tuple[str, tuple[str, ...], str, str]]] = {
    "signs": ("Zora Hidden", ("appraiser",), "SECTOR", "en"),
    "signs_too": ("Yusuf Hidden", ("appraiser",), "MIGRANT", "en"),
    "declines": ("Xenia Hidden", ("appraiser",), "", "en"),
    "conflicted": ("Wole Hidden", ("appraiser",), "", "en"),
    "asked": ("Vera Hidden", ("appraiser",), "", "en"),
}
WALKERS: Final[Mapping[str, tuple[str, tuple[str, ...], str, str]]] = {
    "undeclared": ("Una Walker", ("appraiser",), "CO-Lusaka", "en"),
    # The unit answers in the told world, through a coordinator.
    "declared": ("Deniz Walker", ("appraiser",), "NORMES", "fr"),
    "rated": ("Rosa Walker", ("appraiser",), "CO-Lusaka", "es"),
    "consulted": ("Cem Walker", ("appraiser",), "ACTRAV", "en"),
    "roles": ("Maxim Walker", _ALL, "PARDEV", "en"),
    "roles_undeclared": ("Maya Walker", _ALL, "PARDEV", "fr"),
    # Stands in for the lead, who is away all the time.
    "stands_in": ("Noor Walker", ("appraiser",), "PARDEV", "en"),
    # Stands in for one of the reviewers.
    "covers": ("Bo Walker", ("designer", "appraiser"), "CO-Lusaka", "en"),
    # Reviews another proposal, and knows of these as a designer does.
    "elsewhere": ("Ewa Walker", ("designer", "appraiser"), "SKILLS", "en"),
}
# Everybody asked to review beside those who are consulted, stand in for a reviewer, or review elsewhere.
ASKED: Final = ("undeclared", "declared", "rated", "roles", "roles_undeclared", "stands_in")
DECLARED: Final = ("declared", "rated", "roles", "stands_in")
CHECKLISTS: Final = ("ALI", "TRI", "GEN")
DUE: Final = date(2010, 2, 10)


# Those who read both worlds in other relations than reviewers.
READERS: Final[Mapping[str, tuple[str, tuple[str, ...], str, str]]] = {
    # Coordinates, and writes the first proposal along.
    "both": ("Bela Reader", ("designer", "coordinator"), "SKILLS", "en"),
    # Led the first proposal to begin with.
    "former": ("Fatou Reader", ("appraiser",), "PARDEV", "en"),
    "stranger": ("Stan Reader", ("appraiser",), "PARDEV", "en"),
}


@dataclass
class World:
    """A site with its people; ``told`` says which of the two it is, ``numbers`` what lies in it."""

    site: Site
    cast: Mapping[str, Person]
    told: bool
    numbers: dict[str, str] = field(default_factory=dict)

    def at(self, day: int, hour: int = 9) -> None:
        """Set the clock to a day of February 2010, or as many days on, and do what time demands."""
        clock = self.site.now
        assert isinstance(clock, Clock)
        moment = datetime(2010, 2, 1, hour, tzinfo=UTC).timestamp() + (day - 1) * 86400
        found = datetime.fromtimestamp(moment, UTC)
        assert found >= clock(), (found, clock())
        clock.set(found)
        tick(self.site.database, self.site.library, found)

    def wait(self) -> None:
        """Let a minute pass."""
        assert isinstance(self.site.now, Clock)
        self.site.now.advance(minutes=1)

    def load(self, key: str) -> Case:
        """Load a proposal of the world."""
        return building.load(self.site, self.numbers[key])


def create_people(database: Database) -> dict[str, Person]:
    """Create the cast of the web tests, the others and the walkers."""
    cast = building.create_cast(database)
    with database.begin() as db:
        for key, (name, roles, unit, language) in {**OTHERS, **WALKERS, **READERS}.items():
            cast[key] = accounts.create_person(
                db,
                SYSTEM_ACTOR,
                START,
                email=f"{key}@example.org",
                name=name,
                roles=roles,
                unit=unit,
                language=language,
            )
    return cast


def build(site: Site) -> World:
    """Build a world of its own, where there is one proposal in each state that matters, and a report."""
    with site.database.read() as db:
        cast = {entry.person.email.partition("@")[0]: entry.person for entry in accounts.list_people(db)}
    world = World(site, cast, told=True)
    world.numbers["draft"] = building.draft_proposal(site, cast, title="A draft")
    world.numbers["first"] = building.assigned_proposal(site, cast, title="Under appraisal")
    ask(world, "first", ["roles", "rated"])
    declare(world, "first", "rated")
    act(world, "first", "rated", value="1")
    world.numbers["changes"] = building.revision_proposal(site, cast, title="With changes to make")
    world.numbers["awaiting"] = building.appraised_proposal(site, cast, title="Awaiting a decision")
    world.numbers["approved"] = building.owned_condition(site, cast, "Ana Ruiz", title="Approved")
    with site.database.begin() as db:
        for record in stored.list_records(db, cast["desk"])[0]:
            records.keep_rendering(db, site.files, record.id, "en", casts.PDF, site.now())
    appraised_share.publish(site.database, site.library, cast["desk"], site.now(), "2.1", "2010-11")
    return world


def begin(world: World) -> None:
    """Write what both worlds begin with: a proposal that all walkers are asked about, and another one."""
    site, cast = world.site, world.cast
    world.numbers["first"] = _written_by_two(world)
    world.numbers["other"] = building.assigned_proposal(site, cast, title="Reviewed by somebody else")
    ask(world, "first", ASKED)
    ask(world, "other", ("elsewhere",))
    act(world, "other", "elsewhere", value="2")
    with site.database.begin() as db:
        for person, other in (("reader", "stands_in"), ("undeclared", "covers")):
            substitutes.name_substitute(
                db,
                cast[person],
                site.now(),
                person=cast[person].id,
                substitute=cast[other].id,
                scope="appraisals",
                first=date(2010, 2, 1),
                last=date(2010, 7, 31),
            )
    for key in DECLARED:
        declare(world, "first", key)
    act(world, "first", "rated", value="1")


def _written_by_two(world: World) -> str:
    """Bring a proposal of two authors, one of them a coordinator, to an appraisal that changes its lead."""
    site, cast = world.site, world.cast
    number = building.draft_proposal(site, cast, budget="6000000", title="In its first round")
    with site.database.begin() as db:
        add_author(db, site.library, cast["designer"], site.now(), number, cast["both"].id)
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["former"])
    building.take(site, cast["desk"], number, "reassign", lead=cast["reader"], note="Called away.")
    return number


def said(world: World, word: str, key: str) -> str:
    """Return a word as it is said of a proposal in its present round."""
    return f"{word}-{key}-{len(world.load(key).appraisals)}"


def go_on(world: World) -> None:
    """Let the worlds part: the same steps at the same moments, with others heard in one of them alone."""
    _first(world)
    _second(world)
    for key, decision in (("awaiting", ""), ("approved", "approve"), ("rejected", "reject")):
        _late(world, key, decision)
    world.at(110)
    site = world.site
    appraised_share.publish(site.database, site.library, world.cast["desk"], site.now(), "2.1", "2010-11")


def _first(world: World) -> None:
    """A proposal in its first round, above the threshold of the block that a unit finalises."""
    world.at(2)
    if world.told:
        _others_review(world, "first")
        _units_answer(world, "first")
        # All is rated, and comes to a revision.
        _rate_as_lead(world, "first", {"ALI-1": "1", "TRI-2": "3"})
        act(world, "first", "eval", value="1", comment=said(world, OTHERS_SAY, "first"), sign=True)


def _second(world: World) -> None:
    """A proposal in its second round; in the first one walker has signed."""
    site, cast = world.site, world.cast
    world.at(3)
    world.numbers["second"] = number = building.assigned_proposal(site, cast, title="In its second round")
    ask(world, "second", ("rated",))
    act(world, "second", "rated", value="2", sign=True)
    world.at(4)
    if world.told:
        _others_review(world, "second")
    world.at(5)
    _rate_as_lead(world, "second", {"TRI-1": "1"} | ({"GEN-1": "1", "ALI-2": "3"} if world.told else {}))
    word, items = "More.", ("TRI-1", "CAP-1")
    if world.told:
        word, items = said(world, LEAD_SAYS, "second"), ("TRI-1", "GEN-1")
    changes = [ChangeAsked(word, item) for item in items]
    building.take(site, cast["reader"], number, "request_revision", changes=tuple(changes))
    world.at(6)
    for change in world.load("second").changes:
        with site.database.begin() as db:
            drafts.answer_change(
                db, site.library, cast["designer"], site.now(), number, change.id, "done", "In section 3."
            )
    world.at(7)
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    world.at(8)
    ask(world, "second", ASKED, due=date(2010, 2, 20))
    for key in DECLARED:
        declare(world, "second", key)
    if world.told:
        _others_review(world, "second", due=date(2010, 2, 20))
        _units_answer(world, "second")
        _rate_as_lead(world, "second", {"CAP-1": "1"}, finished=False)


_BEGUN: Final = {"awaiting": 9, "approved": 40, "rejected": 71}


def _late(world: World, key: str, decision: str) -> None:
    """A proposal whose appraisal is finalised, and decided on, while walkers still owe their reviews."""
    site, cast, begun = world.site, world.cast, _BEGUN[key]
    world.at(begun)
    world.numbers[key] = number = building.assigned_proposal(site, cast, title=f"Late: {key}")
    world.at(begun + 1)
    soon = world.load(key).appraisals[-1].opened_at.date().replace(day=28)
    ask(world, key, ASKED, due=soon)
    for walker in DECLARED:
        declare(world, key, walker)
    if world.told:
        _others_review(world, key, due=soon)
        _units_answer(world, key)
    world.at(begun + 14)
    low = {"awaiting": "TRI-4", "approved": "CAP-6", "rejected": "TRI-1"}[key]
    _rate_as_lead(world, key, {low: "1"} if world.told else {})
    world.at(begun + 30)
    building.take(site, cast["reader"], number, "finalise")
    with site.database.begin() as db:
        for record in stored.list_records(db, cast["desk"], number)[0]:
            records.keep_rendering(db, site.files, record.id, "en", casts.PDF, site.now())
    if decision:
        note = said(world, LEAD_SAYS, key) if world.told else "Agreed."
        building.take(site, cast["chief"], number, decision, note=note)
    if world.told:
        act(world, key, "asked", value="3", comment=said(world, OTHERS_SAY, key), sign=True)


def ask(
    world: World, key: str, walkers: Iterable[str], due: date = DUE, codes: Sequence[str] = CHECKLISTS
) -> None:
    """Let the coordinator ask people to review."""
    with world.site.database.begin() as db:
        for who in walkers:
            person, number = world.cast[who], world.numbers[key]
            reviews.ask(
                db, world.site.library, world.cast["desk"], world.site.now(), number, person, codes, due
            )


def declare(world: World, key: str, who: str, conflict: str | None = None) -> None:
    """Let somebody declare."""
    with world.site.database.begin() as db:
        reviews.declare(
            db,
            world.site.library,
            world.cast[who],
            world.site.now(),
            world.numbers[key],
            conflict=conflict,
        )


def act(world: World, key: str, who: str, *, value: str, comment: str = "Mine.", sign: bool = False) -> None:
    """Let a reviewer rate everything that is theirs, declaring nothing where that is to be said, and sign."""
    site, person, number = world.site, world.cast[who], world.numbers[key]
    with site.database.begin() as db:
        held = reviews.held(db, site.library, person, number)
        if held is None or not held.review.declaration:
            reviews.declare(db, site.library, person, site.now(), number, conflict=None)
            held = reviews.held(db, site.library, person, number)
        assert held is not None
        items = [
            item.id
            for entry in held.book.criteria
            if entry.checklist.code in held.review.checklists
            for item in entry.checklist.items
        ]
        puts = {item: RatingPut(value, comment, comment) for item in items}
        reviews.rate(db, site.library, person, site.now(), number, puts)
        if sign:
            reviews.sign(db, site.library, person, site.now(), number, comment)


def _others_review(world: World, key: str, due: date = DUE) -> None:
    """Let others be asked, sign, decline, be in conflict, be asked no more, and say nothing."""
    site, cast, number = world.site, world.cast, world.numbers[key]
    again = any(
        cast["conflicted"].id == entry.person
        for found in world.load(key).appraisals
        for entry in found.reviews
    )
    ask(world, key, [other for other in OTHERS if not again or other != "conflicted"], due, CHECKLISTS)
    word, reason = said(world, OTHERS_SAY, key), said(world, WHY_NOT, key)
    act(world, key, "signs", value="3", comment=word, sign=True)
    act(world, key, "signs_too", value="1", comment=word, sign=True)
    if not again:
        declare(world, key, "conflicted", reason)
    with site.database.begin() as db:
        reviews.decline(db, site.library, cast["declines"], site.now(), number, reason)
    ask(world, key, ("eval",), due, ("GEN",))
    asked = next(entry for entry in world.load(key).appraisals[-1].reviews if entry.person == cast["eval"].id)
    with site.database.begin() as db:
        reviews.withdraw(db, site.library, cast["desk"], site.now(), number, asked.id)


def _units_answer(world: World, key: str) -> None:
    """Let one unit answer for itself, and one through the coordinator."""
    site, cast, number = world.site, world.cast, world.numbers[key]
    running = world.load(key).appraisals[-1]
    normes = next(entry.id for entry in running.consultations if entry.unit == "NORMES")
    word = said(world, UNITS_SAY, key)
    with site.database.begin() as db:
        reviews.declare(db, site.library, cast["actemp"], site.now(), number, conflict=None)
        reviews.sign(db, site.library, cast["actemp"], site.now(), number, word)
        appraisals_lead.answer_consultation(db, site.library, cast["desk"], site.now(), number, normes, word)


def _rate_as_lead(world: World, key: str, low: Mapping[str, str], *, finished: bool = True) -> None:
    """Let the lead rate, with a reason wherever somebody may differ, and write the conditions that follow."""
    site, lead, number = world.site, world.cast["reader"], world.numbers[key]
    word = said(world, LEAD_SAYS, key) if world.told else "Because."
    case = world.load(key)
    assert case.version is not None
    puts = {
        item.id: RatingPut(low.get(item.id, "2"), word, word, word)
        for entry in site.library.criteria(site.library.newest_set().key)
        if entry.member.applies is None
        for item in entry.checklist.items
        if finished or item.id in low
    }
    due = site.now().date() + timedelta(days=20)
    conditions = [
        ConditionPut(f"{word} {item}", item, "Ana Ruiz", due, "before_donor")
        for item, value in low.items()
        if value == "1"
    ]
    unfavourable = key == "rejected" and world.told
    with site.database.begin() as db:
        appraisals_lead.rate(db, site.library, lead, site.now(), number, puts)
        appraisals_lead.recommend(
            db,
            site.library,
            lead,
            site.now(),
            number,
            chosen="NOT_RECOMMENDED" if unfavourable else "",
            reason=word if unfavourable or not finished else "",
            conditions=conditions if not unfavourable else (),
        )


def ids(worlds: Iterable[World], table: Any, **where: Any) -> list[int]:
    """Return the ids of the rows of a table in any of the worlds."""
    found: set[int] = set()
    for world in worlds:
        with world.site.database.read() as db:
            found |= {row.id for row in db.execute(table.select()) if _fits(row, where)}
    return sorted(found)


def _fits(row: Any, where: Mapping[str, Any]) -> bool:
    return all(getattr(row, name) == value for name, value in where.items())


def notices_to(world: World, who: str) -> list[tuple[Any, ...]]:
    """Return what a person was told by mail: when, of what, and in which words.

    Of a proposal that the person owes a review of, from when it was asked for: before, other roles may
    have told what others said of an earlier version.
    """
    person, table, review = world.cast[who].id, tables.notices, tables.reviews
    with world.site.database.read() as db:
        rows = db.execute(table.select().where(table.c.person_id == person)).all()
        owed = db.execute(review.select().where(review.c.person_id == person, review.c.signed_at.is_(None)))
        since = {row.proposal_id: row.asked_at for row in owed}
    return sorted(
        (row.at, row.proposal_id or 0, row.what, row.facts)
        for row in rows
        if row.proposal_id not in since or row.at >= since[row.proposal_id]
    )
