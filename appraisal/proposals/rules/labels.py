"""Choices of the form, and routes with their reasons, have their labels here."""

from appraisal.language.texts import N_
from appraisal.proposals.rules import form, routes

ROUTES = routes.TITLES


ROUTE_REASONS = {
    "registered": N_("The approval was given elsewhere and registered afterwards."),
    "appraisal_after_approval": N_("The appraisal was not finalised before the approval."),
    "other_version": N_("The approval does not rely on a valid appraisal of the version approved."),
    "evaluability_missing": N_("The evaluability review required above US$5 million was missing."),
}


# The same in a few words.
REASONS = routes.REASONS

# By when a condition has to be met.
GATES = {
    "before_donor": N_("Before it is sent to the donor"),
    "before_start": N_("Before the start"),
}


def _labels(choices: tuple[form.Choice, ...]) -> dict[str, str]:
    return {choice.value: choice.label for choice in choices}


KINDS = _labels(form.KINDS)


REGIONS = _labels(form.REGIONS)


FUNDS = _labels(form.FUNDS)


DOCUMENTS = _labels(form.DOCUMENT_KINDS)
