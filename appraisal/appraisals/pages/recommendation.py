"""The lead follows or lowers the computed recommendation in this form, and writes conditions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from wtforms import FieldList, FormField, HiddenField, RadioField, SelectField, StringField, TextAreaField

from appraisal.appraisals.pages.appraisal_view import Opened
from appraisal.appraisals.pages.condition_history import condition_line
from appraisal.appraisals.rules import conditions as rules
from appraisal.appraisals.rules import verdicts
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.clock import geneva_date
from appraisal.language.texts import N_
from appraisal.proposals.facts import Condition, Gate
from appraisal.proposals.rules.labels import GATES
from appraisal.web.context import language, number, say, site
from appraisal.web.fields import FREE_ROWS, LINE, PROSE, DayField, not_far, not_past, one_of, rows_at_most
from appraisal.web.forms import TranslatedForm, choice

_GATES = [choice("", N_("Choose")), *(choice(gate, title) for gate, title in GATES.items())]
_GATE_CHECK = one_of(GATES)


class ItemConditionForm(TranslatedForm):
    """A condition that a low rating makes; its item is given.

    ``condition`` and ``version`` are id and row version of one that was saved before.
    """

    item = HiddenField()
    condition = HiddenField()
    version = HiddenField()
    text = TextAreaField(N_("What has to be done"), validators=[PROSE], render_kw={"kind": "prose"})
    owner = StringField(N_("Owner"), validators=[LINE])
    due_on = DayField(N_("Due on"), validators=[not_past, not_far])
    gate = SelectField(N_("To be met"), choices=_GATES, validators=[_GATE_CHECK], validate_choice=False)


class OwnConditionForm(TranslatedForm):
    """A condition that the lead writes by hand, on an item or on the whole."""

    condition = HiddenField()
    version = HiddenField()
    text = TextAreaField(N_("What has to be done"), validators=[PROSE], render_kw={"kind": "prose"})
    item = SelectField(N_("Item"), validate_choice=False)
    owner = StringField(N_("Owner"), validators=[LINE])
    due_on = DayField(N_("Due on"), validators=[not_past, not_far])
    gate = SelectField(N_("To be met"), choices=_GATES, validators=[_GATE_CHECK], validate_choice=False)


class RecommendationForm(TranslatedForm):
    """The lead's choice, its reason, and the conditions; the checklists say how many there may be.

    ``shown`` are the conditions that the page was drawn with, each as id and row version.
    """

    shown = HiddenField()
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
    """Return the items whose rating makes a condition that is still to be written or may be changed."""
    computed = opened.recommendation()
    closed = {entry.item for entry in opened.appraisal.conditions if not entry.is_open}
    found = verdicts.conditions_of(
        opened.book.set, opened.criteria, opened.appraisal.ratings, computed.code if computed else None
    )
    return tuple(item for item in found if item not in closed)


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
    """Return the form's values as they are kept.

    A low item without a condition takes up what was asked for in an earlier version, or the comment.
    """
    appraisal, items = opened.appraisal, low_items(opened)
    open_ones = [entry for entry in appraisal.conditions if entry.is_open]
    written: dict[str, Condition] = {}
    for entry in open_ones:
        if entry.item in items:
            written.setdefault(entry.item, entry)
    before = rules.suggested(opened.case, appraisal)
    return {
        "reason": appraisal.reason,
        "shown": _shown(opened),
        "low": [
            _row(written[item]) if item in written else _begun(opened, item, before.get(item))
            for item in items
        ],
        "own": [_row(entry) for entry in open_ones if written.get(entry.item) is not entry],
    }


def _shown(opened: Opened) -> str:
    return " ".join(
        f"{entry.id}:{entry.row_version}" for entry in opened.appraisal.conditions if entry.is_open
    )


def _begun(opened: Opened, item: str, before: Condition | None) -> dict[str, Any]:
    if before is None:
        return {"item": item, "text": opened.appraisal.ratings[item].comment}
    is_past = before.due_on is not None and before.due_on < geneva_date(site().now())
    kept = {"item": item, "text": before.text, "owner": before.owner, "gate": before.gate or ""}
    return {**kept, "due_on": None if is_past else before.due_on}


def _row(condition: Condition) -> dict[str, Any]:
    return {
        "condition": condition.id,
        "version": condition.row_version,
        "item": condition.item,
        "text": condition.text,
        "owner": condition.owner,
        "due_on": condition.due_on,
        "gate": condition.gate or "",
    }


def shown_in(form: RecommendationForm) -> dict[int, int]:
    """Return the conditions that the page was drawn with: their row versions by id."""
    found = {}
    for entry in (form.shown.data or "").split():
        id, _, version = entry.partition(":")
        if (known := number(id)) is not None:
            found[known] = number(version) or 0
    return found


def conditions_in(form: RecommendationForm, items: tuple[str, ...]) -> list[ConditionPut]:
    """Return the conditions of a form in its order, without empty rows.

    Rows that only a low rating suggested go with it; those that were saved before stay.
    """
    rows = [row for row in form.low if row.form.item.data in items or number(row.form.condition.data or "")]
    puts = [_put(row.form) for row in (*rows, *form.own)]
    return [put for put in puts if replace(put, id=None, seen=None) != ConditionPut("")]


def _put(row: Any) -> ConditionPut:
    gate = cast(Gate, row.gate.data) if row.gate.data in GATES else None
    return ConditionPut(
        (row.text.data or "").replace("\r\n", "\n").strip(),
        row.item.data or "",
        (row.owner.data or "").strip(),
        row.due_on.data,
        gate,
        number(row.condition.data or ""),
        number(row.version.data or ""),
    )


def reconcile(opened: Opened, form: RecommendationForm) -> None:
    """Let a form that was sent from an older page stand beside what was saved meanwhile.

    Whatever was typed stays. A row whose condition was changed says what is saved now; one whose condition
    was withdrawn becomes a new one; and what the page did not show, or showed otherwise, is added to it.
    """
    standing = {entry.id: entry for entry in opened.appraisal.conditions if entry.is_open}
    shown = shown_in(form)
    rows = [row.form for row in (*form.low, *form.own)]
    for row in rows:
        id = number(row.condition.data or "")
        entry = standing.pop(id or 0, None)
        if entry is None:
            row.condition.data = row.version.data = ""
        elif number(row.version.data or "") != entry.row_version:
            row.version.data = str(entry.row_version)
            sentence = N_("Saved meanwhile: %(line)s")
            row.text.description = say(sentence, line=condition_line(entry))
    for row in rows:
        # The same row, saved once already by a form that was sent twice.
        put = _put(row)
        same = (entry for entry in standing.values() if put.id is None and rules.says(put, entry))
        if (entry := next(same, None)) is not None:
            row.condition.data, row.version.data = str(entry.id), str(entry.row_version)
            del standing[entry.id]
    for entry in standing.values():
        if shown.get(entry.id) != entry.row_version:
            form.own.append_entry(_row(entry))
    form.shown.data = _shown(opened)
    offer_items(opened, form)
