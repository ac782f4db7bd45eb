"""Reviewers are asked here and taken back, with how each stands and whom to ask next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import SelectField, SelectMultipleField

from appraisal.appraisals.pages.appraisal_view import Opened, open_appraisal
from appraisal.appraisals.pages.consultations import Comment, comments_of
from appraisal.appraisals.rules import responses, reviews
from appraisal.appraisals.rules.reviews import Status
from appraisal.appraisals.rules.suggested_reviewers import Candidate, Load, Suggestions, suggest
from appraisal.appraisals.services import reviews as services
from appraisal.appraisals.store.reviewer_load import list_loads
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.errors import NotFound
from appraisal.language.texts import N_, translate_plural
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case, Review
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules.acting_for import covers_lead
from appraisal.vocabulary.refusals import SENTENCES, NotAllowed, Refusal, refuse
from appraisal.web import formats
from appraisal.web.context import actor, begin, language, page, read, reasons, say, signed_in, site
from appraisal.web.fields import DayField, needed
from appraisal.web.forms import TranslatedForm, choice

bp = Blueprint("reviewers", __name__)

Answer = str | Response | tuple[str, int]

# How a review stands, in words and in which tone.
STATUSES: Final[Mapping[Status, tuple[str, str]]] = {
    "undeclared": (N_("Waits for the declaration"), "neutral"),
    "open": (N_("At work"), "info"),
    "overdue": (N_("Late"), "bad"),
    "released": (responses.SENTENCES["released"], ""),
    "silent": (responses.SENTENCES["silent"], "warn"),
    "signed": (N_("Signed"), "good"),
    "signed_late": (N_("Signed late"), "warn"),
    "declined": (N_("Declined"), "warn"),
    "conflict": (N_("Conflict of interest"), "warn"),
    "withdrawn": (N_("Taken back"), "neutral"),
}
# The field that a reason of the rules is about.
_ABOUT: Final[Mapping[str, str]] = {
    "reviewer_not_appraiser": "people",
    "reviewer_is_author": "people",
    "reviewer_is_lead": "people",
    "reviewer_conflicted": "people",
    "reviewer_asked": "people",
    "checklist_unknown": "checklists",
    "checklists_missing": "checklists",
    "block_unit": "checklists",
    "block_taken": "checklists",
    "due_past": "due_on",
    "due_late": "due_on",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who was asked, as a table shows it; a status without a tone is a sentence."""

    review: Review
    name: str
    due_on: date
    declaration: str
    status: str
    tone: str


@dataclass(frozen=True, slots=True)
class UnitAsked:
    """A unit that was asked, with the names of those of it who took it up."""

    comment: Comment
    names: str


class AskForm(TranslatedForm):
    """Whom to ask for which checklists, and by when."""

    checklists = SelectMultipleField(
        N_("Checklists"),
        validators=[needed(SENTENCES["checklists_missing"])],
        validate_choice=False,
        render_kw={"kind": "checkboxes"},
    )
    people = SelectMultipleField(N_("Suggested reviewers"), validate_choice=False)
    other = SelectField(N_("Somebody else"), validate_choice=False)
    due_on = DayField(N_("Due on"), validators=[needed(N_("Give the date."))])

    def chosen(self) -> list[str]:
        """Return the ids of everybody chosen, once each."""
        return list(dict.fromkeys(id for id in (*(self.people.data or ()), self.other.data) if id))


class DueForm(TranslatedForm):
    """Another day for a review."""

    due_on = DayField(N_("Due on"), validators=[needed(N_("Give the date."))])


def sees_reviewers(case: Case, person: Person) -> bool:
    """Tell whether a person may see who reviews: coordinators, auditors and the lead.

    None of them an author, nor anybody who still owes a review of the proposal.
    """
    leads = person.id in case.related("lead") or covers_lead(case, person)
    return access.sees_running_ratings(case, person) and (
        person.has("coordinator") or person.has("auditor") or leads
    )


def asked_of(opened: Opened) -> list[Asked]:
    """Return everybody who was asked for the appraisal, what was taken back last."""
    today = geneva_date(site().now())
    found = sorted(opened.appraisal.reviews, key=lambda review: review.withdrawn_at is not None)
    return [asked(opened.case, review, today) for review in found]


def asked(case: Case, review: Review, today: date) -> Asked:
    """Return somebody who was asked as a table shows it."""
    title, tone = STATUSES[reviews.status(case, review, today)]
    return Asked(
        review,
        name_of(case, review),
        due_dates.due_day(case, review),
        declaration_of(review),
        say(title, day=formats.day_of(review.released_at)),
        tone,
    )


def name_of(case: Case, review: Review) -> str:
    """Return who reviews, and for whom where that is not in the own name."""
    return formats.signed(case.name(review.person), case.name(review.behalf) if review.behalf else "")


def declaration_of(review: Review) -> str:
    """Say what was declared; that nothing was said is another thing than that there is nothing."""
    if review.declaration == "declared":
        return say(N_("Conflict declared"))
    if review.declaration == "nothing":
        return say(N_("Nothing to declare"))
    return say(N_("Not declared yet")) if review.is_open else say(N_("None given"))


def units_of(opened: Opened) -> list[UnitAsked]:
    """Return the units that were asked for comments, with who of them took it up."""
    names: dict[str, list[str]] = {}
    for review in reviews.undertaken(opened.appraisal):
        names.setdefault(review.unit, []).append(opened.case.name(review.person))
    return [
        UnitAsked(comment, ", ".join(names.get(comment.entry.unit, ())))
        for comment in comments_of(opened.case, opened.appraisal, opened.reader)
    ]


@bp.route("/proposals/<number>/reviews", methods=["GET", "POST"])
@signed_in
def index(number: str) -> Answer:
    """Show everybody who was asked, and ask more: the coordinators' page, which others may only read."""
    with read() as db:
        opened = _open(db, number)
        loads = list_loads(db, actor()) if _may_ask(opened) else []
    if not _may_ask(opened):
        if request.method == "POST":
            raise disclosure.not_allowed(opened.case, actor(), _refusals(opened))
        return _draw(opened, None, None)
    form = AskForm(request.form if request.method == "POST" else None, data=_begun(opened))
    found = suggest(opened.case, opened.book, opened.appraisal, loads, form.checklists.data or ())
    people = {str(load.person.id): load.person for load in loads}
    _offer(opened, form, found)
    if request.method == "GET" or "suggest" in request.form:
        return _draw(opened, form, found)
    if not _ask(opened, form, people):
        return _draw(opened, form, found), 422
    return redirect(url_for(".index", number=number, _anchor="asked"), 303)


def _open(db: Connection, number: str) -> Opened:
    """Open the appraisal for somebody who may see who reviews it; raises ``NotAllowed`` for others."""
    opened = open_appraisal(db, number)
    if access.is_blind(opened.case, actor()):
        raise NotAllowed([refuse("review_owed")])
    if not sees_reviewers(opened.case, actor()):
        raise NotAllowed([refuse("not_visible")])
    return opened


def _refusals(opened: Opened) -> list[Refusal]:
    """Return why the reader may not ask anybody at all."""
    found = reviews.coordinating_refusals(opened.case, actor())
    return found if opened.appraisal.is_running else [*found, refuse("no_appraisal")]


def _may_ask(opened: Opened) -> bool:
    return not _refusals(opened)


def _begun(opened: Opened) -> dict[str, Any]:
    """Begin the form with the day that the track gives to those who are consulted."""
    case, today = opened.case, geneva_date(site().now())
    days = opened.book.workflow.tracks[case.track].consultation_days
    due = working_days.add_working_days(today, days, case.holidays.get("Geneva", frozenset()))
    return {"due_on": due, "checklists": [], "people": []}


def _offer(opened: Opened, form: AskForm, found: Suggestions) -> None:
    """Set what the choices of the form offer, with the reasons behind each."""
    form.checklists.choices = [
        choice(entry.checklist.code, _titled(entry.checklist), _about(opened, entry.checklist.code))
        for entry in opened.criteria
    ]
    form.people.choices = [
        choice(str(entry.person.id), formats.named(entry.person), why(entry)) for entry in found.suggested
    ]
    others = [
        (str(entry.person.id), f"{formats.named(entry.person)}: {why(entry)}") for entry in found.others
    ]
    form.other.choices = [("", say(N_("Nobody else"))), *others]


def _titled(checklist: Any) -> str:
    return f"{checklist.code} – {checklist.title[language()]}"


def _about(opened: Opened, code: str) -> str:
    """Say of a checklist who finalises it, which units are consulted on it, and who reviews it already."""
    checklist, unit = opened.checklist(code), opened.blocks.get(code)
    names = [
        opened.case.name(review.person)
        for review in reviews.undertaken(opened.appraisal)
        if code in review.checklists
    ]
    found = []
    if unit:
        found.append(say(N_("Finalised by %(unit)s, so its reviewer has to come from there."), unit=unit))
    elif checklist.consult:
        found.append(say(N_("Consulted: %(units)s."), units=", ".join(checklist.consult)))
    found.append(
        say(N_("Reviewed by %(names)s."), names=", ".join(names))
        if names
        else say(N_("Nobody reviews it yet."))
    )
    return " ".join(found)


def why(candidate: Candidate) -> str:
    """Say why somebody is suggested: what they reviewed, for what their unit is named, what is in hand."""
    found = []
    if candidate.before is not None:
        found.append(say(N_("reviewed version %(number)s"), number=candidate.before))
    if candidate.named:
        sentence = N_("%(unit)s is consulted on %(codes)s")
        found.append(say(sentence, unit=candidate.person.unit, codes=", ".join(candidate.named)))
    return " · ".join([*found, *_in_hand(candidate.load)])


def _in_hand(load: Load) -> list[str]:
    """Say how much somebody has in hand, leaving out what is none."""
    if not load.total:
        return [say(N_("nothing in hand"))]
    found = []
    if load.reviews:
        many = translate_plural(
            language(), "%(count)s review to sign", "%(count)s reviews to sign", load.reviews
        )
        found.append(many % {"count": load.reviews})
    if load.leads:
        many = translate_plural(language(), "%(count)s appraisal led", "%(count)s appraisals led", load.leads)
        found.append(many % {"count": load.leads})
    return found


def _ask(opened: Opened, form: AskForm, people: Mapping[str, Person]) -> bool:
    """Ask everybody chosen, or nobody; what speaks against it is said at the fields."""
    form.validate()
    chosen = [people[id] for id in form.chosen() if id in people]
    if not chosen:
        form.complain("people", SENTENCES["reviewer_missing"])
    _check_day(opened.case, form)
    if form.errors:
        return False
    codes, due_on = form.checklists.data or [], form.due_on.data
    assert due_on is not None
    refusals = _against(opened, chosen, codes, due_on)
    try:
        if refusals:
            raise disclosure.not_allowed(opened.case, actor(), refusals)
        with begin() as db:
            for person in chosen:
                services.ask(
                    db, site().library, actor(), site().now(), opened.case.number, person, codes, due_on
                )
    except NotAllowed as error:
        return _asked_just_so(opened, chosen, codes) or _complain(form, error.refusals)
    sentence = N_("Asked to review by %(day)s: %(names)s.")
    names = ", ".join(person.name for person in chosen)
    flash(say(sentence, day=formats.day(due_on), names=names), "success")
    return True


def _check_day(case: Case, form: Any) -> None:
    """Refuse a day on which nobody works: a date ends with the working day before."""
    day = form.due_on.data
    if day is not None and not working_days.is_working_day(day, case.holidays.get("Geneva", frozenset())):
        form.complain("due_on", N_("Choose a working day."))


def _against(opened: Opened, chosen: Sequence[Person], codes: Sequence[str], due_on: date) -> list[Refusal]:
    """Return all that speaks against asking these people, each reason once."""
    case, book, now = opened.case, opened.book, site().now()
    found = {
        refusal.say(language()): refusal
        for person in chosen
        for refusal in reviews.asking_refusals(case, book, person, codes, due_on, actor(), now)
    }
    return list(found.values())


def _asked_just_so(opened: Opened, chosen: Iterable[Person], codes: Iterable[str]) -> bool:
    """Tell whether everybody was asked for just this before: the same form was sent twice."""
    standing = {
        review.person: review for review in reviews.standing(opened.appraisal) if not review.signed_at
    }
    same = all(
        person.id in standing and set(standing[person.id].checklists) == set(codes) for person in chosen
    )
    if same:
        names = ", ".join(person.name for person in chosen)
        flash(say(N_("Asked already, for the same checklists: %(names)s."), names=names), "info")
    return same


def _complain(form: AskForm, refusals: Iterable[Refusal]) -> bool:
    for refusal in refusals:
        field = _ABOUT.get(refusal.code)
        if field:
            form.complain(field, refusal.say(language()))
        else:
            form.form_errors.append(refusal.say(language()))
    return False


def _draw(opened: Opened, form: AskForm | None, found: Suggestions | None) -> str:
    return page(
        "appraisals/reviewers.html",
        opened=opened,
        asked=asked_of(opened),
        units=units_of(opened),
        form=form,
        reasons=reasons(opened.case, _refusals(opened)),
        barred=_barred(found) if found else {},
    )


def _barred(found: Suggestions) -> dict[str, list[str]]:
    """Return why people cannot be asked, each reason once, with the names where it does not say them."""
    barred: dict[str, list[str]] = {}
    for person, refusals in found.barred:
        for refusal in refusals:
            names = barred.setdefault(refusal.say(language()), [])
            if "name" not in refusal.facts:
                names.append(formats.named(person))
    return barred


@bp.get("/proposals/<number>/reviews/<int:review>")
@signed_in
def show(number: str, review: int) -> Answer:
    """Show what was asked of one person and what became of it."""
    opened, entry = _find(number, review)
    return _draw_one(opened, entry, DueForm(data={"due_on": due_dates.due_day(opened.case, entry)}))


def _find(number: str, review: int) -> tuple[Opened, Review]:
    with read() as db:
        opened = _open(db, number)
    for appraisal in opened.case.appraisals:
        version = next(entry for entry in opened.case.versions if entry.id == appraisal.version_id)
        for entry in appraisal.reviews:
            if entry.id == review:
                return Opened(opened.case, opened.book, appraisal, version, opened.reader), entry
    raise NotFound("review", str(review))


def _draw_one(opened: Opened, review: Review, form: DueForm) -> str:
    case, person = opened.case, actor()
    return page(
        "appraisals/reviewer.html",
        opened=opened,
        entry=asked(case, review, geneva_date(site().now())),
        form=form,
        moving=reasons(case, reviews.moving_refusals(case, review, person)),
        withdrawing=reasons(case, reviews.withdrawing_refusals(case, review, person)),
    )


@bp.post("/proposals/<number>/reviews/<int:review>/due")
@signed_in
def move(number: str, review: int) -> Answer:
    """Give a reviewer another day."""
    opened, entry = _find(number, review)
    form = DueForm(request.form)
    form.validate()
    _check_day(opened.case, form)
    if form.errors:
        return _draw_one(opened, entry, form), 422
    due_on = form.due_on.data
    assert due_on is not None
    try:
        with begin() as db:
            services.move_due(db, site().library, actor(), site().now(), number, review, due_on)
    except NotAllowed as error:
        if not all(_ABOUT.get(refusal.code) == "due_on" for refusal in error.refusals):
            raise
        for refusal in error.refusals:
            form.complain("due_on", refusal.say(language()))
        return _draw_one(opened, entry, form), 422
    name = opened.case.name(entry.person)
    flash(say(N_("%(name)s has until %(day)s."), name=name, day=formats.day(due_on)), "success")
    return redirect(url_for(".index", number=number, _anchor="asked"), 303)


@bp.post("/proposals/<number>/reviews/<int:review>/withdraw")
@signed_in
def withdraw(number: str, review: int) -> Answer:
    """Take back that somebody was asked; sent twice, it is taken back once."""
    opened, entry = _find(number, review)
    if entry.withdrawn_at is None:
        with begin() as db:
            services.withdraw(db, site().library, actor(), site().now(), number, review)
    name = opened.case.name(entry.person)
    flash(say(N_("%(name)s is no longer asked to review."), name=name), "success")
    return redirect(url_for(".index", number=number, _anchor="asked"), 303)
