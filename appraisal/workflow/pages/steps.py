"""Every transition has one page: what the step does, what it asks for, and taking it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.appraisals.rules import completeness
from appraisal.definitions.workflows import FINALISING, INTERNAL, Transition
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, acting_for
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.acting_for import behalf
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services.opening import view
from appraisal.proposals.store import lists
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.vocabulary.roles import ROLE_TITLES
from appraisal.web.context import actor, begin, language, page, read, request_key, say, seen, signed_in, site
from appraisal.web.fields import changes_rows, sent
from appraisal.web.formats import moment
from appraisal.web.forms import TranslatedForm
from appraisal.workflow.pages import step_forms
from appraisal.workflow.pages.consequences import consequences, deciders_left
from appraisal.workflow.pages.step_forms import Asked
from appraisal.workflow.rules import machine
from appraisal.workflow.rules.machine import Possibility
from appraisal.workflow.services import acts
from appraisal.workflow.services.steps import SECOND_SIGNATURES

bp = Blueprint("steps", __name__)

Answer = str | Response | tuple[str, int]

_BY: Final[Mapping[str, str]] = {
    "coordinator": ROLE_TITLES["coordinator"],
    "manager": ROLE_TITLES["manager"],
    "administrator": ROLE_TITLES["administrator"],
    "author": N_("An author of the proposal"),
    "lead": N_("Lead appraiser"),
    "signatory": N_("Whoever gave the first signature"),
    "system": N_("Nobody: it happens by itself"),
}
_EXCLUDED: Final[Mapping[str, str]] = {
    "author": N_("authors of the proposal"),
    "lead": N_("whoever has led its appraisal"),
    "reviewer": N_("whoever has reviewed it"),
    "signatory": N_("whoever gave the first signature"),
}


@bp.route("/proposals/<number>/steps/<name>", methods=["GET", "POST"])
@signed_in
def take(number: str, name: str) -> Answer:
    """Show a step with all that it will do, and take it."""
    with read() as db:
        asked, managers = _ask(db, number, name)
    possibility = _judge(asked)
    if request.method == "GET":
        return _draw(asked, possibility, managers, step_forms.step_form(asked))
    form = step_forms.step_form(asked, sent())
    if possibility.is_open and changes_rows(*(field for field in form if field.type == "FieldList")):
        step_forms.offer(asked, form)
        return _draw(asked, possibility, managers, form)
    if possibility.is_open and not form.validate():
        return _draw(asked, possibility, managers, form), 422
    if any(refusal.about == "person" for refusal in possibility.refusals):
        # Nobody is told what happened meanwhile to a step that was never theirs.
        raise NotAllowed(possibility.refusals)
    try:
        after = _take(asked, form)
    except NotAllowed as error:
        if not possibility.is_open or not step_forms.complain(form, error):
            raise
        return _draw(asked, possibility, managers, form), 422
    _tell(asked, after, managers)
    if access.level(after, actor()) != "full":
        # A draft that comes back is its authors' alone.
        return redirect(url_for("work.show"), 303)
    return redirect(url_for("proposals.show", number=number), 303)


def _ask(db: Connection, number: str, name: str) -> tuple[Asked, list[Person]]:
    """Find a step and the people it may concern; raises ``NotFound``."""
    case, book = view(db, site().library, number, actor())
    try:
        transition = book.workflow.transition(name)
    except KeyError:
        raise NotFound("step", name) from None
    # For the lead there is nothing to choose: whoever is not the lead stands in for the lead.
    decides = "manager" in transition.by
    places = acting_for.places(case, actor(), transition, site().now()) if decides else ()
    asked = Asked(case, book, transition, (), [entry for entry in actor().covers if entry.person in places])
    if "lead" not in transition.needs:
        return asked, []
    return replace(asked, appraisers=lists.appraisers(db)), lists.holders(db, "manager")


def _judge(asked: Asked) -> Possibility:
    """Judge a step; one that does not leave from the present state is closed to everybody."""
    found = machine.probe(asked.book, asked.case, actor(), site().now(), asked.transition.name)
    if found is not None:
        return found
    state = asked.book.workflow.states[asked.case.state]
    return Possibility(asked.transition, (refuse("wrong_state", state=state.title),))


def _take(asked: Asked, form: TranslatedForm) -> Case:
    now = site().now()
    inputs = replace(step_forms.inputs_of(asked, form, now), closing=_closing())
    with begin() as db:
        return acts.take_step(
            db,
            site().library,
            actor(),
            now,
            asked.case.number,
            asked.transition.name,
            inputs,
            seen=seen(),
            request=request_key(),
        )


def _closing() -> str:
    """Return what the page showed that closing the appraisal would say."""
    return request.form.get("closing", "")


def _tell(asked: Asked, after: Case, managers: list[Person]) -> None:
    label, state = asked.transition.label[language()], asked.book.workflow.states[after.state]
    sentence = N_("%(step)s: done. The state of the proposal is now “%(state)s”.")
    if after.signature is not None and after.signature != asked.case.signature:
        sentence = N_(
            "%(step)s: done. A second signature is needed; until then the state of the proposal is still “%(state)s”."
        )
    elif after.state == asked.case.state:
        sentence = N_("%(step)s: done. The state of the proposal is still “%(state)s”.")
    flash(say(sentence, step=label, state=state.title[language()]), "success")
    if "lead" in asked.transition.needs and not deciders_left(after, managers):
        flash(say(_NOBODY_LEFT), "warning")


_NOBODY_LEFT: Final = N_("No manager is left who could decide: each is an author or has led the appraisal.")


def _draw(asked: Asked, possibility: Possibility, managers: list[Person], form: TranslatedForm) -> str:
    case, book, transition = asked.case, asked.book, asked.transition
    return page(
        "workflow/step.html",
        case=case,
        title=proposals_form.value(
            case.version.content if case.version else case.content, "identification.title"
        ),
        label=transition.label[language()],
        about=_about(book, case, transition) if case.state in transition.from_ else [],
        consequences=consequences(case, book, transition, site().now()) if possibility.is_open else [],
        warnings=_warnings(asked, managers) if possibility.is_open else [],
        reasons=[refusal.say(language()) for refusal in possibility.refusals],
        form=form,
        act=transition.act,
        # What is drawn again with a fault is still about what was read.
        closing=_closing() or completeness.closing_seal(book, case) if transition.act in FINALISING else "",
    )


def _about(book: Rulebook, case: Case, transition: Transition) -> list[dict[str, Any]]:
    """Say from where a step leads where, and who may take it."""
    states = book.workflow.states
    origin = states[case.state].title[language()]
    if transition.to == INTERNAL:
        to = say(N_("%(state)s (it stays where it is)"), state=origin)
    else:
        target = states.get(machine.destination(case, transition))
        to = target.title[language()] if target else say(N_("the state before"))
    excluded = ", ".join(say(_EXCLUDED[relation]) for relation in transition.excludes)
    by = [say(_BY[named]) for named in transition.by]
    lead = behalf(case, actor(), transition, None, site().now())
    return [
        {"key": say(N_("From")), "value": origin},
        {"key": say(N_("To")), "value": to},
        {"key": say(N_("By")), "value": by[0] if len(by) == 1 else by},
        *([{"key": say(N_("In the place of")), "value": case.name(lead)}] if lead else []),
        *([{"key": say(N_("Not by")), "value": excluded}] if excluded else []),
    ]


def _ends_signature(asked: Asked) -> Iterator[str]:
    """Yield that a step ends the override that waits, though it is not its second signature.

    An annulment that waits is ended by no other step: the workflow refuses them meanwhile.
    """
    signature, transition = asked.case.signature, asked.transition
    if signature is None or transition.to == INTERNAL or transition.act in SECOND_SIGNATURES:
        return
    sentence = N_(
        "This ends the override that waits for its second signature; %(name)s signed first, %(at)s."
    )
    yield say(sentence, name=asked.case.name(signature.by), at=moment(signature.at))


def _warnings(asked: Asked, managers: list[Person]) -> list[str]:
    """Warn of what a step would bring about beside what it is for.

    A first signature that ends; where a lead is named, appraisers left out, and no manager left to decide.
    """
    found = [*_ends_signature(asked)]
    if "lead" not in asked.transition.needs:
        return found
    if excluded := asked.excluded():
        names = ", ".join(person.name for person in excluded)
        found.append(say(N_("Not offered, as authors of this proposal: %(names)s."), names=names))
    if not deciders_left(asked.case, managers):
        found.append(say(_NOBODY_LEFT))
    elif last := [person for person in asked.offered() if not deciders_left(asked.case, managers, person)]:
        names = ", ".join(person.name for person in last)
        found.append(say(N_("No manager would be left to decide if the lead were: %(names)s."), names=names))
    return found
