"""The database of this installation is asked here what it knows of a file that was verified.

Rows are believed as far as the chain of the proposal says the same: where it does not hold, or says
otherwise, nobody can say what became of a record.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from appraisal.clock import geneva_date
from appraisal.database import seals
from appraisal.language.texts import N_
from appraisal.records.facts import ACTION as ISSUER
from appraisal.records.rules import validity as records_validity
from appraisal.records.rules.validity import Validity
from appraisal.records.store import records, renderings
from appraisal.trail.rules import sealed_rows
from appraisal.trail.store import site, whole_trail
from appraisal.verification.reading.signatures import Signature
from appraisal.verification.services.bundle_check import Checked
from appraisal.verification.services.record_file import Verification
from appraisal.vocabulary.findings import Finding, does_anything_fail, fails, holds, unchecked

_BROKEN = N_("The audit trail of the proposal does not hold; see “appraisal audit verify”.")
_ONLY_REGISTER = N_(
    "The file is not signed: that its pages are those which were drawn only the register says, or drawing the "
    "record again (--render)."
)
_DIFFERS = N_(
    "What is stored of the proposal is not what its audit trail says; see “appraisal audit verify”."
)


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """Whether a record that was issued here is in force, and what its audit trail proves of it.

    ``validity`` is None where the trail fails: then nothing tells whether the record counts.
    """

    validity: Validity | None
    trail: Finding

    def finding(self) -> Finding:
        """Return what is said first of all of a file of the record."""
        if self.validity is not None:
            return self.validity.finding()
        return unchecked(
            "validity",
            N_("Whether the record is still in force cannot be said: its audit trail proves nothing."),
        )


def compared(db: Connection, found: Verification, sha256: str) -> Verification:
    """Add what the database knows of the record, of the very file, of who signed it, and of the trail.

    Whether the record is still in force comes first of all.
    A certificate with which this installation signs, or did, is known, whoever issued it. That a file without
    a signature is one which was given out only the register says: no event seals it.
    """
    issued = renderings.copies_of(db, found.digest)
    register = _register(issued, sha256, renderings.earlier_copy(db, found.digest, sha256))
    standing = standing_of(db, found.digest)
    if standing is None and issued is not None:
        said = N_("The record names no proposal that has an audit trail here.")
        standing = RecordStatus(None, fails("trail", said))
    added = [register] if standing is None else [standing.finding(), register, standing.trail]
    own = _own_key(db, found.signature) if found.signature is not None else None
    if own is not None:
        added.append(own)

    def is_settled(entry: Finding) -> bool:
        if entry.check == "validity":
            return standing is not None
        if entry.check == "pages":
            # Pages that were drawn again are told of in any case.
            return register.outcome == "holds" and entry.outcome == "unchecked"
        return entry.check == "signer" and own is not None

    if any(entry.check == "pages" and is_settled(entry) for entry in found.findings) and not found.signature:
        added.append(unchecked("pages", _ONLY_REGISTER))
    kept = (entry for entry in found.findings if not is_settled(entry))
    validity = standing.validity if standing is not None else None
    return replace(found, findings=(*added, *kept), validity=validity)


def bundle_findings(db: Connection, checked: Checked) -> list[Finding]:
    """Say what the database knows of a bundle: its chains, its records, and which of them ended since."""
    found: list[Finding] = []
    for number, held in checked.manifest.proposals.items():
        if whole_trail.digest_at(db, number, held.sequence) != held.head:
            said = N_("The chain of %(number)s is not one that this installation has, or had.")
            found.append(fails("register", said, number=number))
    for entry in checked.standings:
        standing = standing_of(db, entry.digest)
        if standing is None:
            said = N_("This installation has issued no record %(digest)s.")
            found.append(fails("register", said, digest=entry.digest))
        elif standing.validity is None:
            said = N_("Of %(path)s: %(what)s")
            found.append(fails("register", said, path=entry.path, what=standing.trail.say("en")))
        elif standing.validity != entry.validity:
            since = standing.finding()
            said = N_("Since the moment of the bundle, of %(path)s: %(what)s")
            found.append(
                Finding("register", since.outcome, said, {"path": entry.path, "what": since.say("en")})
            )
    if not does_anything_fail(found):
        said = N_("This installation has the chains of the bundle, and has issued its records (%(count)s).")
        found.append(holds("register", said, count=len(checked.standings)))
    return found


def _register(issued: frozenset[str] | None, sha256: str, drawn_before: datetime | None) -> Finding:
    if issued is None:
        return fails("register", N_("This installation has issued no record with this digest."))
    if sha256 in issued:
        return holds("register", N_("This installation issued this record, and this very file of it."))
    if drawn_before is not None:
        return holds(
            "register",
            N_("This installation issued this record; this file is an earlier drawing of it, of %(day)s."),
            day=geneva_date(drawn_before).isoformat(),
        )
    return fails(
        "register",
        N_("This installation issued this record, but not this file of it: its pages may say otherwise."),
    )


def _own_key(db: Connection, signature: Signature) -> Finding | None:
    """Tell that a file was signed here; None where it was not, or not while the certificate was valid.

    Which keys are this installation's own its chain tells, not the rows beside it.
    """
    if signature.problems or signature.trust in ("revoked", "unfit", "expired", "not_yet"):
        return None
    changes = (entry.facts["facts"] for entry in site.events_of(db, ISSUER))
    if signature.fingerprint not in {facts["fingerprint"] for facts in changes}:
        return None
    return holds(
        "signer",
        N_("Signed by %(subject)s with a key of this installation (SHA-256 %(fingerprint)s)."),
        subject=signature.subject,
        fingerprint=signature.fingerprint,
    )


def standing_of(db: Connection, digest: str) -> RecordStatus | None:
    """Return whether the record with a digest counts, as the chain of its proposal says.

    Returns None where no such record was issued here.
    """
    record = records.find_record(db, digest)
    if record is None:
        return None
    place = whole_trail.chain_of(db, record.number)
    walked = sealed_rows.walk(record.number, whole_trail.events_of(db, place.id))
    if sealed_rows.end_fault(walked, place.sequence, place.head) is not None:
        return RecordStatus(None, fails("trail", _BROKEN))
    if digest not in walked.records:
        return RecordStatus(
            None, fails("trail", N_("No event in the audit trail of the proposal names the record."))
        )
    if seals.is_altered(db, place.id):
        return RecordStatus(None, fails("trail", _DIFFERS))
    said = (json.loads(body) for _, _, body, _ in whole_trail.exported(db, record.number))
    validity = records_validity.along(said)[digest]
    if validity != record.validity:
        return RecordStatus(None, fails("trail", _DIFFERS))
    return RecordStatus(validity, _place_of(record.value, digest, walked))


def _place_of(value: str, digest: str, walked: sealed_rows.Walk) -> Finding:
    """Look for the place in a chain at which a record says that it was made."""
    chain = json.loads(value)["chain"] if sealed_rows.is_sealed(value, digest) else {}
    sequence, head = chain.get("sequence"), chain.get("head")
    if not (isinstance(sequence, int) and 1 <= sequence <= walked.count):
        is_there = False
    else:
        is_there = walked.digests[sequence - 1] == head
    if not is_there:
        return fails(
            "trail", N_("The record does not stand where it says in the audit trail of the proposal.")
        )
    return holds(
        "trail",
        N_("The audit trail of the proposal holds, and the record was made after its event %(sequence)s."),
        sequence=sequence,
    )
