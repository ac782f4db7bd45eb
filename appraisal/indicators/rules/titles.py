"""Groups and breakdowns of indicator 2.1 have their titles here."""

from appraisal.language.texts import N_

# How proposals behind indicator 2.1 are counted, and by what its figures are broken down.
GROUPS = {
    "mechanism": N_("Through the mechanism"),
    "override": N_("By override"),
    "outside": N_("Outside the mechanism"),
    "undated": N_("Approved without a known date, counted in no biennium"),
    "other_funds": N_("Approved in the biennium, but paid for by other funds"),
}


BREAKDOWNS = {
    "region": N_("By region"),
    "unit": N_("By responsible unit"),
    "donor": N_("By donor"),
    "track": N_("By track"),
}
