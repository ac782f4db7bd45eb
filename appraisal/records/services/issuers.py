"""The installation is told here with which key it signs, and under which address it is found.

That a key is in force is a fact of the database and an event of the site, not a setting of one process: from
then on records say that they are signed, and a process without the key refuses to draw them.

A key ends with its certificate. From that moment on records promise no signature, and checkpoints and bundles
are made without one, each saying so: what was promised until then waits for the next key. Administrators are
told of it from sixty days before.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from appraisal.clock import geneva_date
from appraisal.errors import AppraisalError
from appraisal.notices import store as stored_notices
from appraisal.notices.services import notices
from appraisal.proposals.store import lists
from appraisal.records.facts import ACTION, Issuer
from appraisal.records.signing.certificates import expiry_of
from appraisal.records.signing.signer import Signer
from appraisal.records.store import issuers
from appraisal.trail.store import site

SYSTEM = 0
# So many days before its last one administrators are told that a key expires.
WARNINGS: Final = (60, 30, 14, 7, 1)


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
    """Have nothing signed from now on; False where nothing is.

    Of a key that has expired, that is noted: nobody retired it in time.
    """
    if end_expired(db, now):
        return True
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


def issuing(db: Connection, now: datetime) -> Issuer:
    """Return who issues records at a moment: without a key once its certificate has expired."""
    found = issuers.current(db)
    last = _last_moment(db, found)
    return found if last is None or now <= last else replace(found, fingerprint="", subject="")


def end_expired(db: Connection, now: datetime) -> bool:
    """Note that the key in force has expired, if it has, so that nothing is expected to be signed with it."""
    if issuing(db, now) == issuers.current(db):
        return False
    site.lock(db)
    before = issuers.current(db)
    last = _last_moment(db, before)
    if last is None or now <= last:
        return False
    _append(db, replace(before, fingerprint="", subject=""), None, now, expired=last)
    return True


def expired_on(db: Connection, now: datetime) -> datetime | None:
    """Return when the newest key expired, where nothing is signed for that reason; else None."""
    changes = issuers.history(db)
    newest = max((place for place, row in enumerate(changes) if row.fingerprint), default=None)
    if newest is None:
        return None
    last = expiry_of(changes[newest].certificate)
    # A key that was retired before is not gone because it expired, though it has by now.
    ended = changes[newest + 1].at if newest + 1 < len(changes) else now
    return last if last < ended else None


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the key in force expires, and how many days of Geneva are left: none on its last day."""

    subject: str
    last: datetime
    days: int

    @property
    def is_near(self) -> bool:
        """Tell whether administrators have to see to it now."""
        return self.days <= WARNINGS[0]


def expiry(db: Connection, now: datetime) -> Expiry | None:
    """Return when the key in force expires; None where nothing is signed."""
    found = issuing(db, now)
    last = _last_moment(db, found)
    if last is None:
        return None
    return Expiry(found.subject, last, (geneva_date(last) - geneva_date(now)).days)


def _last_moment(db: Connection, issuer: Issuer) -> datetime | None:
    certificate = issuers.certificate_of(db, issuer.fingerprint) if issuer.signs else None
    return None if certificate is None else expiry_of(certificate)


def warn(db: Connection, now: datetime) -> None:
    """Tell administrators that the key expires soon, or has expired: once for each of ``WARNINGS``."""
    ended, near = end_expired(db, now), expiry(db, now)
    if ended and (gone := expired_on(db, now)) is not None:
        notices.tell(db, lists.ids_with(db, "administrator"), "key_expired", now, facts=_day_of(gone))
    if near is None or not near.is_near:
        return
    facts = {**_day_of(near.last), "warning": min(days for days in WARNINGS if days >= near.days)}
    site.lock(db)
    if not stored_notices.was_told(db, "key_expires", facts):
        notices.tell(db, lists.ids_with(db, "administrator"), "key_expires", now, facts=facts)


def _day_of(moment: datetime) -> dict[str, str]:
    return {"last": geneva_date(moment).isoformat()}


def _append(
    db: Connection, issuer: Issuer, certificate: bytes | None, now: datetime, **more: datetime
) -> None:
    issuers.append(db, issuer, certificate, SYSTEM, now)
    facts = {"address": issuer.address, "fingerprint": issuer.fingerprint, "subject": issuer.subject}
    site.append(db, now, SYSTEM, ACTION, {**facts, **more})


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
