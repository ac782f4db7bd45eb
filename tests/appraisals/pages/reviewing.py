"""Reviewing: people who are asked to review on a site under test, and what they do."""

from collections.abc import Mapping, Sequence
from datetime import date

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Review
from appraisal.vocabulary.roles import Role
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast

# A Wednesday, seven working days after the start.
DUE = date(2010, 2, 10)


def hire(site: Site, key: str, name: str, unit: str, *roles: Role) -> Person:
    """Create an appraiser, with further roles."""
    with site.database.begin() as db:
        return accounts.create_person(
            db,
            SYSTEM_ACTOR,
            site.now(),
            email=f"{key}@example.org",
            name=name,
            roles=("appraiser", *roles),
            unit=unit,
        )


def ask(site: Site, cast: Cast, number: str, person: Person, *codes: str, due_on: date = DUE) -> int:
    """Ask somebody to review checklists; return the id of the review."""
    with site.database.begin() as db:
        reviews.ask(db, site.library, cast["desk"], site.now(), number, person, codes, due_on)
    return own(site, number, person).id


def own(site: Site, number: str, person: Person) -> Review:
    """Return the review that was asked of somebody last."""
    case = building.load(site, number)
    mine = [entry for found in case.appraisals for entry in found.reviews if entry.person == person.id]
    return mine[-1]


def declare(site: Site, number: str, person: Person, conflict: str | None = None) -> None:
    """Declare a conflict, or that there is nothing to declare."""
    with site.database.begin() as db:
        reviews.declare(db, site.library, person, site.now(), number, conflict=conflict)


def items_of(site: Site, *codes: str) -> list[str]:
    """Return the items of checklists of the newest set."""
    criteria = site.library.criteria(site.library.newest_set().key)
    return [item.id for entry in criteria if entry.checklist.code in codes for item in entry.checklist.items]


def rate(site: Site, number: str, person: Person, ratings: Mapping[str, str], comment: str = "") -> None:
    """Put down ratings, each with the same comment."""
    puts = {item: RatingPut(value, comment) for item, value in ratings.items()}
    with site.database.begin() as db:
        reviews.rate(db, site.library, person, site.now(), number, puts)


def sign(site: Site, number: str, person: Person, comment: str = "") -> None:
    """Sign; a minute passes."""
    with site.database.begin() as db:
        reviews.sign(db, site.library, person, site.now(), number, comment)
    assert isinstance(site.now, Clock)
    site.now.advance(minutes=1)


def reviewed(
    site: Site, cast: Cast, number: str, person: Person, codes: Sequence[str] = ("GEN",), value: str = "2"
) -> None:
    """Ask somebody, and let them declare nothing, rate everything alike and sign."""
    ask(site, cast, number, person, *codes)
    declare(site, number, person)
    rate(site, number, person, dict.fromkeys(items_of(site, *codes), value), f"{person.name} says so.")
    sign(site, number, person, f"Signed by {person.name}.")


def sheet(site: Site, code: str, value: str = "2", comment: str = "") -> dict[str, str]:
    """Return the form of a checklist with everything rated alike."""
    items = items_of(site, code)
    return {f"{item}-value": value for item in items} | {f"{item}-comment": comment for item in items}
