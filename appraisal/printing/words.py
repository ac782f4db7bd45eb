"""Codes, amounts and moments of a record are put into words here for the reader of one language."""

from collections.abc import Mapping
from typing import Any

from appraisal.appraisals.rules import responses
from appraisal.definitions.checklists import source_in
from appraisal.language.texts import N_
from appraisal.language.words import Words
from appraisal.proposals.rules.labels import DOCUMENTS as DOCUMENTS
from appraisal.proposals.rules.labels import FUNDS as FUNDS
from appraisal.proposals.rules.labels import GATES as GATES
from appraisal.proposals.rules.labels import ROUTE_REASONS as ROUTE_REASONS
from appraisal.proposals.rules.labels import ROUTES as ROUTES

RECORD_KINDS = {"appraisal": N_("Appraisal record"), "decision": N_("Decision sheet")}
TRACKS = {"fast": N_("Fast"), "standard": N_("Standard"), "reinforced": N_("Reinforced")}
ORIGINS = {
    "native": N_("Submitted and decided in this system"),
    "registered": N_("Registered in this system afterwards"),
    "imported": N_("Imported from an earlier system"),
}
DECISIONS = {
    "approve": N_("Approval"),
    "propose_override": N_("Proposal to override the appraisal"),
    "countersign": N_("Approval overriding the appraisal"),
    "return": N_("Return for revision"),
    "reject": N_("Rejection"),
    "escalate": N_("Request for a decision"),
    "continue_rounds": N_("Leave for a further round"),
    "register_approval": N_("Approval given outside the mechanism"),
    "propose_annulment": N_("Proposal to annul the approval"),
    "annul": N_("Annulment of the approval"),
}
OUTCOMES = {
    "approve": N_("Approved"),
    "countersign": N_("Approved by override"),
    "return": N_("Returned for revision"),
    "reject": N_("Rejected"),
    "register_approval": N_("Approved outside the mechanism"),
    "annul": N_("Approval annulled"),
}


class RecordWords(Words):
    """Words of records: also sources of items, and reasons why somebody did not answer."""

    def source(self, source: str) -> str:
        """Return the source of an item; documents keep their names."""
        return self._tied(source_in(self.language, source))

    def unanswered(self, entry: Mapping[str, Any], issued_at: str) -> str:
        """Say why there is no answer of somebody who was asked; nothing where it is still awaited."""
        status, at = responses.recorded(entry, issued_at)
        return "" if status == "awaited" else self.say(responses.SENTENCES[status], day=self.day_of(at))
