"""Each thing that a step of the workflow may ask for has one form here."""

from datetime import date, datetime, time
from typing import Any, Final

from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)

from appraisal.clock import GENEVA, geneva_date
from appraisal.language.texts import N_
from appraisal.proposals.rules.attempt import ApprovalGiven
from appraisal.vocabulary.refusals import SENTENCES
from appraisal.web.fields import LINE, PROSE, DayField, needed
from appraisal.web.forms import TranslatedForm, written

_PROSE: Final = {"kind": "prose"}


class ChangeForm(TranslatedForm):
    """One required change, on an item or on the whole."""

    item = SelectField(N_("Item"), validate_choice=False)
    text = TextAreaField(
        N_("What has to change"),
        validators=[needed(N_("Write what has to change.")), PROSE],
        render_kw=_PROSE,
    )


class LeadForm(TranslatedForm):
    """Who leads the appraisal."""

    lead = SelectField(
        N_("Lead appraiser"), validators=[needed(SENTENCES["lead_missing"])], validate_choice=False
    )


class TrackForm(TranslatedForm):
    """A stricter track than the one that was derived."""

    track = SelectField(N_("Track"), validate_choice=False)


class MissingForm(TranslatedForm):
    """What a proposal lacks."""

    missing = TextAreaField(
        N_("What is missing"),
        description=N_("The author reads this; one thing a line."),
        validators=[needed(SENTENCES["missing_missing"]), PROSE],
        render_kw=_PROSE,
    )


class ChangesForm(TranslatedForm):
    """A numbered list of required changes; the step that asks for them says how many there may be."""

    changes = FieldList(
        FormField(ChangeForm),
        N_("Required changes"),
        description=N_("The author answers each by its number: done and where, or not done and why."),
        min_entries=1,
    )


class UntilForm(TranslatedForm):
    """The last day of a hold."""

    until = DayField(N_("Last day of the hold"), validators=[needed(SENTENCES["until_missing"])])


class AgreementForm(TranslatedForm):
    """What the donor answered."""

    on = DayField(N_("Date"), validators=[needed(N_("Give the date."))])
    reference = StringField(N_("Reference"), validators=[needed(N_("Give the reference.")), LINE])


class ApprovalForm(TranslatedForm):
    """An approval that was given outside."""

    document = StringField(
        N_("Document"),
        description=N_("The minute or letter in which the approval was given"),
        validators=[needed(N_("Name the document.")), LINE],
    )
    source = StringField(
        N_("Source"),
        description=N_("Where the document was found, or who told of it"),
        validators=[needed(N_("Give the source.")), LINE],
    )
    approved_on = DayField(N_("Date of the approval"))
    undated = BooleanField(N_("The date is not known"))

    def validate(self, extra_validators: Any = None) -> bool:
        """Judge every field, and ask for either a date or the word that there is none."""
        good = super().validate(extra_validators)
        if not self.approved_on.errors and (self.approved_on.data is None) != bool(self.undated.data):
            self.complain("approved_on", N_("Give the date, or say that it is not known."))
            return False
        return good

    def approval(self, now: datetime) -> ApprovalGiven:
        """Return the approval that was given."""
        day = self.approved_on.data
        return ApprovalGiven(
            written(self.document), written(self.source), None if day is None else end_of(day, now)
        )


class WithdrawnForm(TranslatedForm):
    """The conditions that closing an appraisal withdraws, each to be confirmed."""

    withdrawn = SelectMultipleField(
        N_("Conditions that are withdrawn"),
        description=N_(
            "Under this recommendation no condition binds. Confirm each of them, or change the recommendation."
        ),
        validate_choice=False,
        render_kw={"kind": "choices"},
    )


class PlaceForm(TranslatedForm):
    """In whose place somebody decides who stands in for a manager."""

    behalf = RadioField(
        N_("In whose place do you do this?"),
        description=N_("You sign it either way, and the record says for whom."),
        default="",
        validate_choice=False,
    )


class NoteForm(TranslatedForm):
    """A note that a step may be given."""

    note = TextAreaField(N_("Note (not needed)"), validators=[PROSE], render_kw=_PROSE)


class ReasonForm(TranslatedForm):
    """The reason that a step must be given."""

    note = TextAreaField(
        N_("Reason"),
        description=N_(
            "It stands in the history of the proposal and on the record of this step, if there is one."
        ),
        validators=[needed(SENTENCES["note_missing"]), PROSE],
        render_kw=_PROSE,
    )


def end_of(day: date, now: datetime) -> datetime:
    """Return the moment that a day without an hour stands for: its end, but of today no later than now.

    So an approval never comes before an appraisal of the same day by the mere lack of an hour.
    """
    end = datetime.combine(day, time.max, GENEVA)
    return min(end, now) if day <= geneva_date(now) else end
