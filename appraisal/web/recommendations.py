"""Recommendations: the form in which the lead follows or lowers what was computed, and writes conditions."""

from collections.abc import Mapping
from typing import Any, cast

from wtforms import FieldList, FormField, HiddenField, RadioField, SelectField, StringField, TextAreaField

from appraisal.domain import verdicts
from appraisal.domain.facts import Condition, Gate
from appraisal.i18n import N_
from appraisal.services.appraisals import ConditionPut
from appraisal.web.assessments import Opened
from appraisal.web.context import language, say
from appraisal.web.fields import FREE_ROWS, LINE, PROSE, DayField, not_far, not_past, one_of, rows_at_most
from appraisal.web.formats import GATE_TITLES
from appraisal.web.forms import TranslatedForm, choice

_GATES = [choice("", N_("Choose")), *(choice(gate, title) for gate, title in GATE_TITLES.items())]
_GATE_CHECK = one_of(GATE_TITLES)


class ItemConditionForm(TranslatedForm):
    """A condition that a low rating makes; its item is given."""

    item = HiddenField()
    text = TextAreaField(N_("What has to be done"), validators=[PROSE], render_kw={"kind": "prose"})
    owner = StringField(N_("Owner"), validators=[LINE])
    due_on = DayField(N_("Due on"), validators=[not_past, not_far])
    gate = SelectField(N_("To be met"), choices=_GATES, validators=[_GATE_CHECK], validate_choice=False)


class OwnConditionForm(TranslatedForm):
    """A condition that the lead writes by hand, on an item or on the whole."""

    text = TextAreaField(N_("What has to be done"), validators=[PROSE], render_kw={"kind": "prose"})
    item = SelectField(N_("Item"), validate_choice=False)
    owner = StringField(N_("Owner"), validators=[LINE])
    due_on = DayField(N_("Due on"), validators=[not_past, not_far])
    gate = SelectField(N_("To be met"), choices=_GATES, validators=[_GATE_CHECK], validate_choice=False)


class RecommendationForm(TranslatedForm):
    """The lead's choice, its reason, and the conditions; the checklists say how many there may be."""

    chosen = RadioField(N_("Recommendation"), default="", validate_choice=False)
    reason = TextAreaField(
        N_("Reason"),
        description=N_("Needed where the recommendation differs from the computed one."),
        validators=[PROSE],
        render_kw={"kind": "prose"},
    )
    low = FieldList(FormField(ItemConditionForm), N_("Conditions from low ratings"))
    own = FieldList(
        FormField(OwnConditionForm),
        N_("Further conditions"),
        description=N_("Written by hand, on an item or on the whole proposal."),
    )


def low_items(opened: Opened) -> tuple[str, ...]:
    """Return the items whose rating makes a condition under the computed recommendation."""
    computed = opened.recommendation()
    return verdicts.conditions_of(
        opened.book.set, opened.criteria, opened.appraisal.ratings, computed.code if computed else None
    )


def takes_conditions(opened: Opened) -> bool:
    """Tell whether conditions can go with the recommendation that is computed, or with a lower one."""
    computed = opened.recommendation()
    return computed is not None and computed.means in ("favourable", "conditional")


def has_place(opened: Opened, form: RecommendationForm) -> bool:
    """Tell whether the page holds all that was typed; what is computed may have changed meanwhile."""
    if opened.recommendation() is None:
        return False
    return takes_conditions(opened) or not conditions_in(
        form, tuple(row.form.item.data or "" for row in form.low)
    )


def recommendation_form(opened: Opened, sent: Mapping[str, Any] | None = None) -> RecommendationForm:
    """Build the form, filled with what is kept, or as it was sent."""
    limit = sum(len(criterion.checklist.items) for criterion in opened.criteria) + FREE_ROWS
    # What is kept on items that are low no longer stands among those written by hand.
    most = {"low": limit, "own": limit + len(opened.appraisal.conditions)}
    limited = {name: rows_at_most(getattr(RecommendationForm, name), most[name]) for name in most}
    built = type("LimitedRecommendationForm", (RecommendationForm,), limited)
    form: RecommendationForm = built(sent, data=_kept(opened) if sent is None else None)
    form.chosen.choices = choices_of(opened)
    form.chosen.validators = [one_of([value for value, _ in form.chosen.choices])]
    if sent is None:
        form.chosen.data = opened.appraisal.chosen
    offer_items(opened, form)
    return form


def offer_items(opened: Opened, form: RecommendationForm) -> None:
    """Let every row written by hand, a new one too, name any item that applies."""
    offered = [("", say(N_("The whole proposal")))]
    offered += [(item.id, item.id) for criterion in opened.criteria for item in criterion.checklist.items]
    for row in form.own:
        row.form.item.choices = offered
        row.form.item.validators = [one_of([value for value, _ in offered])]


def choices_of(opened: Opened) -> list[tuple[str, str]]:
    """Return the recommendations that are open: the computed one, lower ones, and what it opens."""
    computed, kept = opened.recommendation(), opened.appraisal.chosen
    if computed is None:
        return []
    ladder = list(opened.book.set.ladder)
    lower = ladder[ladder.index(computed) + 1 :]
    opened_by_it = [entry for entry in opened.book.set.recommendations if entry.chosen_from == computed.code]
    found = [("", say(N_("As computed: %(title)s"), title=computed.title[language()]))]
    found += [(entry.code, entry.title[language()]) for entry in (*lower, *opened_by_it)]
    if kept and kept not in {value for value, _ in found}:
        title = opened.book.set.recommendation(kept).title[language()]
        found.append((kept, say(N_("%(title)s (chosen before, not open any more)"), title=title)))
    return found


def _kept(opened: Opened) -> dict[str, Any]:
    """Return the form's values as they are kept; a low item without a condition takes its comment."""
    appraisal, items = opened.appraisal, low_items(opened)
    written = {entry.item: entry for entry in appraisal.conditions if entry.item in items}
    return {
        "reason": appraisal.reason,
        "low": [
            _row(written[item])
            if item in written
            else {"item": item, "text": appraisal.ratings[item].comment}
            for item in items
        ],
        "own": [_row(entry) for entry in appraisal.conditions if written.get(entry.item) is not entry],
    }


def _row(condition: Condition) -> dict[str, Any]:
    return {
        "item": condition.item,
        "text": condition.text,
        "owner": condition.owner,
        "due_on": condition.due_on,
        "gate": condition.gate or "",
    }


def conditions_in(form: RecommendationForm, items: tuple[str, ...]) -> list[ConditionPut]:
    """Return the conditions of a form in its order, without empty rows and rows of items that are not low."""
    rows = [row for row in form.low if row.form.item.data in items]
    puts = [_put(row.form) for row in (*rows, *form.own)]
    return [put for put in puts if put != ConditionPut("")]


def _put(row: Any) -> ConditionPut:
    gate = cast(Gate, row.gate.data) if row.gate.data in GATE_TITLES else None
    return ConditionPut(
        (row.text.data or "").replace("\r\n", "\n").strip(),
        row.item.data or "",
        (row.owner.data or "").strip(),
        row.due_on.data,
        gate,
    )
