"""Reviewers answer here, before a review, whether they have a conflict of interest, or decline."""

from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, TextAreaField

from appraisal.appraisals.pages.own_review_view import Undertaken, find_undertaken
from appraisal.appraisals.services import reviews
from appraisal.language.texts import N_
from appraisal.proposals.rules import form as proposals_form
from appraisal.vocabulary.refusals import SENTENCES
from appraisal.web.context import actor, begin, language, page, read, say, signed_in, site, typed
from appraisal.web.fields import PROSE, needed
from appraisal.web.forms import TranslatedForm, choice, written

Answer = str | Response | tuple[str, int]

NOTHING, CONFLICT, DECLINE = "nothing", "conflict", "decline"


class DeclarationForm(TranslatedForm):
    """What a reviewer answers before anything of the proposal is shown."""

    answer = RadioField(
        N_("Do you have a conflict of interest over this proposal?"),
        choices=[
            choice(
                NOTHING,
                N_("No, I have nothing to declare"),
                N_("You then see the proposal and review it, independently of everybody else."),
            ),
            choice(
                CONFLICT,
                N_("Yes, I declare a conflict of interest"),
                N_("The review ends here, and you will neither review, lead nor decide on this proposal."),
            ),
            choice(
                DECLINE,
                N_("I decline to review"),
                N_("The coordinators read your reason and ask somebody else."),
            ),
        ],
        validators=[needed(N_("Choose an answer."))],
        validate_choice=False,
    )
    text = TextAreaField(
        N_("What the conflict is, or why you decline"),
        description=N_(
            "Needed with the second and the third answer. Coordinators, auditors and the lead read it."
        ),
        validators=[PROSE],
        render_kw={"kind": "prose"},
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Judge the answer, and ask for the text that it needs."""
        good = super().validate(extra_validators)
        if self.answer.data not in (NOTHING, CONFLICT, DECLINE) and not self.answer.errors:
            self.complain("answer", N_("Choose an answer."))
        if self.answer.data in (CONFLICT, DECLINE) and not written(self.text):
            code = "conflict_missing" if self.answer.data == CONFLICT else "note_missing"
            self.complain("text", SENTENCES[code])
        return good and not self.errors


class DeclineForm(TranslatedForm):
    """Why a reviewer declines after all."""

    text = TextAreaField(
        N_("Reason"),
        description=N_("Coordinators, auditors and the lead read it."),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw={"kind": "prose"},
    )


def answer_declaration(number: str, found: Undertaken) -> Answer:
    """Take the answer to the question, and go on to what follows from it."""
    form = DeclarationForm(request.form)
    if not form.validate():
        return draw_declaration(found, form), 422
    _keep(number, form.answer.data, written(form.text))
    if form.answer.data == NOTHING:
        flash(say(N_("Nothing to declare: noted. Here is the review.")), "success")
    return redirect(url_for("reviews.show", number=number), 303)


def _keep(number: str, answer: str, text: str) -> None:
    with begin() as db:
        given = (db, site().library, actor(), site().now(), number)
        if answer == DECLINE:
            reviews.decline(*given, text)
        else:
            reviews.declare(*given, conflict=text if answer == CONFLICT else None)


def draw_declaration(found: Undertaken, form: DeclarationForm) -> str:
    """Show title, countries, donors and authors, and nothing else, with the question."""
    case, content = found.case, found.version.content
    return page(
        "appraisals/conflict_of_interest.html",
        number=case.number,
        title=proposals_form.value(content, "identification.title"),
        countries=proposals_form.countries(content),
        donors=list(dict.fromkeys(entry.donor for entry in found.version.contributions)),
        authors=sorted(case.name(person) for person in case.related("author")),
        due_on=found.due_on,
        unit="" if found.review else found.unit,
        behalf=found.behalf,
        reasons=[refusal.say(language()) for refusal in found.refusals],
        form=form,
    )


def says_the_same(found: Undertaken) -> bool:
    """Tell whether the form sent says what is on record already: it was sent twice."""
    sent, review = typed(), found.review
    if review is None:
        return False
    if sent.get("answer") == NOTHING:
        return review.declaration == "nothing"
    stage = {CONFLICT: "conflict", DECLINE: "declined"}.get(sent.get("answer", "") or DECLINE)
    text = sent.get("text", "").replace("\r\n", "\n").strip()
    return found.stage == stage and review.reason == text


@signed_in
def decline(number: str) -> Answer:
    """Decline a review that was begun, with a reason."""
    with read() as db:
        found = find_undertaken(db, number)
    if found.stage == "declare":
        return redirect(url_for("reviews.show", number=number), 303)
    if found.stage != "work":
        return ended(found)
    form = DeclineForm(request.form)
    if request.method == "GET":
        return _draw_decline(found, form)
    if not form.validate():
        return _draw_decline(found, form), 422
    _keep(number, DECLINE, written(form.text))
    return redirect(url_for("reviews.show", number=number), 303)


def _draw_decline(found: Undertaken, form: DeclineForm) -> str:
    title = proposals_form.value(found.version.content, "identification.title")
    return page("appraisals/review_decline.html", number=found.case.number, title=title, form=form)


def _typed_words() -> list[tuple[str, str]]:
    """Return what was typed under words that its fields go by."""
    parts = {"value": N_("Rating of %(item)s"), "comment": N_("Comment on %(item)s")}
    parts["evidence"] = N_("Evidence for %(item)s")
    names = {"answer": N_("Your answer"), "text": N_("Reason"), "comment": N_("Overall comment")}
    answers = {NOTHING: N_("Nothing to declare"), CONFLICT: N_("Conflict declared"), DECLINE: N_("Declined")}
    found = []
    for name, value in typed().items():
        item, _, part = name.rpartition("-")
        if name == "answer":
            found.append((say(names[name]), say(answers[value]) if value in answers else value))
        elif item and part in parts:
            found.append((say(parts[part], item=item), value))
        elif name in names:
            found.append((say(names[name]), value))
    return found


def ended(found: Undertaken) -> Answer:
    """Say how a review ended; what was typed meanwhile in another window stands beside it."""
    if request.method == "POST" and says_the_same(found):
        return redirect(url_for("reviews.show", number=found.case.number), 303)
    shown = page(
        "appraisals/review_ended.html",
        found=found,
        title=proposals_form.value(found.version.content, "identification.title"),
        typed=_typed_words() if request.method == "POST" else [],
    )
    if request.method == "POST":
        return shown, 409
    return shown
