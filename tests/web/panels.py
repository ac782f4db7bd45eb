"""Panels: people who review a proposal on a site under test, and what they sign."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.rules import rulebook
from appraisal.web.context import Site
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast

# The rating of an item by the reviewer of that place.
Rate = Callable[[int, str], str]


def rating(values: Mapping[tuple[int, str], str]) -> Rate:
    """Return a way of rating: by reviewer's place and item, 2 where nothing is said."""
    return lambda place, item: values.get((place, item), "2")


def hire(site: Site, count: int, unit: str = "SKILLS") -> list[Person]:
    """Return so many appraisers of a unit that nobody asks, created where they are missing."""
    with site.database.begin() as db:
        everybody = [account.person for account in accounts.list_people(db)]
        found = [person for person in everybody if person.name.startswith("Reviewer")]
        found.sort(key=lambda person: person.id)
        for place in range(len(found) + 1, count + 1):
            found.append(
                accounts.create_person(
                    db,
                    SYSTEM_ACTOR,
                    site.now(),
                    email=f"reviewer{place}@example.org",
                    name=f"Reviewer {place}",
                    roles=("appraiser",),
                    unit=unit,
                )
            )
    return found[:count]


def items_of(site: Site, number: str, codes: Sequence[str]) -> list[str]:
    """Return the items of checklists, all of the proposal's where none is named."""
    case = building.load(site, number)
    book = rulebook.rulebook(site.library, case.workflow, case.set)
    return [
        item.id
        for entry in book.criteria
        if not codes or entry.checklist.code in codes
        for item in entry.checklist.items
    ]


def ask(
    site: Site, cast: Cast, number: str, person: Person, codes: Sequence[str], due_on: date | None = None
) -> None:
    """Ask somebody to review, due in ten days unless told otherwise, and let them declare nothing."""
    due = due_on or geneva_date(site.now()) + timedelta(days=10)
    with site.database.begin() as db:
        reviews.ask(db, site.library, cast["desk"], site.now(), number, person, codes, due)
        reviews.declare(db, site.library, person, site.now(), number, conflict=None)


def sign(
    site: Site, number: str, person: Person, ratings: Mapping[str, str], comment: str = "", remark: str = ""
) -> None:
    """Rate and sign; every rating that needs a comment gets one, or ``remark`` does for all."""
    puts = {
        item: RatingPut(value, remark or ("" if value in "23" else f"{person.name} on {item}."))
        for item, value in ratings.items()
    }
    with site.database.begin() as db:
        reviews.rate(db, site.library, person, site.now(), number, puts)
        reviews.sign(db, site.library, person, site.now(), number, comment)
    assert isinstance(site.now, Clock)
    site.now.advance(minutes=1)


def reviewed_by(
    site: Site, cast: Cast, number: str, count: int, codes: Sequence[str] = ("TRI",), rate: Rate | None = None
) -> list[Person]:
    """Let so many people review and sign; they rate everything 2 unless told otherwise."""
    found = hire(site, count)
    items = items_of(site, number, codes)
    for place, person in enumerate(found, 1):
        ask(site, cast, number, person, codes)
        given = {item: rate(place, item) if rate else "2" for item in items}
        sign(site, number, person, given, f"Comment of {person.name}.")
    return found
