"""Coordinators register here an approval given outside, for a proposal that never came here."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField, TextAreaField

from appraisal.clock import geneva_date
from appraisal.indicators.pages.appraised_share import share_percent
from appraisal.indicators.services import appraised_share
from appraisal.language.texts import N_
from appraisal.proposals.facts import Contribution
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.content import Complaint
from appraisal.proposals.rules.form import Choice
from appraisal.proposals.services.drafts import BadContent
from appraisal.vocabulary.biennium import biennium_of
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.web import formats
from appraisal.web.context import actor, begin, page, read, request_key, say, site, with_role
from appraisal.web.fields import LINE, PROSE, needed, one_of
from appraisal.web.formats import years
from appraisal.web.forms import choice, written
from appraisal.workflow.pages import step_forms
from appraisal.workflow.pages.step_inputs import ApprovalForm
from appraisal.workflow.services import outside_approvals
from appraisal.workflow.services.outside_approvals import Examined

bp = Blueprint("approvals", __name__)

Answer = str | Response | tuple[str, int]


def _choices(offered: tuple[Choice, ...]) -> list[Any]:
    return [choice("", N_("Choose")), *(choice(entry.value, entry.label) for entry in offered)]


def _values(offered: tuple[Choice, ...]) -> set[str]:
    return {entry.value for entry in offered}


class OutsideForm(ApprovalForm):
    """The facts of a proposal that the indicator and its breakdowns read, and its approval."""

    title = StringField(N_("Title"), validators=[needed(N_("Give the title.")), LINE])
    symbol = StringField(
        N_("Project symbol"),
        description=N_(
            "Where there is one already, for example RAF/10/55/USA. By it the same project is found."
        ),
        validators=[LINE],
    )
    countries = StringField(
        N_("Countries"),
        description=N_(
            "ISO 3166 codes, separated by commas, for example ZM, TZ; write “global” where no country is named"
        ),
        validators=[needed(N_("Name the countries, or write “global”.")), LINE],
    )
    region = SelectField(
        N_("Region"),
        choices=_choices(proposals_form.REGIONS),
        validators=[one_of(_values(proposals_form.REGIONS))],
        validate_choice=False,
    )
    unit = StringField(N_("Responsible unit"), validators=[LINE])
    donor = StringField(N_("Donor"), validators=[needed(N_("Name the donor.")), LINE])
    private = RadioField(
        N_("Private partner"),
        choices=[choice(entry.value, entry.label) for entry in proposals_form.YES_NO],
        default="no",
        validators=[one_of(_values(proposals_form.YES_NO))],
        validate_choice=False,
        render_kw={"inline": True},
    )
    fund = SelectField(
        N_("Fund"),
        choices=_choices(proposals_form.FUNDS),
        validators=[needed(N_("Choose the fund.")), one_of(_values(proposals_form.FUNDS))],
        validate_choice=False,
    )
    modality = SelectField(
        N_("Modality"),
        choices=_choices(proposals_form.MODALITIES),
        validators=[needed(N_("Choose the modality.")), one_of(_values(proposals_form.MODALITIES))],
        validate_choice=False,
    )
    amount = StringField(
        N_("Amount"), validators=[needed(N_("Give the amount.")), LINE], render_kw={"kind": "money"}
    )
    currency = StringField(
        N_("Currency (ISO 4217)"),
        default="USD",
        validators=[needed(N_("Give the currency.")), LINE],
        render_kw={"width": "3"},
    )
    note = TextAreaField(
        N_("Why it was not appraised here"), validators=[PROSE], render_kw={"kind": "prose", "rows": 3}
    )

    def __iter__(self) -> Iterator[Any]:
        """Go through the fields in the order of the page, which is that of its faults too."""
        return iter([self[name] for name in (*_PROPOSAL, *_CONTRIBUTION, *_APPROVAL)])


_PROPOSAL: Final = ("title", "symbol", "countries", "region", "unit")
_CONTRIBUTION: Final = ("donor", "private", "fund", "modality", "amount", "currency")
_APPROVAL: Final = ("document", "source", "approved_on", "undated", "note")


@bp.route("/approvals/new", methods=["GET", "POST"])
@with_role("coordinator")
def new() -> Answer:
    """Ask for an approval, show what it would store and count, and then register it with its proposal."""
    form = OutsideForm(request.form)
    if request.method == "GET" or "change" in request.form:
        return _draw(form)
    if not form.validate():
        return _draw(form), 422
    try:
        if "checked" not in request.form:
            return _ask(form)
        number = _register(form)
    except BadContent as error:
        _complain(form, error.complaints)
        return _draw(form), 422
    except NotAllowed as error:
        if is_duplicate(error):
            return _ask(form), 422
        if not step_forms.complain(form, error):
            raise
        return _draw(form), 422
    flash(say(N_("The approval is registered as %(number)s."), number=number), "success")
    return redirect(url_for("proposals.show", number=number), 303)


def _register(form: OutsideForm) -> str:
    now = site().now()
    with begin() as db:
        case = outside_approvals.register_outside(
            db,
            site().library,
            actor(),
            now,
            _content(form),
            form.approval(now),
            note=written(form.note),
            request=request_key(),
            apart=other_phases(),
        )
    return case.number


def _ask(form: OutsideForm) -> str:
    now = site().now()
    with read() as db:
        found = outside_approvals.examine(db, site().library, now, _content(form), form.approval(now))
        typed = [(name, value) for name, value in request.form.items() if name in form]
        return check_page(
            db,
            found,
            typed,
            url_for(".new"),
            url_for("proposals.index"),
            note=written(form.note),
            changes=True,
        )


def is_duplicate(error: NotAllowed) -> bool:
    """Tell whether something is refused because it is here already, or may be."""
    return set(error.codes) <= {"approval_same", "approval_alike"}


def other_phases() -> frozenset[str]:
    """Return the numbers of which the form sent says that what is registered is another phase of them."""
    prefix = "likeness-"
    return frozenset(
        name.removeprefix(prefix)
        for name, value in request.form.items()
        if name.startswith(prefix) and value == "phase"
    )


def check_page(
    db: Connection,
    found: Examined,
    sent: Sequence[tuple[str, str]],
    action: str,
    cancel: str,
    *,
    note: str = "",
    changes: bool = False,
    reasons: Sequence[str] = (),
) -> str:
    """Draw what an approval would store and what it would do to the indicator, before it is registered.

    ``sent`` are the fields that its form carries on; ``changes`` whether they can be gone back to;
    ``reasons`` say why it cannot be registered at all.
    """
    biennium = found.counted.biennium or biennium_of(geneva_date(site().now()))
    before, after = appraised_share.effect(db, site().library, found.counted, biennium)
    phases = other_phases()
    unsaid = "checked" in request.form and any(entry.number not in phases for entry in found.alike)
    return page(
        "app/outside_approval_check.html",
        rows=_rows(found, note),
        years=years(biennium),
        counted=[(say(N_("Now")), before), (say(N_("With this approval")), after)],
        share_percent=share_percent,
        undated=found.counted.approved_at is None,
        is_counted=before.share != after.share,
        same=found.same,
        alike=found.alike,
        unsaid=unsaid,
        sent=sent,
        action=action,
        cancel=cancel,
        changes=changes,
        reasons=reasons,
    )


def _rows(found: Examined, note: str) -> list[dict[str, Any]]:
    """Return what will be stored, as rows of a summary list."""

    def get(key: str) -> Any:
        return proposals_form.value(found.content, f"identification.{key}")

    money = [_money(entry) for entry in found.contributions]
    approval = found.approval
    day = formats.day(geneva_date(approval.approved_at)) if approval.approved_at else say(N_("Not known"))
    facts = (
        (N_("Title"), get("title")),
        (N_("Project symbol"), get("symbol")),
        (N_("Countries"), formats.countries(list(get("countries") or ()))),
        (N_("Money"), money),
        (N_("Date of the approval"), day),
        (N_("Document"), approval.document),
        (N_("Source"), approval.source),
        (N_("Route"), say(N_("Outside the mechanism: it will count as not appraised"))),
        (N_("Reason"), say(N_("registered afterwards"))),
        (N_("Why it was not appraised here"), note),
    )
    return [{"key": say(key), "value": value} for key, value in facts if value]


def _money(entry: Contribution) -> str:
    """Write what a donor gives; an amount of nought is one that nobody told."""
    if not entry.amount:
        return say(N_("%(donor)s: an amount that nobody told, %(fund)s"), donor=entry.donor, fund=entry.fund)
    return say(
        N_("%(donor)s: %(currency)s %(amount)s (US$ %(usd)s), %(fund)s"),
        donor=entry.donor,
        currency=entry.currency,
        amount=formats.money(entry.amount),
        usd=say(N_("no rate, so it is not known")) if entry.usd is None else formats.money(entry.usd),
        fund=entry.fund,
    )


def _content(form: OutsideForm) -> dict[str, dict[str, Any]]:
    row = {name: written(form[name]) for name in _CONTRIBUTION}
    given: dict[str, Any] = {name: written(form[name]) for name in _PROPOSAL}
    return {"identification": {**given, "contributions": [row]}}


def _complain(form: OutsideForm, complaints: tuple[Complaint, ...]) -> None:
    """Write complaints about the content, whose paths end in the names of our fields, to the fields."""
    for complaint in complaints:
        name = complaint.path.replace(".", "-").rpartition("-")[2]
        form.complain(name if name in form else "title", complaint.sentence, **complaint.facts)


def _draw(form: OutsideForm) -> str:
    return page(
        "app/outside_approval.html",
        form=form,
        proposal=_PROPOSAL,
        contribution=_CONTRIBUTION,
        approval=_APPROVAL,
    )
