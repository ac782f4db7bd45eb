"""The form of one step is put together here from what its transition needs, and its input read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appraisal.appraisals.pages.condition_history import condition_line
from appraisal.appraisals.rules import completeness
from appraisal.definitions.workflows import FINALISING, Transition
from appraisal.language.texts import N_
from appraisal.people.facts import Person, StandIn
from appraisal.proposals.facts import Case, Condition
from appraisal.proposals.rules.attempt import Agreement, ChangeAsked, Inputs
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.web.context import language, number, say
from appraisal.web.fields import FREE_ROWS, one_of, rows_at_most
from appraisal.web.formats import named
from appraisal.web.forms import TranslatedForm, written
from appraisal.workflow.pages.step_inputs import (
    AgreementForm,
    ApprovalForm,
    ChangesForm,
    LeadForm,
    MissingForm,
    NoteForm,
    PlaceForm,
    ReasonForm,
    TrackForm,
    UntilForm,
    WithdrawnForm,
)

_FORMS: Final[Mapping[str, type[TranslatedForm]]] = {
    "lead": LeadForm,
    "missing": MissingForm,
    "changes": ChangesForm,
    "until": UntilForm,
    "agreement": AgreementForm,
    "approval": ApprovalForm,
}
# The field that a reason of the rules is about.
_ABOUT: Final[Mapping[str, str]] = {
    "note_missing": "note",
    "lead_missing": "lead",
    "lead_is_author": "lead",
    "lead_not_appraiser": "lead",
    "lead_unchanged": "lead",
    "missing_missing": "missing",
    "changes_missing": "changes",
    "change_item_unknown": "changes",
    "until_missing": "until",
    "until_past": "until",
    "until_too_far": "until",
    "agreement_in_future": "on",
    "agreement_missing": "reference",
    "approval_missing": "document",
    "approval_in_future": "approved_on",
    "approval_same": "document",
    "usd_beyond": "amount",
    "track_not_tighter": "track",
    "conditions_not_kept": "withdrawn",
    "lead_counts_as_author": "lead",
    "behalf_not_in_force": "behalf",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A step of a proposal, the people who could be named in it, and in whose place it could be taken."""

    case: Case
    book: Rulebook
    transition: Transition
    appraisers: Sequence[Person]
    places: Sequence[StandIn] = ()

    def dropped(self) -> tuple[Condition, ...]:
        """Return the conditions that the step withdraws, each of which is to be confirmed."""
        closes = self.transition.act in FINALISING
        return completeness.not_kept(self.book, self.case) if closes else ()

    def offered(self) -> list[Person]:
        """Return the appraisers who may be named: neither excluded nor the lead already."""
        barred = self._barred()
        running = self.case.appraisal.lead if self.case.appraisal else None
        return [person for person in self.appraisers if person.id not in barred and person.id != running]

    def excluded(self) -> list[Person]:
        """Return the appraisers who may not be named, for what they are to the proposal."""
        return [person for person in self.appraisers if person.id in self._barred()]

    def _barred(self) -> frozenset[int]:
        naming = self.transition.names.get("lead")
        relations = naming.excludes if naming else ()
        return frozenset(person for relation in relations for person in self.case.related(relation))

    def replaced(self) -> Mapping[int, str]:
        """Return the names of those in whose place the step could be taken, by id."""
        return {entry.person: entry.name for entry in self.places}

    def stricter(self) -> list[tuple[str, str]]:
        """Return the tracks that are stricter than the present one, for a step that may choose one."""
        tracks = self.book.workflow.tracks
        keys = list(tracks)
        if self.transition.act != "assign" or self.case.track not in keys:
            return []
        later = keys[keys.index(self.case.track) + 1 :]
        return [(key, tracks[key].title[language()]) for key in later]


def step_form(asked: Asked, sent: Mapping[str, Any] | None = None) -> TranslatedForm:
    """Build the form of a step: what it needs, and its note; empty, or as it was sent."""
    parts = [_FORMS[need] for need in asked.transition.needs]
    if asked.stricter():
        parts.append(TrackForm)
    if asked.dropped():
        parts.append(WithdrawnForm)
    if asked.places:
        parts.append(PlaceForm)
    if asked.transition.note != "none":
        parts.append(ReasonForm if asked.transition.note == "required" else NoteForm)
    limited = {}
    if ChangesForm in parts:
        limited["changes"] = rows_at_most(ChangesForm.changes, len(_items(asked)) + FREE_ROWS)
    built = type("StepForm", tuple(parts) or (TranslatedForm,), limited)
    form: TranslatedForm = built(sent, data=_suggested(asked) if sent is None else None)
    offer(asked, form)
    return form


def _suggested(asked: Asked) -> dict[str, Any]:
    """Suggest a change for every item that the running appraisal rates low, in the words of its comment."""
    running = asked.case.appraisal
    if asked.transition.act != "request_revision" or running is None:
        return {}
    low = [
        {"item": item.id, "text": running.ratings[item.id].comment}
        for criterion in asked.book.criteria
        for item in criterion.checklist.items
        if item.id in running.ratings and running.ratings[item.id].value in asked.book.set.conditions_from
    ]
    return {"changes": low} if low else {}


def offer(asked: Asked, form: TranslatedForm) -> None:
    """Set what the choices of a form offer; again after a row was added."""
    if "lead" in form:
        people = [(str(person.id), named(person)) for person in asked.offered()]
        form["lead"].choices = [("", say(N_("Choose"))), *people]  # type: ignore[attr-defined]
    if "track" in form:
        title = asked.book.workflow.tracks[asked.case.track].title[language()]
        kept = say(N_("%(track)s, as derived"), track=title)
        form["track"].choices = [("", kept), *asked.stricter()]  # type: ignore[attr-defined]
    if "withdrawn" in form:
        named_ones = [(str(entry.number), condition_line(entry)) for entry in asked.dropped()]
        # Which fields there are is known at run time alone.
        form["withdrawn"].choices = named_ones  # type: ignore[attr-defined]
    if "behalf" in form:
        others = [(str(id), say(N_("For %(name)s"), name=name)) for id, name in asked.replaced().items()]
        form["behalf"].choices = [("", say(N_("In your own name"))), *others]  # type: ignore[attr-defined]
        form["behalf"].validators = [one_of([value for value, _ in others])]
    if "changes" in form:
        items = _items(asked)
        for row in form["changes"]:  # type: ignore[attr-defined]
            row.form.item.choices = [("", say(N_("The whole proposal"))), *((item, item) for item in items)]
            row.form.item.validators = [one_of(items)]


def _items(asked: Asked) -> list[str]:
    """Return the items of all checklists that a change can be about."""
    return [item.id for criterion in asked.book.criteria for item in criterion.checklist.items]


def inputs_of(asked: Asked, form: TranslatedForm, now: datetime) -> Inputs:
    """Return what a valid form gives along with a step."""
    given: dict[str, Any] = {}
    for name in ("note", "missing", "track"):
        if name in form:
            given[name] = written(form[name])
    if "until" in form:
        given["until"] = form["until"].data
    if isinstance(form, PlaceForm):
        given["behalf"] = next((id for id in asked.replaced() if str(id) == form.behalf.data), None)
    if isinstance(form, WithdrawnForm):
        given["withdrawn"] = frozenset(filter(None, map(number, form.withdrawn.data or ())))
    if isinstance(form, LeadForm):
        given["lead"] = next(
            (person for person in asked.appraisers if str(person.id) == form.lead.data), None
        )
    if isinstance(form, ChangesForm):
        given["changes"] = tuple(
            ChangeAsked(written(row.form.text), row.form.item.data or "") for row in form.changes
        )
    if isinstance(form, AgreementForm) and form.on.data is not None:
        given["agreement"] = Agreement(form.on.data, written(form.reference))
    if isinstance(form, ApprovalForm):
        given["approval"] = form.approval(now)
    return Inputs(**given)


def complain(form: TranslatedForm, error: NotAllowed) -> bool:
    """Write the reasons of a refusal to the fields that they are about; False where one is about none."""
    if not all(_ABOUT.get(refusal.code, "") in form for refusal in error.refusals):
        return False
    for refusal in error.refusals:
        form.complain(_ABOUT[refusal.code], refusal.say(language()))
    return True
