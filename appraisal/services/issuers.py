"""Issuers: telling the installation with which key it signs, and under which address it is found.

That a key is in force is a fact of the database and an event of the site, not a setting of one process: from
then on records say that they are signed, and a process without the key refuses to draw them.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from appraisal.domain.issuers import ACTION, Issuer
from appraisal.errors import AppraisalError
from appraisal.pdf.signings import Signer
from appraisal.storage import issuers, site

SYSTEM = 0


class KeyMissing(AppraisalError):
    """Something is to be signed, and the key that is in force is not at hand."""


def use_key(db: Connection, signer: Signer, now: datetime) -> bool:
    """Have records and checkpoints signed with a key from now on; False where they are already.

    Raises ``Unsignable`` where its certificate is not valid now.
    """
    signer.check_time(now)
    site.lock(db)
    before = issuers.current(db)
    if before.fingerprint == signer.fingerprint:
        return False
    after = replace(before, fingerprint=signer.fingerprint, subject=signer.subject)
    _append(db, after, signer.certificate, now)
    return True


def retire_key(db: Connection, now: datetime) -> bool:
    """Have nothing signed from now on; False where nothing is."""
    site.lock(db)
    before = issuers.current(db)
    if not before.signs:
        return False
    _append(db, replace(before, fingerprint="", subject=""), None, now)
    return True


def note_address(db: Connection, address: str, now: datetime) -> bool:
    """Have records name the address under which they can be verified; False where they do already."""
    if not address or issuers.current(db).address == address:
        return False
    site.lock(db)
    before = issuers.current(db)
    if before.address == address:
        return False
    kept = issuers.certificate_of(db, before.fingerprint) if before.signs else None
    _append(db, replace(before, address=address), kept, now)
    return True


def _append(db: Connection, issuer: Issuer, certificate: bytes | None, now: datetime) -> None:
    issuers.append(db, issuer, certificate, SYSTEM, now)
    facts = {"address": issuer.address, "fingerprint": issuer.fingerprint, "subject": issuer.subject}
    site.append(db, now, SYSTEM, ACTION, facts)


def promised_key(db: Connection, signer: Signer | None) -> Signer:
    """Return the key for a signature that a record promises: the one in force, or after it any former one.

    That a key was retired takes nothing back of what was promised until then. Raises ``KeyMissing``.
    """
    key = key_of(issuers.current(db), signer)
    if key is not None:
        return key
    if signer is None or issuers.certificate_of(db, signer.fingerprint) is None:
        raise KeyMissing(
            "the record is to be signed, no key is in force, and APPRAISAL_SIGNER names none of before"
        )
    return signer


def key_of(issuer: Issuer, signer: Signer | None) -> Signer | None:
    """Return the key with which to sign now, None where nothing is signed; raises ``KeyMissing``."""
    if not issuer.signs:
        return None
    if signer is None:
        raise KeyMissing(f"the key of {issuer.subject} is in force, but APPRAISAL_SIGNER names none")
    if signer.fingerprint != issuer.fingerprint:
        raise KeyMissing(f"the key of {issuer.subject} is in force, but APPRAISAL_SIGNER names another")
    return signer
