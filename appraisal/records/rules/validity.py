"""A record is valid or not by what has happened since to what it records.

A record is never changed, so it cannot say this itself; only the register of the installation can, or the
whole chain of events of the proposal, as of its last event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from appraisal.clock import geneva_date, parse_stamp
from appraisal.definitions.workflows import FINALISING
from appraisal.language.texts import N_
from appraisal.trail.rules.approvals import ANNULLING, APPROVING, CORRECTING, ENDING, REGISTERING
from appraisal.vocabulary.findings import Finding, ended, holds

Code = Literal["valid", "recalled", "superseded", "annulled", "corrected", "reopened"]

TITLES: Final[Mapping[Code, str]] = {
    "valid": N_("In force"),
    "recalled": N_("Recalled"),
    "superseded": N_("Superseded"),
    "annulled": N_("Annulled"),
    "corrected": N_("Corrected"),
    "reopened": N_("Reopened"),
}
_SENTENCES: Final[Mapping[Code, str]] = {
    "valid": N_("The record is in force: it was neither superseded nor annulled nor corrected."),
    "recalled": N_("No longer in force: the appraisal was recalled on %(day)s, and runs again or was ended."),
    "superseded": N_("No longer in force: superseded by record %(record)s of %(day)s."),
    "annulled": N_("No longer in force: the approval was annulled on %(day)s."),
    "corrected": N_(
        "No longer in force: the approval had been registered by mistake, which was corrected on %(day)s."
    ),
    "reopened": N_("No longer in force: superseded by the reopening of the proposal on %(day)s."),
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
    reopened_at: datetime | None = None,
    overtaken_by: str | None = None,
    overtaken_at: datetime | None = None,
) -> Validity:
    """Return whether a record counts.

    Of an appraisal record: when its appraisal was recalled, the newest record of the same version that was
    made afterwards, and when. Of a decision sheet: when the decision was voided, and by what decision. Of a
    rejection also: when the proposal was first reopened, and the sheet of the approval that was registered
    afterwards, with its moment.
    """
    if superseded_at is not None:
        if later_record:
            return Validity("superseded", later_at, later_record)
        return Validity("recalled", superseded_at)
    if voided_at is not None and voided_by in ENDING:
        return Validity("annulled" if voided_by == ANNULLING else "corrected", voided_at)
    if reopened_at is not None and (overtaken_at is None or reopened_at < overtaken_at):
        return Validity("reopened", reopened_at)
    if overtaken_by and overtaken_at is not None:
        return Validity("superseded", overtaken_at, overtaken_by)
    return Validity()


def along(events: Iterable[Mapping[str, Any]]) -> dict[str, Validity]:
    """Return by its digest whether each record counts after the last of the events of a proposal, in order.

    The answer is that of the register at that moment. Events of earlier versions of the product do not say
    which act a step was; their names are those of the acts.
    """
    found: dict[str, Validity] = {}
    submitted = ""
    # By record: of which version each appraisal is, and each that was recalled.
    version_of: dict[str, str] = {}
    recalled: dict[str, str] = {}
    # The rejections that were not reopened; the approvals, each with what it ended as that counted before.
    rejections: set[str] = set()
    approvals: list[tuple[str, dict[str, Validity]]] = []
    for event in events:
        facts, at = event["facts"], parse_stamp(event["at"])
        act = event.get("columns", {}).get("act") or event["action"]
        record = facts.get("record") or ""
        if act == "submit":
            submitted = facts.get("digest", "")
        elif act in FINALISING:
            version_of[record] = facts.get("version") or submitted
            again = (entry for entry, version in recalled.items() if version == version_of[record])
            found |= dict.fromkeys(again, Validity("superseded", at, record))
        elif act == "recall":
            recalled[record] = version_of.get(record, submitted)
            found[record] = Validity("recalled", at)
        elif act in APPROVING:
            # One that an approval ended which was annulled since is ended by the newest all the same.
            ended = {entry: found[entry] for entry in rejections} if act == REGISTERING and record else {}
            approvals.append((record, ended))
            found |= dict.fromkeys(ended, Validity("superseded", at, record))
        elif act in ENDING and approvals:
            sheet, ended = approvals.pop()
            found[sheet] = Validity("annulled" if act == ANNULLING else "corrected", at)
            if act in CORRECTING:
                found |= ended
        elif act == "reopen":
            in_force = (entry for entry in rejections if found[entry].is_valid)
            found |= dict.fromkeys(in_force, Validity("reopened", at))
            rejections.clear()
        elif act == "reject" and record:
            rejections.add(record)
        found.setdefault(record, Validity())
    # What had no record is no record.
    found.pop("", None)
    return found
