"""Ratings of reviewers stand side by side here, with the form in which the lead settles each item."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wtforms import BooleanField, RadioField, TextAreaField

from appraisal.appraisals.pages.appraisal_view import Opened
from appraisal.appraisals.pages.item_words import rating_words
from appraisal.appraisals.rules import reviews, verdicts
from appraisal.appraisals.rules.reviews import Row
from appraisal.appraisals.services.lead import RatingPut
from appraisal.definitions.checklists import Item
from appraisal.definitions.sets import Rating
from appraisal.language.texts import N_
from appraisal.proposals.facts import RatingGiven, Review
from appraisal.proposals.rules import track_and_money
from appraisal.web.context import language, say
from appraisal.web.fields import PROSE, one_of
from appraisal.web.formats import day
from appraisal.web.forms import TranslatedForm, written

NOTHING: Final = RatingGiven("", "")
# In the order of what is put down.
PARTS: Final = ("value", "comment", "evidence", "reason")
# So many are named where reviewers are listed in a sentence; all of them stand beside it.
_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Voice:
    """What one reviewer says along with a rating."""

    name: str
    late: bool
    comment: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Side:
    """A rating with everybody who gave it: those who say something with it, then those who do not."""

    title: str
    tone: str
    voices: tuple[Voice, ...]
    silent: tuple[Voice, ...]

    @property
    def count(self) -> int:
        """Return how many gave it."""
        return len(self.voices) + len(self.silent)


@dataclass(frozen=True, slots=True)
class Compared:
    """An item as the page shows it.

    ``differing`` names whom the final rating differs from; ``given_by`` says why it is not the
    lead's to set; ``meanwhile`` is what was saved while this was typed.
    """

    item: Item
    row: Row
    sides: tuple[Side, ...]
    final: RatingGiven
    title: str
    tone: str
    differing: str
    given_by: str
    problems: tuple[str, ...]
    changed: bool
    meanwhile: RatingGiven | None = None


def compare(opened: Opened, rows: Sequence[Row], form: TranslatedForm | None = None) -> list[Compared]:
    """Return items as the page shows them; with a form, what differs from it shows what is kept."""
    items = {item.id: item for entry in opened.criteria for item in entry.checklist.items}
    problems = opened.problems_by_item()
    typed = changed_ratings(opened, rows, form) if form else {}
    units = reviews.block_items(opened.criteria)
    found = []
    for row in rows:
        final = row.final or NOTHING
        title, tone = rating_words(opened.book.set, final.value)
        found.append(
            Compared(
                items[row.item],
                row,
                _sides(opened, row),
                final,
                title,
                tone,
                _named(opened, row.differs),
                _given_by(opened, row, units[row.item]) if row.item in units else "",
                tuple(problem.say(language()) for problem in problems.get(row.item, ())),
                row.item in opened.changed,
                final if row.item in typed else None,
            )
        )
    return found


def _sides(opened: Opened, row: Row) -> tuple[Side, ...]:
    """Group the reviewers by their rating, in the order of the scale."""
    found = []
    for rating in opened.book.set.scale:
        said = [
            Voice(reviewer_name(opened, review), review.late, given.comment, given.evidence)
            for review, given in row.given
            if given.value == rating.value
        ]
        if said:
            title, tone = rating_words(opened.book.set, rating.value)
            voices = tuple(entry for entry in said if entry.comment or entry.evidence)
            silent = tuple(entry for entry in said if not (entry.comment or entry.evidence))
            found.append(Side(title, tone, voices, silent))
    return tuple(found)


def reviewer_name(opened: Opened, review: Review) -> str:
    """Return a reviewer's name with the unit at the time of the review."""
    name = opened.case.name(review.person)
    return f"{name} ({review.unit})" if review.unit else name


def _named(opened: Opened, entries: Sequence[Review]) -> str:
    names = [reviewer_name(opened, entry) for entry in entries]
    if len(names) > _NAMED:
        names = [*names[:_NAMED], say(N_("and %(count)s more"), count=len(names) - _NAMED)]
    return ", ".join(names)


def _given_by(opened: Opened, row: Row, unit: str) -> str:
    """Say who gives the final rating of an item that is not the lead's, and why."""
    review = reviews.finaliser(opened.appraisal, row.code, unit)
    if review is None or review.signed_at is None:
        sentence = N_(
            "%(unit)s finalises this checklist, so the lead does not rate it; its review is not signed."
        )
        return say(sentence, unit=unit)
    return say(
        N_(
            "Given by %(name)s for %(unit)s, signed on %(day)s. %(unit)s finalises this checklist, so the lead "
            "does not change it."
        ),
        name=opened.case.name(review.person),
        unit=unit,
        day=day(review.signed_at),
    )


def is_editable(opened: Opened, row: Row) -> bool:
    """Tell whether the reader sets the final rating of an item now."""
    return opened.rates(row.code)


def comparison_form(
    opened: Opened, rows: Sequence[Row], sent: Mapping[str, Any] | None = None
) -> TranslatedForm:
    """Build the form of the items that the reader settles, filled with what is kept, or as it was sent."""
    fields: dict[str, Any] = {}
    kept: dict[str, str] = {}
    settled = [row for row in rows if is_editable(opened, row)]
    offered = {row.item: _offered(opened, row) for row in settled}
    for row in settled:
        values = [rating.value for rating in offered[row.item]]
        check = one_of(values)
        fields[f"{row.item}-value"] = RadioField("", validators=[check], validate_choice=False)
        for part in _texts(row):
            fields[f"{row.item}-{part}"] = TextAreaField("", validators=[PROSE])
        fields[f"{row.item}-confirm"] = BooleanField("")
        kept |= {f"{row.item}-{part}": getattr(row.final or NOTHING, part) for part in PARTS}
    form: TranslatedForm = type("ComparisonForm", (TranslatedForm,), fields)(sent, data=kept)
    for row in settled:
        _label(form, row, offered[row.item])
    return form


def _texts(row: Row) -> tuple[str, ...]:
    """Return the texts that an item asks for; no reason where no review has to be answered."""
    return PARTS[1:] if row.has_counting else PARTS[1:-1]


def _label(form: TranslatedForm, row: Row, offered: Iterable[Rating]) -> None:
    item, value = row.item, form[f"{row.item}-value"]
    value.label.text = say(N_("Final rating of %(item)s"), item=item)
    value.choices = [  # type: ignore[attr-defined]
        (rating.value, f"{rating.value} – {rating.title[language()]}") for rating in offered
    ]
    form[f"{item}-comment"].label.text = say(N_("Comment on %(item)s"), item=item)
    form[f"{item}-evidence"].label.text = say(N_("Evidence for %(item)s"), item=item)
    if "reason" in _texts(row):
        form[f"{item}-reason"].label.text = say(N_("Why the final rating of %(item)s differs"), item=item)
    form[f"{item}-confirm"].label.text = say(N_("I confirm this rating as it stands"))


def _offered(opened: Opened, row: Row) -> list[Rating]:
    """Return the ratings that an item offers; one that is kept stays, even where it is offered no more."""
    item = next(item for entry in opened.criteria for item in entry.checklist.items if item.id == row.item)
    facts = track_and_money.checklist_facts(opened.version.content)
    kept = (row.final or NOTHING).value
    return [
        rating
        for rating in opened.book.set.scale
        if rating.points is not None
        or rating.value == kept
        or verdicts.may_be_not_relevant(opened.book.set, item, facts)
    ]


def sent_rows(opened: Opened, rows: Iterable[Row], sent: Mapping[str, Any]) -> list[Row]:
    """Return the items that a form was sent for, whatever the page was narrowed to."""
    return [row for row in rows if is_editable(opened, row) and f"{row.item}-comment" in sent]


def sent_items(sent: Mapping[str, Any]) -> frozenset[str]:
    """Return the items that a form was sent for, whether they have a row now or not."""
    return frozenset(name.removesuffix("-comment") for name in sent if name.endswith("-comment"))


def changed_ratings(opened: Opened, rows: Iterable[Row], form: TranslatedForm) -> dict[str, RatingPut]:
    """Return the items that the form would change, and the carried-over ones that it confirms."""
    found = {}
    for row in rows:
        if not is_editable(opened, row):
            continue
        given = row.final or NOTHING
        parts = ("value", *_texts(row))
        typed = {part: written(form[f"{row.item}-{part}"]) for part in parts}
        confirmed = given.proposed and form[f"{row.item}-confirm"].data
        if confirmed or typed != {part: getattr(given, part) for part in parts}:
            found[row.item] = RatingPut(**typed)
    return found
