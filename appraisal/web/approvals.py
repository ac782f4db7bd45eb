"""Approvals: registering one that was given outside, for a proposal that never came here."""

from collections.abc import Iterator
from typing import Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, SelectField, StringField, TextAreaField

from appraisal.domain import forms
from appraisal.domain.contents import Complaint
from appraisal.domain.forms import Choice
from appraisal.domain.refusals import NotAllowed
from appraisal.i18n import N_
from appraisal.services import approvals
from appraisal.services.proposals import BadContent
from appraisal.web import step_forms
from appraisal.web.context import actor, begin, page, request_key, say, site, with_role
from appraisal.web.fields import LINE, PROSE, needed, one_of
from appraisal.web.forms import choice
from appraisal.web.inputs import ApprovalForm, written

bp = Blueprint("approvals", __name__)

Answer = str | Response | tuple[str, int]


def _choices(offered: tuple[Choice, ...]) -> list[Any]:
    return [choice("", N_("Choose")), *(choice(entry.value, entry.label) for entry in offered)]


def _values(offered: tuple[Choice, ...]) -> set[str]:
    return {entry.value for entry in offered}


class OutsideForm(ApprovalForm):
    """The facts of a proposal that the indicator and its breakdowns read, and its approval."""

    title = StringField(N_("Title"), validators=[needed(N_("Give the title.")), LINE])
    countries = StringField(
        N_("Countries"),
        description=N_(
            "ISO 3166 codes, separated by commas, for example ZM, TZ; write “global” where no country is named"
        ),
        validators=[needed(N_("Name the countries, or write “global”.")), LINE],
    )
    region = SelectField(
        N_("Region"),
        choices=_choices(forms.REGIONS),
        validators=[one_of(_values(forms.REGIONS))],
        validate_choice=False,
    )
    unit = StringField(N_("Responsible unit"), validators=[LINE])
    donor = StringField(N_("Donor"), validators=[needed(N_("Name the donor.")), LINE])
    private = RadioField(
        N_("Private partner"),
        choices=[choice(entry.value, entry.label) for entry in forms.YES_NO],
        default="no",
        validators=[one_of(_values(forms.YES_NO))],
        validate_choice=False,
        render_kw={"inline": True},
    )
    fund = SelectField(
        N_("Fund"),
        choices=_choices(forms.FUNDS),
        validators=[needed(N_("Choose the fund.")), one_of(_values(forms.FUNDS))],
        validate_choice=False,
    )
    modality = SelectField(
        N_("Modality"),
        choices=_choices(forms.MODALITIES),
        validators=[needed(N_("Choose the modality.")), one_of(_values(forms.MODALITIES))],
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


_PROPOSAL: Final = ("title", "countries", "region", "unit")
_CONTRIBUTION: Final = ("donor", "private", "fund", "modality", "amount", "currency")
_APPROVAL: Final = ("document", "source", "approved_on", "undated", "note")


@bp.route("/approvals/new", methods=["GET", "POST"])
@with_role("coordinator")
def new() -> Answer:
    """Register an approval, and with it the proposal that was approved."""
    form = OutsideForm(request.form)
    if request.method == "GET":
        return _draw(form)
    if not form.validate():
        return _draw(form), 422
    try:
        number = _register(form)
    except BadContent as error:
        _complain(form, error.complaints)
        return _draw(form), 422
    except NotAllowed as error:
        if not step_forms.complain(form, error):
            raise
        return _draw(form), 422
    flash(say(N_("The approval is registered as %(number)s."), number=number), "success")
    return redirect(url_for("proposals.show", number=number), 303)


def _register(form: OutsideForm) -> str:
    now = site().now()
    with begin() as db:
        case = approvals.register_outside(
            db,
            site().library,
            actor(),
            now,
            _content(form),
            form.approval(now),
            note=written(form.note),
            request=request_key(),
        )
    return case.number


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
        "approvals/new.html", form=form, proposal=_PROPOSAL, contribution=_CONTRIBUTION, approval=_APPROVAL
    )
