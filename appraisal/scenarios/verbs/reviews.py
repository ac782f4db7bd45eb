"""These verbs act for people who were asked to review, and for the stand-ins of units."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from appraisal.appraisals.rules import reviews
from appraisal.appraisals.services import reviews as services
from appraisal.appraisals.services.lead import RatingPut
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, RatingGiven, Review
from appraisal.proposals.rules import access, rulebook
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import load
from appraisal.proposals.store.case import load_case
from appraisal.scenarios.play import NOTE, Doing, Unplayable

_NOT_ITEMS = ("default", "comments", "reasons", "declare")


def ask(doing: Doing) -> Case:
    """Ask somebody to review: by default every checklist that no unit finalises, by the track's days."""
    case = load_case(doing.db, doing.number)
    book = rulebook.rulebook(doing.library, case.workflow, case.set)
    return services.ask(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        doing.number,
        doing.play.people[doing.text("reviewer")],
        _checklists(doing, case, book),
        _due(doing, case, book),
    )


def _checklists(doing: Doing, case: Case, book: Rulebook) -> Sequence[str]:
    given = doing.given.get("checklists")
    if given is not None:
        return [given] if isinstance(given, str) and given else list(given)
    running = case.appraisal
    criteria = reviews.criteria_of(case, book, running) if running else ()
    return [entry.checklist.code for entry in criteria if not entry.member.finalised_by]


def _due(doing: Doing, case: Case, book: Rulebook) -> date:
    if "due" in doing.given:
        return date.fromisoformat(doing.text("due"))
    track = book.workflow.tracks.get(case.track)
    holidays = case.holidays.get("Geneva", frozenset())
    return working_days.add_working_days(
        geneva_date(doing.now), track.consultation_days if track else 1, holidays
    )


def withdraw(doing: Doing) -> Case:
    """Take back what somebody was asked."""
    return services.withdraw(
        doing.db, doing.library, doing.actor, doing.now, doing.number, _review_of(doing).id
    )


def move(doing: Doing) -> Case:
    """Give a reviewer another day."""
    review, due = _review_of(doing), date.fromisoformat(doing.text("due"))
    return services.move_due(doing.db, doing.library, doing.actor, doing.now, doing.number, review.id, due)


def _review_of(doing: Doing) -> Review:
    """Find what the person named was asked last; nothing is told to who may not know of the proposal."""
    case, _ = load(doing.db, doing.library, doing.number, doing.actor)
    key = doing.text("reviewer")
    person = doing.play.people[key]
    for appraisal in reversed(case.appraisals):
        for entry in reversed(appraisal.reviews):
            if entry.person == person.id:
                return entry
    raise Unplayable(f"{key} was never asked to review")


def declare(doing: Doing) -> Case:
    """Declare a conflict of interest, or that there is none."""
    conflict = doing.text("conflict") if "conflict" in doing.given else None
    return services.declare(doing.db, doing.library, doing.actor, doing.now, doing.number, conflict=conflict)


def decline(doing: Doing) -> Case:
    """Decline to review."""
    reason = doing.text("reason", NOTE)
    return services.decline(doing.db, doing.library, doing.actor, doing.now, doing.number, reason)


def sign(doing: Doing) -> Case:
    """Sign the actor's own review."""
    comment = doing.text("comment")
    return services.sign(doing.db, doing.library, doing.actor, doing.now, doing.number, comment)


def adopt(doing: Doing) -> Case:
    """Take over, as the lead, what all signed reviews agree on."""
    return services.adopt_agreed(doing.db, doing.library, doing.actor, doing.now, doing.number)


def reviews_now(case: Case, person: Person) -> bool:
    """Tell whether what a person rates is a review: asked for, or to be taken up for the unit."""
    latest = case.appraisal or case.finalised
    if latest is not None and latest.lead == person.id:
        return False
    return bool(access.reviews_of(case, person)) or reviews.waiting_for_unit(case, person) is not None


def item_values(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the values that a step gives single items."""
    return {key: str(value) for key, value in given.items() if key not in _NOT_ITEMS}


def put_down(
    doing: Doing, book: Rulebook, kept: Mapping[str, RatingGiven], items: Iterable[str]
) -> dict[str, RatingPut]:
    """Return the ratings that a step gives: ``default`` for the items, then single ones, with comments."""
    values = item_values(doing.given)
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
    """Rate the items of the actor's own review.

    Where it is still to be said, it is said first that there is nothing to declare, unless the step
    says ``declare: false``.
    """
    _declare_nothing(doing, doing.actor)
    held = services.held(doing.db, doing.library, doing.actor, doing.number)
    assert held is not None
    criteria = reviews.reviewed(reviews.criteria_of(held.case, held.book, held.appraisal), held.review)
    items = [item.id for entry in criteria for item in entry.checklist.items]
    puts = put_down(doing, held.book, held.review.ratings, items)
    services.rate(doing.db, doing.library, doing.actor, doing.now, doing.number, puts)
    return load_case(doing.db, doing.number)


def confirm(doing: Doing) -> Case:
    """Confirm what was carried over from the actor's own review of the round before."""
    _declare_nothing(doing, doing.actor)
    services.confirm_unchanged(doing.db, doing.library, doing.actor, doing.now, doing.number)
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
