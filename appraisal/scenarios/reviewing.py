"""Reviewing: the use cases of people who were asked to review, and of the stand-ins of units."""

from collections.abc import Iterable, Mapping

from appraisal.domain import access, reviews
from appraisal.domain.facts import Case, Person, RatingGiven
from appraisal.domain.rulebooks import Rulebook
from appraisal.scenarios.plays import NOTE, Doing
from appraisal.services import reviews as services
from appraisal.services.appraisals import RatingPut
from appraisal.storage.facts import load_case

_NOT_ITEMS = ("default", "comments", "reasons", "declare")


def put_down(
    doing: Doing, book: Rulebook, kept: Mapping[str, RatingGiven], items: Iterable[str]
) -> dict[str, RatingPut]:
    """Return the ratings that a step gives: ``default`` for the items, then single ones, with comments."""
    values = {key: str(value) for key, value in doing.given.items() if key not in _NOT_ITEMS}
    if "default" in doing.given:
        values = {item: doing.text("default") for item in items} | values
    comments, reasons = doing.given.get("comments", {}), doing.given.get("reasons", {})
    # A comment or reason on an item that was rated before leaves its rating as it is.
    former = {item: kept[item].value for item in (*comments, *reasons) if item in kept}
    puts = {}
    for item, value in (former | values).items():
        rating = book.set.rating(value)
        needed = rating is not None and rating.comment == "required"
        comment = str(comments.get(item, NOTE if needed else ""))
        puts[item] = RatingPut(value, comment, reason=str(reasons[item]) if item in reasons else None)
    return puts


def rate(doing: Doing) -> Case:
    """Rate the items of the actor's own review; nothing is declared unless the scenario says so."""
    _declare_nothing(doing, doing.actor)
    held = services.held(doing.db, doing.library, doing.actor, doing.number)
    assert held is not None
    criteria = reviews.reviewed(reviews.criteria_of(held.case, held.book, held.appraisal), held.review)
    items = [item.id for entry in criteria for item in entry.checklist.items]
    puts = put_down(doing, held.book, held.review.ratings, items)
    services.rate(doing.db, doing.library, doing.actor, doing.now, doing.number, puts)
    return load_case(doing.db, doing.number)


def _declare_nothing(doing: Doing, person: Person) -> None:
    """Declare that there is nothing to declare, where that is still to be said."""
    case = load_case(doing.db, doing.number)
    waits = access.must_declare(case, person) or reviews.waiting_for_unit(case, person) is not None
    if waits and not doing.switched_off("declare"):
        services.declare(doing.db, doing.library, person, doing.now, doing.number, conflict=None)


def speak(doing: Doing, person: Person, text: str) -> Case:
    """Let somebody answer for a unit by signing a review that holds a comment."""
    _declare_nothing(doing, person)
    return services.sign(doing.db, doing.library, person, doing.now, doing.number, text)


def by_stand_in(doing: Doing, unit: str, puts: Mapping[str, RatingPut]) -> bool:
    """Let a stand-in give and sign the ratings that a unit finalises.

    Returns False where somebody of the scenario does that, or where they are signed already. What
    lacks something stays unsigned.
    """
    if any(person.unit == unit for key, person in doing.play.people.items() if not key.startswith("(")):
        return False
    person = doing.play.stand_in(doing.db, unit, doing.now)
    held = services.held(doing.db, doing.library, person, doing.number)
    if held is not None and held.appraisal.is_running and not held.review.is_open:
        return False
    _declare_nothing(doing, person)
    services.rate(doing.db, doing.library, person, doing.now, doing.number, puts)
    held = services.held(doing.db, doing.library, person, doing.number)
    assert held is not None
    if not reviews.signing_problems(held.case, held.book, held.appraisal, held.review, ""):
        services.sign(doing.db, doing.library, person, doing.now, doing.number)
    return True
