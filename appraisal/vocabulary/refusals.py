"""A refusal says why a step is closed, as a code with facts and a sentence in each language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from babel.lists import format_list

from appraisal.errors import AppraisalError
from appraisal.language.texts import LOCALES, N_, Language, Text, say, write_day
from appraisal.vocabulary.roles import ROLE_TITLES, Role

# What a refusal is about, which decides who is told of it (``disclosure``).
About = Literal["person", "proposal", "appraisal", "input"]

# Every code stands in the table of what it is about.
_OF_PERSON: Final[Mapping[str, str]] = {
    # Who may do it: role, relation, and what bars somebody.
    "role_missing": N_("Only people with the role of %(role)s may do this."),
    "not_author": N_("Only an author of the proposal may do this."),
    "not_lead": N_("Only the lead appraiser may do this."),
    "not_signatory": N_("Only the person who gave the first signature may do this."),
    "correction_not_own": N_(
        "Only whoever registered the approval takes it back alone, and only on the same day: "
        "propose the correction, and a second person confirms it."
    ),
    "not_system": N_("This happens by itself when its time has come."),
    "inactive": N_("This account is closed."),
    "excluded_author": N_("You are an author of this proposal, so somebody else has to do this."),
    "excluded_lead": N_("You have led the appraisal of this proposal, so somebody else has to do this."),
    "excluded_reviewer": N_("You have reviewed this proposal, so somebody else has to do this."),
    "excluded_signatory": N_("You gave the first signature, so somebody else has to give the second."),
    "not_visible": N_("You may not see this."),
    "condition_owner_clears": N_(
        "A condition is cleared by a coordinator who is neither its owner nor an author."
    ),
    "condition_reporter_clears": N_(
        "Whoever reported a condition as met does not close it; another coordinator does."
    ),
    "not_consulted": N_("Only the unit that was asked, or a coordinator, may answer."),
    "own_administration": N_("You cannot close your own account."),
    "own_roles": N_("Nobody changes their own roles: another administrator does."),
    "second_person": N_("A link to this account needs a second person, who confirms it."),
    "request_own": N_("You asked for this, so somebody else has to answer."),
    "request_for_you": N_("This is about your own account, so somebody else has to answer."),
    "request_not_yours": N_("Only who asked for this takes it back."),
    "declaration_missing": N_("Say first whether you have a conflict of interest."),
    "conflict_declared": N_("You declared a conflict of interest over this proposal."),
    "review_owed": N_("Sign or decline your own review first."),
    "block_finaliser": N_("You finalised part of the appraisal, so somebody else has to decide."),
    "review_missing": N_("You are not asked to review this proposal."),
    "condition_not_owned": N_("The owner of a condition or an author of the proposal reports it as met."),
    "excluded_stand_in": N_("You stand in for %(name)s, %(because)s, so somebody else has to do this."),
    "excluded_replaced": N_(
        "%(name)s, %(because)s, stands in for you at present, so somebody else has to do this."
    ),
    "behalf_not_in_force": N_("You do not stand in for this person now, or not for this."),
    "substitution_not_yours": N_("Only %(name)s or an administrator says who stands in."),
    "conflict_of_other": N_(
        "%(name)s declared a conflict of interest over this proposal, "
        "and you count as one while one of you stands in for the other."
    ),
    "block_finaliser_other": N_(
        "%(name)s finalised part of the appraisal, "
        "and you count as one while one of you stands in for the other."
    ),
    "unit_answers": N_("%(unit)s answers through somebody of its own."),
    "somebody_else": N_("Somebody else has to do this."),
}
_OF_PROPOSAL: Final[Mapping[str, str]] = {
    # State, form, documents, rates, hold, rounds, decisions, and conditions that bind.
    "wrong_state": N_("This step is not open in the state “%(state)s”."),
    "unknown_step": N_("The workflow has no step called “%(step)s”."),
    "on_hold": N_("The proposal is on hold until %(until)s."),
    "not_held": N_("The proposal is not on hold."),
    "hold_not_expired": N_("The hold runs until %(until)s."),
    "umbrella": N_(
        "An umbrella programme is a container: its country projects are submitted and approved, not itself."
    ),
    "fields_missing": N_("The form is not complete: %(fields)s."),
    "umbrella_unknown": N_("The form names an umbrella programme that is not here: correct its number."),
    "documents_missing": N_("Documents are missing for the track: %(documents)s."),
    "usd_beyond": N_(
        "The contributions come to US$ %(usd)s, more than the US$ %(most)s that a proposal can cost: look at the amounts and at the rates."
    ),
    "rate_missing": N_("There is no US$ rate for %(currencies)s in the table of rates."),
    "changes_unanswered": N_("Not every required change is answered: %(numbers)s."),
    "rounds_spent": N_("After %(rounds)s rounds a manager has to allow a further one."),
    "rounds_remain": N_("Fewer than %(rounds)s rounds have been held."),
    "further_round_allowed": N_("A further round is allowed already."),
    "no_appraisal": N_("There is no appraisal to work on."),
    "appraisal_missing": N_("There is no finished appraisal of this version."),
    "appraisal_not_earlier": N_("The appraisal was not finished before this moment."),
    "condition_waived": N_("A condition was waived, so only an override is open."),
    "signature_waiting": N_("A first signature is waiting for the second."),
    "override_not_waiting": N_("No override is waiting for a second signature."),
    "annulment_not_waiting": N_("No annulment is waiting for a second signature."),
    "not_registered": N_("The approval was given here, so it is annulled, not corrected."),
    "registration_relied_on": N_(
        "Something rests on the registration by now, a further step, a published report or a match: "
        "propose the correction, and a second person confirms it."
    ),
    "correction_not_waiting": N_("No correction is proposed."),
    "proposal_matched": N_("%(number)s is the project %(symbol)s already."),
    "projects_reason": N_("%(number)s is the project %(symbol)s already: say why it has another one."),
    "projects_unknown": N_("What the projects of %(number)s were opened with is not known of every one."),
    "approval_unknown": N_(
        "Nobody knows the US$ that %(number)s was approved with: nothing tells whether it has another project."
    ),
    "projects_beyond": N_(
        "Together, the projects of %(number)s were opened with US$ %(opened)s. US$ %(approved)s was approved, "
        "and a tenth above that is the most."
    ),
    "annulment_pending": N_("The annulment of this approval waits for its second signature."),
    "signature_not_waiting": N_("No first signature is waiting for a second one."),
    "annulment_not_expired": N_("The second signature may be given until %(until)s."),
    "condition_not_binding": N_("No approval relies on this condition yet."),
    "owner_unchanged": N_("%(name)s owns this condition already."),
    "author_remains": N_("An author of this proposal can still act on it."),
    "proposal_over": N_("This proposal is over."),
    "escalated_before": N_("A decision on this version was asked for before."),
    "not_silent_long_enough": N_("The proposal lapses on %(on)s."),
    "manager_awaited": N_("A manager is awaited: until then no days of silence count."),
    "reopenings_spent": N_("The proposal was reopened %(times)s times already."),
    "approved_outside": N_("The proposal was approved outside the mechanism."),
    "fund_unknown": N_("The finance list does not say from which fund the project is paid."),
    "project_matched": N_("The project is taken for a proposal already."),
    "conditions_open": N_("Conditions are still open: %(numbers)s."),
    "not_open_for_rating": N_("The appraisal is not open for rating."),
    "not_editable": N_("The proposal cannot be edited in the state “%(state)s”."),
    "stored_differs": N_(
        "What is stored of this proposal is not what its events say (%(table)s). "
        "Nothing was done; tell an administrator."
    ),
    "stored_differs_here": N_(
        "What is stored is not what the events of the installation say (%(table)s). "
        "Nothing was done; tell an administrator."
    ),
    "clock_behind": N_(
        "What was last done with this proposal is newer than this: somebody was quicker, or the clock is behind. "
        "Nothing was done; try again."
    ),
    "definition_edited": N_(
        "%(file)s was edited after its release, first in line %(line)s. "
        "Nothing that goes by %(definition)s moves until the file is put back."
    ),
    "definition_replaced": N_(
        "This proposal goes by another text of %(definition)s than %(file)s holds now. "
        "It does not move until that text is put back."
    ),
    "condition_closed": N_("The condition is closed already."),
    "condition_moot": N_("Nothing rests on this condition any more."),
    "waiver_too_late": N_("The proposal is approved: its conditions can be met, but no longer waived."),
    "review_closed": N_("This review is closed."),
    "review_signed": N_("This review is signed; it stays as it is."),
    "lead_changed": N_("The appraisal has changed meanwhile, or has another lead by now."),
    "nothing_asks": N_("No item of the checklists asks for this."),
    "reason_withheld": N_("This is not possible now. The reason is told to those who may read it."),
    "author_has_acted": N_(
        "%(name)s has done what authors may not do on this proposal, and cannot become one of them."
    ),
}
_OF_APPRAISAL: Final[Mapping[str, str]] = {
    # Ratings, verdicts, recommendation, consultations, and who reviews.
    "appraisal_incomplete": N_("The appraisal is not complete: %(problems)s."),
    "evaluability_incomplete": N_("The evaluability review is not complete: %(problems)s."),
    "consultations_open": N_("Still asked, and the date has not passed: %(units)s."),
    "bureaux_not_asked": N_("Not asked yet: %(units)s."),
    "recommendation_missing": N_("No recommendation can be computed yet."),
    "recommendation_not_decidable": N_(
        "The recommendation is “%(recommendation)s”: request a revision instead."
    ),
    "recommendation_not_revision": N_(
        "The recommendation is “%(recommendation)s”: finalise the appraisal instead."
    ),
    "recommendation_raised": N_("The recommendation may be lowered, never raised."),
    "recommendation_not_open": N_(
        "“%(recommendation)s” may only be chosen where “%(computed)s” was computed."
    ),
    "reason_missing": N_("Say why the recommendation differs from the computed one."),
    "hand_written_missing": N_(
        "A lowered recommendation needs a condition or a required change written by hand and tied to an item."
    ),
    "conditions_incomplete": N_("Each condition needs an owner, a due date and a gate: %(numbers)s."),
    "recommendation_unfavourable": N_("The appraisal does not recommend approval: “%(recommendation)s”."),
    "evaluability_missing": N_("The evaluability review is missing; it is required above US$5 million."),
    "approval_open": N_("The proposal can be approved without an override."),
    "not_recommended_revision": N_(
        "A decision can be asked for only after the appraisal recommended a revision."
    ),
    "author_is_lead": N_("%(name)s has led or reviewed the appraisal and cannot become an author."),
    "consultation_answered": N_("This consultation is answered already."),
    "reviewer_conflicted": N_("%(name)s declared a conflict of interest over this proposal."),
    "reviewer_asked": N_("%(name)s is asked already."),
    "lead_conflicted": N_("%(name)s declared a conflict of interest over this proposal."),
    "reviews_open": N_("Asked to review, and the date has not passed: %(names)s."),
    "difference_unexplained": N_("%(item)s differs from a reviewer's rating and needs a reason."),
    "conditions_not_kept": N_(
        "Under this recommendation open conditions are withdrawn. Confirm each of them, or none: %(numbers)s."
    ),
    "conditions_due_past": N_("The due date of a condition lies in the past: %(numbers)s."),
    "conditions_due_late": N_(
        "The due date of a condition lies more than %(years)s years ahead: %(numbers)s."
    ),
    "reviewer_rated": N_("%(name)s has rated this appraisal for its lead and does not review it as well."),
}
_OF_INPUT: Final[Mapping[str, str]] = {
    # What somebody sent along, or put down in a sheet of their own.
    "lead_is_author": N_("%(name)s is an author of this proposal and may not appraise it."),
    "lead_not_appraiser": N_("%(name)s does not hold the role of appraiser."),
    "lead_unknown": N_("Choose one of the appraisers."),
    "lead_unchanged": N_("%(name)s leads this appraisal already."),
    "note_missing": N_("Give a reason."),
    "lead_missing": N_("Name a lead appraiser."),
    "missing_missing": N_("List what is missing."),
    "changes_missing": N_("List at least one required change."),
    "change_item_unknown": N_("“%(item)s” is not an item of the checklists."),
    "until_missing": N_("Give the last day of the hold."),
    "until_too_far": N_("A hold lasts %(years)s years at the most."),
    "until_past": N_("The last day of the hold must lie in the future."),
    "agreement_missing": N_("Give the date and the reference of the agreement."),
    "agreement_in_future": N_("What the donor answered cannot lie in the future."),
    "approval_missing": N_("Give the document and the source of the approval."),
    "approval_fund_missing": N_("The form names no fund: say from which one the project is paid."),
    "approval_fund_other": N_("The form names the fund %(named)s, and the approval %(fund)s."),
    "approval_in_future": N_("An approval cannot lie in the future."),
    "recommendation_unknown": N_("“%(recommendation)s” is not a recommendation."),
    "evidence_missing": N_("Say what shows that the condition is met."),
    "text_missing": N_("Write the comment."),
    "item_unrated": N_("%(item)s is not rated."),
    "item_unconfirmed": N_("The rating of %(item)s was carried over and is not confirmed."),
    "item_unknown": N_("%(item)s is not an item of this set."),
    "rating_unknown": N_("%(item)s: “%(value)s” is not on the scale."),
    "x_on_gating": N_("%(item)s is a gating item and cannot be rated X."),
    "x_not_allowed": N_("%(item)s cannot be rated X here."),
    "comment_missing": N_("%(item)s is rated %(value)s and needs a comment."),
    "too_few_rated": N_("%(criterion)s: at least half of the items must be rated."),
    "duties_left": N_(
        "This person still has things to do, on %(numbers)s: confirm that others take them on."
    ),
    "approval_same": N_(
        "This approval is here already, as %(number)s: the symbol or title is the same, "
        "and so is the donor, the amount or the day."
    ),
    "registered_elsewhere": N_(
        "This project is here already as approved elsewhere, as %(number)s: the symbol or title is the same, and so is "
        "the donor, the amount or the day. Its registration is corrected, or the form names it as the earlier phase."
    ),
    "approval_alike": N_(
        "The same symbol or title is here already: %(numbers)s. Say whether this is another phase, or the same."
    ),
    "owner_missing": N_("Choose somebody with an open account."),
    "request_waiting": N_("This is asked for already, and waits for a second person."),
    "request_closed": N_("This is answered, has run out, or the account has changed since it was asked for."),
    "track_not_tighter": N_("A track may only be made stricter."),
    "conflict_missing": N_("Say what the conflict of interest is."),
    "reviewer_not_appraiser": N_("%(name)s does not hold the role of appraiser."),
    "reviewer_is_author": N_("%(name)s is an author of this proposal and may not review it."),
    "reviewer_is_lead": N_("%(name)s leads this appraisal and does not review it as well."),
    "reviewer_missing": N_("Choose somebody to review."),
    "checklist_unknown": N_("These checklists are not part of this appraisal: %(codes)s."),
    "checklists_missing": N_("Choose at least one checklist."),
    "block_unit": N_("%(checklist)s is finalised by %(unit)s, so its reviewer has to come from there."),
    "block_taken": N_("%(checklist)s has a reviewer already, and one is enough to finalise it."),
    "block_of_unit": N_("%(items)s: the final rating is given by the reviewer of %(unit)s."),
    "due_past": N_("A due date must lie in the future."),
    "due_late": N_("A due date lies %(years)s years ahead at the most: choose %(day)s or an earlier day."),
    "day_early": N_("Check the date: nothing here lies before %(day)s."),
    "day_late": N_("Check the date: nothing here lies after %(day)s."),
    "item_not_reviewed": N_("%(items)s: not part of the checklists that this review is about."),
    "proposed_not_confirmable": N_("These ratings must be confirmed one by one: %(items)s."),
    "lead_counts_as_author": N_(
        "%(name)s counts as one with %(other)s, an author of this proposal, while one stands in for the other."
    ),
    "person_inactive": N_("The account of %(name)s is closed: reassign the work instead."),
    "person_lacks_role": N_(
        "%(name)s does not hold the role of %(role)s, so there is nothing to stand in for."
    ),
    "substitute_missing": N_("Choose who stands in."),
    "substitute_is_self": N_("Nobody stands in for themselves."),
    "substitute_inactive": N_("The account of %(name)s is closed, so this person cannot stand in."),
    "substitute_lacks_role": N_(
        "%(name)s does not hold the role of %(role)s, which a substitute needs as well."
    ),
    "substitution_ends_first": N_("The last day lies before the first."),
    "substitution_past": N_("The last day is over already."),
    "substitution_too_long": N_("A substitution lasts a year at the most."),
    "substitution_overlaps": N_("From %(first)s to %(last)s %(other)s stands in already: end that first."),
    "substitution_chained": N_(
        "%(name)s is replaced from %(first)s to %(last)s by %(other)s, and a substitute does not pass the task on."
    ),
    "substitution_passed_on": N_(
        "%(name)s stands in for %(other)s from %(first)s to %(last)s, "
        "and a substitute does not pass the task on: end that first."
    ),
    "substitution_circular": N_(
        "This would go in a circle: on some of these days %(name)s stands in for %(other)s, "
        "directly or through others."
    ),
    "substitution_over": N_("This substitution is over already."),
    "reviewer_stands_in": N_(
        "%(name)s stands in for the lead of this appraisal and does not review it as well."
    ),
    "nothing_ticked": N_("Tick the proposals that you checked."),
    "not_similar": N_("Not among the similar proposals: %(numbers)s."),
    "lesson_cited": N_("%(lesson)s is cited there already."),
    "no_room": N_("There is no room left: at most %(limit)s characters are kept there."),
    "rate_currency": N_("Write the three letters of a currency other than US dollars, for example EUR."),
    "rate_day_early": N_("A rate cannot be valid from before %(day)s."),
    "rate_day_late": N_("A rate can be valid from %(day)s at the latest, the end of this month."),
    "rate_unused": N_("%(currency)s was not in use on %(day)s."),
    "rate_amount": N_("Write a number above nought, for example 0.7214."),
    "rate_bounds": N_("A rate lies between %(smallest)s and %(largest)s units for one US$."),
    "rate_digits": N_("A rate has %(digits)s digits at the most."),
    "rate_reason": N_(
        "There is a rate for this currency and day already: %(per_usd)s. Give the reason why it is corrected."
    ),
    "rate_doubtful": N_("The rate has to be looked at again beside the others, and confirmed."),
    "no_row_left": N_("There is no room left: at most %(limit)s rows are kept there."),
}
_TABLES: Final[Mapping[About, Mapping[str, str]]] = {
    "person": _OF_PERSON,
    "proposal": _OF_PROPOSAL,
    "appraisal": _OF_APPRAISAL,
    "input": _OF_INPUT,
}
SENTENCES: Final[Mapping[str, str]] = {
    code: sentence for table in _TABLES.values() for code, sentence in table.items()
}
_ABOUT: Final[Mapping[str, About]] = {code: about for about, table in _TABLES.items() for code in table}

# Why somebody who counts as one with the actor is barred, as part of a sentence about that person.
BECAUSE: Mapping[str, str] = {
    "author": N_("who is an author of this proposal"),
    "lead": N_("who has led its appraisal"),
    "reviewer": N_("who has reviewed it"),
    "signatory": N_("who gave the first signature"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against a step; ``facts`` fill the places of its sentence."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def about(self) -> About:
        """Return what the reason is about."""
        return _ABOUT[self.code]

    def say(self, language: Language) -> str:
        """Return the reason as a sentence."""
        values = {name: _shown(value, language) for name, value in self.facts.items()}
        if "role" in self.facts:
            values["role"] = _roles(self.facts["role"], language)
        return say(language, SENTENCES[self.code], **values)


def refuse(code: str, **facts: Any) -> Refusal:
    """Build a refusal; ``KeyError`` for a code without a sentence."""
    SENTENCES[code]
    return Refusal(code, facts)


class NotAllowed(AppraisalError):
    """Something may not be done; carries every reason that is told, never just the first.

    What of the reasons the actor is told about a proposal, ``disclosure.not_allowed`` decides.
    """

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("; ".join(refusal.say("en") for refusal in self.refusals))

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes of the reasons, sorted."""
        return tuple(sorted({refusal.code for refusal in self.refusals}))


class Undeclared(NotAllowed):
    """A reviewer has to say first whether there is a conflict of interest over a proposal."""

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__([refuse("declaration_missing")])


def _roles(given: Role | Sequence[Role], language: Language) -> str:
    """Say which role, or any of which roles, somebody would have to hold."""
    roles = [given] if isinstance(given, str) else given
    return format_list([say(language, ROLE_TITLES[role]).lower() for role in roles], "or", LOCALES[language])


def _shown(value: Any, language: Language) -> str:
    if isinstance(value, Text):
        return value[language]
    if isinstance(value, str):
        return say(language, value)
    if isinstance(value, date):
        return write_day(language, value)
    if isinstance(value, list | tuple):
        shown = [_shown(entry, language) for entry in value]
        # Some labels are lists themselves.
        return ("; " if any(", " in entry for entry in shown) else ", ").join(shown)
    return str(value)
