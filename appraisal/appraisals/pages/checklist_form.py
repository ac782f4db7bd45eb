"""The lead rates one checklist in this form, which shows each item and what was changed in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wtforms import BooleanField, RadioField, TextAreaField

from appraisal.appraisals.pages.evidence import Cited, cited
from appraisal.appraisals.pages.item_words import gating_words, rating_words
from appraisal.appraisals.rules import verdicts
from appraisal.appraisals.services.lead import RatingPut
from appraisal.definitions.checklists import Checklist, Item
from appraisal.definitions.sets import Rating
from appraisal.language.texts import N_
from appraisal.proposals.facts import RatingGiven, Version
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import Refusal
from appraisal.web.context import language, say
from appraisal.web.fields import PROSE, one_of
from appraisal.web.forms import TranslatedForm

NOTHING = RatingGiven("", "")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One checklist with the ratings of an appraisal or of a review, and the version they are about."""

    book: Rulebook
    checklist: Checklist
    ratings: Mapping[str, RatingGiven]
    version: Version

    def given(self, item: str) -> RatingGiven:
        """Return what is kept of an item."""
        return self.ratings.get(item, NOTHING)


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as its page shows it; the texts are in the reader's language.

    ``meanwhile`` is what somebody else saved while this was typed.
    """

    item: Item
    given: RatingGiven
    title: str
    tone: str
    gating: str
    not_offered: str
    evidence: tuple[Cited, ...]
    problems: tuple[str, ...]
    changed: bool
    meanwhile: RatingGiven | None = None


def sheet_form(sheet: Sheet, sent: Mapping[str, Any] | None = None) -> TranslatedForm:
    """Build the form of a checklist, filled with what is kept, or as it was sent."""
    fields: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for item in sheet.checklist.items:
        given = sheet.given(item.id)
        values = [rating.value for rating in _offered(sheet, item)]
        fields[f"{item.id}-value"] = RadioField("", validators=[one_of(values)], validate_choice=False)
        fields[f"{item.id}-comment"] = TextAreaField("", validators=[PROSE])
        fields[f"{item.id}-evidence"] = TextAreaField("", validators=[PROSE])
        fields[f"{item.id}-confirm"] = BooleanField("")
        kept |= {
            f"{item.id}-value": given.value,
            f"{item.id}-comment": given.comment,
            f"{item.id}-evidence": given.evidence,
        }
    form: TranslatedForm = type("SheetForm", (TranslatedForm,), fields)(sent, data=kept)
    for item in sheet.checklist.items:
        _label(form, sheet, item)
    return form


def _label(form: TranslatedForm, sheet: Sheet, item: Item) -> None:
    reader = language()
    value, comment, evidence, confirm = (
        form[f"{item.id}-{part}"] for part in ("value", "comment", "evidence", "confirm")
    )
    value.label.text = f"{item.id}  {item.ask[reader]}"
    value.choices = [  # type: ignore[attr-defined]
        (rating.value, f"{rating.value} – {rating.title[reader]}") for rating in _offered(sheet, item)
    ]
    comment.label.text = say(N_("Comment on %(item)s"), item=item.id)
    comment.description = _comment_hint(_offered(sheet, item))
    evidence.label.text = say(N_("Evidence for %(item)s"), item=item.id)
    evidence.description = say(N_("Document, page or section"))
    confirm.label.text = say(N_("I confirm this rating as it stands"))


def _comment_hint(offered: list[Rating]) -> str:
    """Say for which ratings a comment is needed, and for which it is wanted."""
    needed = [rating.value for rating in offered if rating.comment == "required"]
    wanted = [rating.value for rating in offered if rating.comment == "recommended"]
    found = []
    if needed:
        found.append(say(N_("Needed for %(values)s."), values=", ".join(needed)))
    if wanted:
        found.append(say(N_("Recommended for %(values)s."), values=", ".join(wanted)))
    return " ".join(found)


def _may_be_not_relevant(sheet: Sheet, item: Item) -> bool:
    return verdicts.may_be_not_relevant(
        sheet.book.set, item, track_and_money.checklist_facts(sheet.version.content)
    )


def _offered(sheet: Sheet, item: Item) -> list[Rating]:
    """Return the ratings that an item offers; one that is kept stays, even where it is offered no more."""
    kept = sheet.given(item.id).value
    return [
        rating
        for rating in sheet.book.set.scale
        if rating.points is not None or rating.value == kept or _may_be_not_relevant(sheet, item)
    ]


def changed_ratings(sheet: Sheet, form: TranslatedForm) -> dict[str, RatingPut]:
    """Return the items that the form would change, and the carried-over ones that it confirms.

    What was carried over and neither changed nor confirmed stays proposed.
    """
    found = {}
    for item in sheet.checklist.items:
        given, put = sheet.given(item.id), _put(form, item.id)
        if put != RatingPut(given.value, given.comment, given.evidence) or (
            given.proposed and form[f"{item.id}-confirm"].data
        ):
            found[item.id] = put
    return found


def _put(form: TranslatedForm, item: str) -> RatingPut:
    return RatingPut(*(_text(form[f"{item}-{part}"].data) for part in ("value", "comment", "evidence")))


def _text(typed: str | None) -> str:
    return (typed or "").replace("\r\n", "\n").strip()


def shown_items(
    sheet: Sheet,
    problems: Mapping[str, list[Refusal]],
    changed: frozenset[str],
    form: TranslatedForm | None = None,
) -> list[Shown]:
    """Return the items of a checklist as its page shows them.

    With a form, items in which it differs from what is kept show what was saved meanwhile.
    """
    differing = changed_ratings(sheet, form) if form else {}
    return [
        _shown(sheet, item, problems.get(item.id, []), item.id in changed, item.id in differing)
        for item in sheet.checklist.items
    ]


def _shown(sheet: Sheet, item: Item, problems: list[Refusal], changed: bool, differs: bool) -> Shown:
    given = sheet.given(item.id)
    title, tone = rating_words(sheet.book.set, given.value)
    return Shown(
        item,
        given,
        title,
        tone,
        gating_words(sheet.book.set, item),
        _not_offered(sheet, item),
        tuple(cited(sheet.version, item.evidence)),
        tuple(problem.say(language()) for problem in problems),
        changed,
        given if differs else None,
    )


def _not_offered(sheet: Sheet, item: Item) -> str:
    """Say why a rating without points is not offered, or when it may be given where it is."""
    unscored = [rating.value for rating in sheet.book.set.scale if rating.points is None]
    if not unscored:
        return ""
    value = ", ".join(unscored)
    if item.gating:
        return say(N_("%(value)s is not offered: a gating item is always relevant."), value=value)
    when = item.not_relevant.when[language()] if item.not_relevant else ""
    if _may_be_not_relevant(sheet, item):
        return (
            say(N_("%(value)s may be given where this holds: %(when)s"), value=value, when=when)
            if when
            else ""
        )
    if when:
        return say(N_("%(value)s is not offered: the form does not say so. %(when)s"), value=value, when=when)
    return say(N_("%(value)s is not offered: the question is relevant for every proposal."), value=value)
