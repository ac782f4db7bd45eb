"""Validities: whether a record still counts, or what has happened to what it records.

A record is never changed, so it cannot say this itself; only the register of the installation can.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from appraisal.clock import geneva_date
from appraisal.domain.approvals import CORRECTING
from appraisal.domain.findings import Finding, ended, holds
from appraisal.i18n import N_

Code = Literal["valid", "recalled", "superseded", "annulled", "corrected"]

# What takes back an approval: the decisions after which its sheet counts no more.
ENDING: Final = ("annul", *CORRECTING)
TITLES: Final[Mapping[Code, str]] = {
    "valid": N_("In force"),
    "recalled": N_("Recalled"),
    "superseded": N_("Superseded"),
    "annulled": N_("Annulled"),
    "corrected": N_("Corrected"),
}
_SENTENCES: Final[Mapping[Code, str]] = {
    "valid": N_("The record is in force: it was neither superseded nor annulled nor corrected."),
    "recalled": N_("No longer in force: the appraisal was recalled on %(day)s, and runs again or was ended."),
    "superseded": N_("No longer in force: superseded by record %(record)s of %(day)s."),
    "annulled": N_("No longer in force: the approval was annulled on %(day)s."),
    "corrected": N_(
        "No longer in force: the approval had been registered by mistake, which was corrected on %(day)s."
    ),
}


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a record counts; else when it ended, and by which record it was superseded."""

    code: Code = "valid"
    at: datetime | None = None
    record: str = ""

    @property
    def is_valid(self) -> bool:
        """Tell whether the record is in force."""
        return self.code == "valid"

    @property
    def title(self) -> str:
        """Return a marked word or two for lists."""
        return TITLES[self.code]

    def finding(self) -> Finding:
        """Return what verifying a file of the record says first."""
        sentence = _SENTENCES[self.code]
        if self.at is None:
            return holds("validity", sentence)
        day = geneva_date(self.at).isoformat()
        return ended("validity", sentence, day=day, record=self.record)


def validity(
    superseded_at: datetime | None,
    later_record: str | None,
    later_at: datetime | None,
    voided_at: datetime | None,
    voided_by: str | None,
) -> Validity:
    """Return whether a record counts.

    Of an appraisal record: when its appraisal was recalled, the newest record of the same version that was
    made afterwards, and when. Of a decision sheet: when the decision was voided, and by what decision.
    """
    if superseded_at is not None:
        if later_record:
            return Validity("superseded", later_at, later_record)
        return Validity("recalled", superseded_at)
    if voided_at is not None and voided_by in ENDING:
        return Validity("annulled" if voided_by == "annul" else "corrected", voided_at)
    return Validity()
