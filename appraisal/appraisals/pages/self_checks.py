"""Authors rate their own draft here for themselves, and later see where the appraiser differs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField

from appraisal.appraisals.pages.evidence import DOCUMENTS, Cited, cited
from appraisal.appraisals.pages.item_words import gating_words, rating_words
from appraisal.appraisals.rules import self_checks
from appraisal.appraisals.rules.self_checks import NOTHING, Compared, Direction
from appraisal.appraisals.rules.verdicts import Assessment
from appraisal.appraisals.services import self_checks as services
from appraisal.appraisals.services.self_checks import SelfCheck, SelfPut
from appraisal.clock import geneva_date
from appraisal.definitions.checklists import Checklist, Item
from appraisal.definitions.library import Criterion
from appraisal.definitions.sets import ChecklistSet
from appraisal.errors import NotFound, StepConflict
from appraisal.language.texts import N_
from appraisal.proposals.facts import Appraisal, RatingGiven, Version
from appraisal.proposals.pages.authors_only import closed_because
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules import track_and_money
from appraisal.web.context import actor, begin, language, page, read, say, signed_in, site
from appraisal.web.fields import PROSE, one_of
from appraisal.web.forms import TranslatedForm

bp = Blueprint("selfchecks", __name__)

Answer = str | Response | tuple[str, int]

DIRECTIONS: Final[Mapping[Direction, tuple[str, str]]] = {
    "same": (N_("Rated alike"), "good"),
    "higher": (N_("You rated it higher"), "warn"),
    "lower": (N_("You rated it lower"), "info"),
    "other": (N_("Rated otherwise"), "warn"),
    "unrated": (N_("Not rated by both"), "neutral"),
}
# What is not rated is counted, and no comment is asked for.
_SAID_ELSEWHERE: Final = frozenset({"item_unrated", "too_few_rated"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the authors are with one checklist, and what it would come to."""

    checklist: Checklist
    title: str
    rated: int
    total: int
    verdict: str
    tone: str
    status: str
    href: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A part of the form that answers an item, and where it is written; nowhere while it is closed."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as its page shows it; ``meanwhile`` is what another author saved while this was typed."""

    item: Item
    given: RatingGiven
    title: str
    tone: str
    gating: str
    answered: tuple[Answered, ...]
    evidence: tuple[Cited, ...]
    problems: tuple[str, ...]
    meanwhile: bool = False


@dataclass(frozen=True)
class Opened:
    """The self-check of a proposal, opened by one of its authors."""

    check: SelfCheck
    closed: tuple[str, ...]

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the criteria that would apply to the draft at today's rates."""
        case, book = self.check.case, self.check.book
        usd = track_and_money.total_usd(
            track_and_money.contributions(case.content, book.rates, geneva_date(site().now()))
        )
        return book.criteria_for(usd + case.siblings_usd)

    @cached_property
    def assessment(self) -> Assessment:
        """Return what would follow from the authors' own ratings."""
        return self_checks.estimate(self.check.book, self.criteria, self.check.case, self.check.own)

    def given(self, item: str) -> RatingGiven:
        """Return what the authors have put down for an item."""
        return self.check.own.get(item, NOTHING)


def _open(number: str) -> Opened:
    with read() as db:
        check = services.open_check(db, site().library, actor(), number)
    return Opened(check, tuple(closed_because(check.case, check.book)))


@bp.get("/proposals/<number>/self-check")
@signed_in
def overview(number: str) -> str:
    """Show what the authors' own ratings would come to, and where an appraiser saw it otherwise."""
    opened = _open(number)
    code = opened.assessment.recommendation
    return page(
        "appraisals/self_check.html",
        opened=opened,
        case=opened.check.case,
        title=_title(opened),
        progress=_progress_of(opened),
        recommendation=opened.check.book.set.recommendation(code) if code else None,
        versions=[version for version, _ in self_checks.comparable(opened.check.case)],
    )


def _title(opened: Opened) -> str:
    return str(proposals_form.value(opened.check.case.content, "identification.title"))


def _progress_of(opened: Opened) -> list[Progress]:
    return [_progress(opened, criterion.checklist) for criterion in opened.criteria]


def _progress(opened: Opened, checklist: Checklist) -> Progress:
    rated = sum(bool(opened.given(item.id).value) for item in checklist.items)
    code = opened.assessment.verdicts[checklist.code]
    verdict = opened.check.book.set.verdict(code) if code else None
    started = "started" if rated else "todo"
    return Progress(
        checklist,
        checklist.title[language()],
        rated,
        len(checklist.items),
        verdict.title[language()] if verdict else say(N_("No verdict yet")),
        verdict.tone if verdict else "neutral",
        "done" if rated == len(checklist.items) else started,
        url_for(".checklist", number=opened.check.case.number, code=checklist.code),
    )


@bp.route("/proposals/<number>/self-check/<code>", methods=["GET", "POST"])
@signed_in
def checklist(number: str, code: str) -> Answer:
    """Show one checklist with what the form says; authors rate it here for themselves."""
    opened = _open(number)
    found = _find_checklist(opened, code)
    form = _form(opened, found, request.form if request.method == "POST" else None)
    if request.method == "GET":
        return _draw(opened, found, form)
    if not opened.closed and not form.validate():
        return _draw(opened, found, form), 422
    puts = {item.id: _put(form, item.id) for item in found.items}
    try:
        with begin() as db:
            services.save(
                db,
                site().library,
                actor(),
                site().now(),
                number,
                code,
                puts,
                drawn=request.form.get("drawn"),
            )
    except StepConflict:
        opened = _open(number)
        return _draw(opened, found, _form(opened, found, request.form), puts), 409
    flash(say(N_("Saved, for the authors alone.")), "success")
    return redirect(_next(opened, code) if "next" in request.form else request.path, 303)


def _find_checklist(opened: Opened, code: str) -> Checklist:
    for criterion in opened.criteria:
        if criterion.checklist.code == code:
            return criterion.checklist
    raise NotFound("checklist", code)


def _next(opened: Opened, code: str) -> str:
    codes = [criterion.checklist.code for criterion in opened.criteria]
    following = codes[codes.index(code) + 1 :]
    number = opened.check.case.number
    if following:
        return url_for(".checklist", number=number, code=following[0])
    return url_for(".overview", number=number)


def _form(opened: Opened, checklist: Checklist, sent: Mapping[str, Any] | None) -> TranslatedForm:
    """Build the form of a checklist, filled with what the authors have put down, or as it was sent."""
    scale = opened.check.book.set.scale
    fields: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for item in checklist.items:
        given = opened.given(item.id)
        values = [rating.value for rating in scale]
        fields[f"{item.id}-value"] = RadioField("", validators=[one_of(values)], validate_choice=False)
        fields[f"{item.id}-note"] = TextAreaField("", validators=[PROSE])
        kept |= {f"{item.id}-value": given.value, f"{item.id}-note": given.comment}
    form: TranslatedForm = type("SelfCheckForm", (TranslatedForm,), fields)(sent, data=kept)
    choices = [("", say(N_("Not rated")))]
    choices += [(rating.value, f"{rating.value} – {rating.title[language()]}") for rating in scale]
    for item in checklist.items:
        value, note = form[f"{item.id}-value"], form[f"{item.id}-note"]
        value.label.text = say(N_("How would you rate %(item)s?"), item=item.id)
        value.choices = choices  # type: ignore[attr-defined]
        note.label.text = say(N_("Note to yourselves on %(item)s"), item=item.id)
    return form


def _put(form: TranslatedForm, item: str) -> SelfPut:
    note = (form[f"{item}-note"].data or "").replace("\r\n", "\n").strip()
    return SelfPut(form[f"{item}-value"].data or "", note)


def _draw(
    opened: Opened,
    checklist: Checklist,
    form: TranslatedForm,
    typed: Mapping[str, SelfPut] | None = None,
) -> str:
    """Draw the page; with what was ``typed``, items that another author changed meanwhile show both."""
    progress = _progress_of(opened)
    codes = [entry.checklist.code for entry in progress]
    return page(
        "appraisals/self_check_checklist.html",
        opened=opened,
        case=opened.check.case,
        title=_title(opened),
        checklist=checklist,
        form=form,
        items=[_shown(opened, checklist, item, (typed or {}).get(item.id)) for item in checklist.items],
        drawn=self_checks.fingerprint(checklist.items, opened.check.own),
        progress=progress,
        place=codes.index(checklist.code) + 1,
        conflict=typed is not None,
    )


def _shown(opened: Opened, checklist: Checklist, item: Item, typed: SelfPut | None) -> Shown:
    given = opened.given(item.id)
    title, tone = rating_words(opened.check.book.set, given.value)
    found = opened.assessment.by_criterion[checklist.code]
    return Shown(
        item,
        given,
        title,
        tone,
        gating_words(opened.check.book.set, item),
        tuple(_answered(opened, item)),
        tuple(cited(opened.check.case, item.evidence)),
        tuple(
            problem.say(language())
            for problem in found
            if problem.facts.get("item") == item.id and problem.code not in _SAID_ELSEWHERE
        ),
        typed is not None and (typed.value, typed.note) != (given.value, given.comment),
    )


def _answered(opened: Opened, item: Item) -> list[Answered]:
    """Return the sections of the form that answer an item, each once, and the documents last."""
    number = opened.check.case.number
    keys = list(dict.fromkeys(path.partition(".")[0] for path in item.evidence))
    return [
        Answered(
            say(part.title),
            "" if opened.closed else url_for("drafts.edit", number=number, section=part.key),
        )
        for part in proposals_form.SECTIONS
        if part.key in keys
    ] + [
        Answered(say(N_("Documents")), url_for("drafts.documents", number=number))
        for key in keys
        if key == DOCUMENTS
    ]


@bp.get("/proposals/<number>/self-check/comparison/<int:version>")
@signed_in
def comparison(number: str, version: int) -> str:
    """Show where the authors and the appraiser of a version differ."""
    with read() as db:
        check = services.open_check(db, site().library, actor(), number, version)
    about, appraisal = _find_appraisal(check, version)
    criteria = check.book.criteria_for(about.threshold_usd)
    found = self_checks.compare(check.book.set, criteria, check.own, appraisal.ratings)
    return page(
        "appraisals/self_check_comparison.html",
        case=check.case,
        title=str(proposals_form.value(about.content, "identification.title")),
        version=about,
        appraisal=appraisal,
        differing=[_both(check.book.set, entry) for entry in found if entry.differs],
        others=[_both(check.book.set, entry) for entry in found if not entry.differs],
        alike=sum(entry.direction == "same" for entry in found),
        # The page of the appraisal shows the one that runs, else the one finalised last.
        is_latest=check.case.appraisal is None and self_checks.comparable(check.case)[0][1] is appraisal,
        is_rated=any(given.value for given in check.own.values()),
    )


def _find_appraisal(check: SelfCheck, version: int) -> tuple[Version, Appraisal]:
    for about, appraisal in self_checks.comparable(check.case):
        if about.number == version:
            return about, appraisal
    raise NotFound("appraisal", f"{check.case.number}, {version}")


def _both(chosen: ChecklistSet, entry: Compared) -> dict[str, Any]:
    title, tone = DIRECTIONS[entry.direction]
    return {
        "entry": entry,
        "own": rating_words(chosen, entry.own.value),
        "given": rating_words(chosen, entry.given.value),
        "direction": (say(title), tone),
    }
