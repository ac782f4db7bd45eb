"""Those who were asked have answered, have let their date pass, or are no longer awaited.

These are three facts, and none follows from another: an appraisal may be closed while there is still
time to answer, and then nobody has let a date pass. Pages, records, PDFs and mail say each in the words
that stand here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, Literal, TypeVar

from appraisal.clock import geneva_date, parse_stamp
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.language.texts import N_
from appraisal.proposals.facts import Appraisal, Case, Consultation, Review
from appraisal.vocabulary.findings import Said

Asked = TypeVar("Asked", Consultation, Review)
# How a unit that was asked stands to its answer; *overdue* until the silence is noted.
Status = Literal["answered", "answered_late", "released", "silent", "overdue", "awaited"]

SENTENCES: Final[Mapping[Status, str]] = {
    "answered": N_("Answered"),
    "answered_late": N_("Answered late"),
    "released": N_("No longer awaited: the appraisal was closed on %(day)s"),
    "silent": N_("No comment by the date"),
    "overdue": N_("Overdue"),
    "awaited": N_("Asked"),
}


def is_over(due_on: date | str, at: datetime) -> bool:
    """Tell whether a due day had ended in Geneva at a moment: only then has anybody let it pass.

    A day of a record is a text, which sorts as days do, and need not be one that there ever was.
    """
    return str(due_on) < geneva_date(at).isoformat()


def is_late(case: Case, asked: Consultation | Review, at: datetime) -> bool:
    """Tell whether an answer given at a moment comes after its own date, days on hold counted out."""
    return is_over(due_dates.due_day(case, asked), at)


def status(case: Case, asked: Consultation, today: date) -> Status:
    """Tell how a unit that was asked stands to its answer on a day."""
    if asked.answered_at is not None:
        return "answered_late" if asked.late else "answered"
    if asked.released_at is not None:
        return "released"
    if asked.silent_at is not None:
        return "silent"
    return "overdue" if due_dates.due_day(case, asked) < today else "awaited"


def consultation_of(case: Case, id: int) -> tuple[Appraisal, Consultation] | None:
    """Return a consultation with its appraisal; of one that was recalled, what its unit is asked since.

    A unit answers where it is heard, whichever of the two a link or a page that was left open names.
    """
    found: tuple[Appraisal, Consultation] | None = None
    for appraisal in case.appraisals:
        for entry in appraisal.consultations:
            follows = (
                found is not None and found[0].superseded_at and _is_asked_again(*found, appraisal, entry)
            )
            if entry.id == id or follows:
                found = appraisal, entry
    return found


def _is_asked_again(before: Appraisal, entry: Consultation, after: Appraisal, other: Consultation) -> bool:
    return before.number < after.number and (before.version_id, entry.unit) == (after.version_id, other.unit)


def at_closing(case: Case, asked: Asked, now: datetime) -> Asked:
    """Return what becomes of a consultation or review when its appraisal is closed.

    Whoever has answered stays as they are. Of the others it is noted that there is no answer by the
    date, where that has really passed, and else that they are no longer awaited.
    """
    if not asked.is_open:
        return asked
    if not is_late(case, asked, now):
        return replace(asked, silent_at=None, released_at=now)
    is_noted = asked.silent_at is not None and is_late(case, asked, asked.silent_at)
    return asked if is_noted else replace(asked, silent_at=now, released_at=None)


def awaited_again(case: Case, asked: Asked, now: datetime) -> Asked:
    """Return what becomes of somebody who was no longer awaited when the appraisal runs again.

    They have as many working days from then on as they had left when it was closed.
    """
    if asked.released_at is None or not asked.is_open:
        return replace(asked, released_at=None)
    holidays = case.holidays.get(working_days.GENEVA, frozenset())
    released, due_on = geneva_date(asked.released_at), due_dates.due_day(case, asked)
    left = working_days.working_days_between(released, due_on, holidays)
    last = max(due_on, working_days.add_working_days(geneva_date(now), left, holidays))
    return replace(asked, released_at=None, due_on=due_dates.day_to_keep(case, asked, last))


def unanswered(appraisal: Appraisal) -> dict[str, dict[str, list[Any]]]:
    """Return who had not answered an appraisal that is closed: units by name, reviews by id.

    Apart from each other those who let their date pass, and those who are no longer awaited.
    """
    units = [entry for entry in appraisal.consultations if entry.is_open]
    reviews = [entry for entry in appraisal.reviews if entry.is_open]
    return {
        "silent": {
            "units": [entry.unit for entry in units if entry.silent_at],
            "reviews": [entry.id for entry in reviews if entry.silent_at],
        },
        "released": {
            "units": [entry.unit for entry in units if entry.released_at],
            "reviews": [entry.id for entry in reviews if entry.released_at],
        },
    }


def recorded(
    entry: Mapping[str, Any], issued_at: str
) -> tuple[Literal["released", "silent", "awaited"], str]:
    """Tell how whoever gave no answer stands by what a record says of them, and since when.

    Records of earlier versions of the product said of everybody who had not answered at the closing that
    they had let their date pass; where it lay ahead, that moment is when they were no longer awaited.
    """
    due_on, silent_at = entry["due_on"], entry.get("silent_at")
    if entry.get("released_at"):
        return "released", entry["released_at"]
    if silent_at:
        return "silent" if is_over(due_on, parse_stamp(silent_at)) else "released", silent_at
    return "silent" if is_over(due_on, parse_stamp(issued_at)) else "awaited", issued_at


def counting(appraisal: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the reviews of a record that its lead had to answer, as ``Appraisal.counts`` says.

    Records of the first versions of the product know no reviews.
    """
    for review in appraisal.get("reviews", ()):
        signed_at = review["signed_at"]
        # Stamps are of one form, so their texts sort as their moments do.
        if signed_at is not None and not review["late"] and signed_at <= appraisal["finalised_at"]:
            yield review


_TOO_EARLY: Final = N_(
    "%(name)s: no answer by %(due_on)s, says the record, but this was noted before that day had ended (%(moment)s)."
)
_TOO_LATE: Final = N_(
    "%(name)s: no longer awaited, says the record, but the date (%(due_on)s) had passed when the appraisal was closed (%(moment)s)."
)
_NOT_IN_TIME: Final = N_(
    "%(name)s: in time, says the record, but the answer (%(moment)s) came after %(due_on)s."
)
_NOT_CLOSED: Final = N_(
    "%(name)s: no longer awaited since %(moment)s, says the record, but the appraisal was closed at another moment."
)
_BOTH: Final = N_(
    "%(name)s: the record says both that the date passed without an answer and that none was awaited any more."
)


def problems(appraisal: Mapping[str, Any]) -> Iterator[Said]:
    """Yield what a record says of those who were asked and cannot be true of the dates that it names."""
    for entry in (*appraisal["consultations"], *appraisal.get("reviews", ())):
        facts = {
            "name": entry["unit"] if "unit" in entry else entry["person"]["name"],
            "due_on": entry["due_on"],
        }
        silent_at, released_at = entry.get("silent_at"), entry.get("released_at")
        answered_at = entry.get("answered_at") or entry.get("signed_at")
        if silent_at and not is_over(entry["due_on"], parse_stamp(silent_at)):
            yield _TOO_EARLY, {**facts, "moment": silent_at}
        if released_at and is_over(entry["due_on"], parse_stamp(released_at)):
            yield _TOO_LATE, {**facts, "moment": released_at}
        if released_at and released_at != appraisal["finalised_at"]:
            yield _NOT_CLOSED, {**facts, "moment": released_at}
        if released_at and silent_at:
            yield _BOTH, facts
        # Before it was kept who is no longer awaited, a unit's answer was as late as the review that gave it.
        in_time = "released_at" in entry and answered_at and not entry["late"]
        if in_time and is_over(entry["due_on"], parse_stamp(answered_at)):
            yield _NOT_IN_TIME, {**facts, "moment": answered_at}
