"""Registers: what the database of this installation knows of a file that was verified."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from appraisal.clock import geneva_date
from appraisal.domain import trails
from appraisal.domain.findings import Finding, does_anything_fail, fails, holds, unchecked
from appraisal.i18n import N_
from appraisal.pdf.signatures import Signature
from appraisal.services.bundle_checks import Checked
from appraisal.services.verifications import Verification
from appraisal.storage import audits, issuers, records, renderings


def compared(db: Connection, found: Verification, sha256: str) -> Verification:
    """Add what the database knows of the record, of the very file, of who signed it, and of the trail.

    Whether the record is still in force comes first of all.
    The digest of a stored file vouches for its pages as well. A certificate with which this installation
    signs, or did, is known, whoever issued it.
    """
    issued = renderings.copies_of(db, found.digest)
    register = _register(issued, sha256, renderings.earlier_copy(db, found.digest, sha256))
    validity = records.validity_of(db, found.digest)
    added = [
        *([validity.finding()] if validity is not None else ()),
        register,
        *(_trail(db, found) if issued is not None else ()),
    ]
    own = _own_key(db, found.signature) if found.signature is not None else None
    if own is not None:
        added.append(own)

    def is_settled(entry: Finding) -> bool:
        if entry.check == "validity":
            return validity is not None
        if entry.check == "pages":
            # Pages that were drawn again are told of in any case.
            return register.outcome == "holds" and entry.outcome == "unchecked"
        return entry.check == "signer" and own is not None

    kept = (entry for entry in found.findings if not is_settled(entry))
    return replace(found, findings=(*added, *kept), validity=validity)


def bundle_findings(db: Connection, checked: Checked) -> list[Finding]:
    """Say what the database knows of a bundle: its chains, its records, and which of them ended since."""
    found: list[Finding] = []
    for number, held in checked.manifest.proposals.items():
        if audits.digest_at(db, number, held.sequence) != held.head:
            said = N_("The chain of %(number)s is not one that this installation has, or had.")
            found.append(fails("register", said, number=number))
    for entry in checked.standings:
        validity = records.validity_of(db, entry.digest)
        if validity is None:
            said = N_("This installation has issued no record %(digest)s.")
            found.append(fails("register", said, digest=entry.digest))
        elif validity != entry.validity:
            since = validity.finding()
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
    """Tell that a file was signed here; None where it was not, or not while the certificate was valid."""
    if signature.problems or signature.trust in ("revoked", "unfit", "expired", "not_yet"):
        return None
    if issuers.certificate_of(db, signature.fingerprint) is None:
        return None
    return holds(
        "signer",
        N_("Signed by %(subject)s with a key of this installation (SHA-256 %(fingerprint)s)."),
        subject=signature.subject,
        fingerprint=signature.fingerprint,
    )


def _trail(db: Connection, found: Verification) -> Iterator[Finding]:
    """Follow the chain of the proposal from end to end, and look for the place where the record was made."""
    place = audits.chain_of(db, found.number)
    sequence, head = found.chain.get("sequence"), found.chain.get("head")
    if place is None or not isinstance(sequence, int):
        yield unchecked("trail", N_("The record names no proposal that has an audit trail here."))
        return
    walked = trails.walk(found.number, audits.events_of(db, place.id))
    if trails.end_fault(walked, place.sequence, place.head) is not None:
        yield fails(
            "trail", N_("The audit trail of the proposal does not hold; see “appraisal audit verify”.")
        )
    elif not 1 <= sequence <= walked.count or walked.digests[sequence - 1] != head:
        yield fails(
            "trail", N_("The record does not stand where it says in the audit trail of the proposal.")
        )
    else:
        yield holds(
            "trail",
            N_(
                "The audit trail of the proposal holds, and the record was made after its event %(sequence)s."
            ),
            sequence=sequence,
        )
