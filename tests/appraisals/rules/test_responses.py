"""Responses: what is said of whoever was asked, against days that are counted here once more."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.appraisals.rules import responses
from appraisal.canonical import canonical
from appraisal.definitions.library import Library
from appraisal.language.texts import LANGUAGES
from appraisal.printing.words import RecordWords
from appraisal.proposals.facts import Case, Consultation, Hold, Review
from appraisal.records.rules import value as records_value
from appraisal.verification.rules import record_file
from tests.printing.samples import Sample, at, outcomes, sample_of

SAID: Final = {
    "en": ("No comment by the date", "No longer awaited: the appraisal was closed on "),
    "fr": ("Pas de commentaire à l'échéance", "N'est plus attendu\u00a0: l'appréciation a été close le "),
    "es": ("Sin comentario en plazo", "Ya no se espera: la valoración se cerró el "),
}
GENEVA: Final = ZoneInfo("Europe/Zurich")


@pytest.fixture(scope="module")
def sample(library: Library) -> Sample:
    return sample_of(library)


@dataclass(frozen=True)
class Asked:
    """Somebody who was asked, in hours after the first: when they answered, and when silence was noted."""

    days: int
    answered_after: int | None = None
    noted: bool = False


ASKED: Final = st.builds(Asked, st.integers(1, 25), st.none() | st.integers(1, 24 * 20), st.booleans())
HOLDS: Final = st.none() | st.tuples(st.integers(1, 10), st.integers(0, 6))


def geneva(moment: datetime) -> date:
    return moment.astimezone(GENEVA).date()


def last_day(due_on: date, hold: tuple[date, date] | None) -> date:
    """Count the working days to a due day, and as many again with those on hold left out."""
    start = day = geneva(at(2))
    left = 0
    while day < due_on:
        day += timedelta(days=1)
        left += day.weekday() < 5
    day = start
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and not (hold and hold[0] <= day <= hold[1])
    return max(day, due_on)


@given(asked=st.lists(ASKED, min_size=1, max_size=4), closed_after=st.integers(1, 24 * 25), hold=HOLDS)
def test_a_record_says_of_each_what_is_true_of_their_own_date(
    sample: Sample, asked: Sequence[Asked], closed_after: int, hold: tuple[int, int] | None
) -> None:
    closing = at(2) + timedelta(hours=closed_after)
    stretch = hold and (geneva(at(2 + hold[0])), geneva(at(2 + hold[0] + hold[1])))
    case, due, moments = _case(sample, stretch), [], []
    units, reviews = [], []
    for number, entry in enumerate(asked):
        due_on = geneva(at(2)) + timedelta(days=entry.days)
        due.append(last_day(due_on, stretch))
        answer = None if entry.answered_after is None else at(2) + timedelta(hours=entry.answered_after)
        moments.append(answer if answer and answer <= closing else None)
        # What a tick notes of a date that has passed, in the first hour of the next day.
        night = datetime(due[-1].year, due[-1].month, due[-1].day, tzinfo=GENEVA) + timedelta(days=1)
        silent = night.astimezone(UTC) if entry.noted and night < closing and not moments[-1] else None
        late = moments[-1] is not None and geneva(moments[-1]) > due[-1]
        units.append(Consultation(number, f"U{number}", at(2), due_on, moments[-1], 3, "", late, silent))
        given = (number, number + 11, "", ("TRI",), at(2), due_on)
        reviews.append(Review(*given, signed_at=moments[-1], late=late, silent_at=silent))
        if moments[-1] is not None:
            assert responses.is_late(case, units[-1], moments[-1]) is late
    value = _closed(sample, case, units, reviews, closing)

    for entries in (value["consultations"], value["reviews"]):
        for entry, day, answer in zip(entries, due, moments, strict=True):
            has_passed = answer is None and day < geneva(closing)
            is_released = answer is None and not has_passed
            assert entry["due_on"] == day.isoformat()
            noted = (entry["silent_at"] is not None, entry["released_at"] is not None)
            assert noted == (has_passed, is_released)
            if answer is None:
                assert _said(entry, closing) == [
                    SAID[language][0]
                    if has_passed
                    else SAID[language][1] + RecordWords(language).day_of(_stamp(closing))
                    for language in LANGUAGES
                ]
    assert list(responses.problems(value)) == []


def _case(sample: Sample, stretch: tuple[date, date] | None) -> Case:
    if stretch is None:
        return sample.case
    since = datetime(stretch[0].year, stretch[0].month, stretch[0].day, 12, tzinfo=UTC)
    return replace(sample.case, holds=(Hold(since, stretch[1], "Wait.", 2),))


def _closed(
    sample: Sample, case: Case, units: list[Consultation], reviews: list[Review], closing: datetime
) -> dict[str, Any]:
    """Close the appraisal and return what its record says of it."""
    people = {entry.person: replace(case.people[3], id=entry.person) for entry in reviews}
    case = replace(case, people={**case.people, **people})
    appraisal = replace(
        sample.appraisal,
        finalised_at=closing,
        consultations=tuple(responses.at_closing(case, entry, closing) for entry in units),
        reviews=tuple(responses.at_closing(case, entry, closing) for entry in reviews),
    )
    value = records_value.appraisal_record(
        replace(case, appraisals=(appraisal,)), sample.book, appraisal, closing
    )
    found: dict[str, Any] = json.loads(canonical(value))["appraisal"]
    return found


def _stamp(moment: datetime) -> str:
    found: str = json.loads(canonical([moment]))[0]
    return found


def _said(entry: dict[str, Any], issued: datetime) -> list[str]:
    return [RecordWords(language).unanswered(entry, _stamp(issued)) for language in LANGUAGES]


WHOLE: Final = {"due_on": "2010-02-10", "silent_at": None, "released_at": None}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        # Noted in the last minute of the day, Geneva's, and in the first of the next.
        ({"silent_at": "2010-02-10T22:59:00.000000Z"}, ("released", "2010-02-10T22:59:00.000000Z")),
        ({"silent_at": "2010-02-10T23:00:00.000000Z"}, ("silent", "2010-02-10T23:00:00.000000Z")),
        ({"released_at": "2010-02-08T09:00:00.000000Z"}, ("released", "2010-02-08T09:00:00.000000Z")),
        # Asked again after the closing, or of a record that kept no silence at all.
        ({}, ("silent", "2010-02-12T09:00:00.000000Z")),
        ({"due_on": "2010-02-12"}, ("awaited", "2010-02-12T09:00:00.000000Z")),
    ],
)
def test_records_of_earlier_versions_are_read_by_their_dates(
    entry: dict[str, Any], said: tuple[str, str]
) -> None:
    issued = "2010-02-12T09:00:00.000000Z"
    given = WHOLE | entry
    assert responses.recorded(given, issued) == said
    assert responses.recorded({key: value for key, value in given.items() if value}, issued) == said


@pytest.mark.parametrize(
    ("place", "entry", "says"),
    [
        ("consultations", {"due_on": "2010-02-24", "silent_at": "closing"}, "no answer by 2010-02-24"),
        ("reviews", {"due_on": "2010-02-17", "silent_at": "closing"}, "no answer by 2010-02-17"),
        ("consultations", {"due_on": "2010-02-16", "released_at": "closing"}, "(2010-02-16) had passed"),
        ("reviews", {"due_on": "2010-02-16", "released_at": "closing"}, "(2010-02-16) had passed"),
        ("reviews", {"released_at": "2010-02-16T09:00:00.000000Z"}, "at another moment"),
        # No such day: it is compared like any other.
        ("reviews", {"due_on": "2010-02-31", "silent_at": "closing"}, "no answer by 2010-02-31"),
        ("consultations", {"silent_at": "closing", "released_at": "closing"}, "says both"),
        ("consultations", {"answered_at": "2010-02-09T23:00:00.000000Z"}, "came after 2010-02-09"),
        (
            "reviews",
            {"due_on": "2010-02-09", "signed_at": "2010-02-10T09:00:00.000000Z"},
            "came after 2010-02-09",
        ),
    ],
)
def test_a_record_that_says_of_a_date_what_is_not_true_fails_its_own_verification(
    sample: Sample, library: Library, place: str, entry: dict[str, str], says: str
) -> None:
    sound = sample.reviewed()
    closing = sound["appraisal"]["finalised_at"]
    assert "times" not in _failing(sound, library)
    # The unit and the reviewer of the sample who have not answered, and their dates.
    [asked] = [
        found
        for found in sound["appraisal"][place]
        if found.get("unit") == "NORMES" or found.get("person", {}).get("name") == "Reviewer 18"
    ]
    asked.update(silent_at=None, released_at=None)
    asked.update({key: closing if value == "closing" else value for key, value in entry.items()})
    assert says in _failing(sound, library)["times"]


def _failing(value: dict[str, Any], library: Library) -> dict[str, str]:
    found = record_file.verify(canonical(value), library)
    return {entry.check: entry.say("en") for entry in found if entry.outcome == "fails"}


def test_a_review_signed_in_time_after_the_closing_is_not_late_and_needs_no_answer(sample: Sample) -> None:
    first = outcomes(sample.appraisal)[0]
    closing = sample.appraisal.finalised_at
    assert closing is not None
    after = replace(first, due_on=date(2010, 2, 24), signed_at=closing + timedelta(hours=1))
    assert not responses.is_late(sample.case, after, closing + timedelta(hours=1))
    assert not sample.appraisal.counts(after)
    assert sample.appraisal.counts(replace(after, signed_at=closing))
    assert replace(sample.appraisal, finalised_at=None).counts(after)
    assert not sample.appraisal.counts(replace(first, late=True))
