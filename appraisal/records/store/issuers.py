"""Issuers sign records and checkpoints from a moment on, and are only ever appended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from appraisal.database import tables
from appraisal.records.facts import NOBODY, Issuer

ISSUERS = tables.issuers


def current(db: Connection) -> Issuer:
    """Return who issues records now."""
    row = db.execute(
        select(ISSUERS.c.address, ISSUERS.c.fingerprint, ISSUERS.c.subject)
        .order_by(ISSUERS.c.id.desc())
        .limit(1)
    ).first()
    return Issuer(*row) if row else NOBODY


def append(db: Connection, issuer: Issuer, certificate: bytes | None, by: int, now: datetime) -> None:
    """Append who issues records from now on, with the certificate (DER)."""
    facts = {"address": issuer.address, "fingerprint": issuer.fingerprint, "subject": issuer.subject}
    db.execute(insert(ISSUERS).values(**facts, certificate=certificate, by=by, at=now))


def certificate_of(db: Connection, fingerprint: str) -> bytes | None:
    """Return a certificate (DER) with which this installation has ever signed, by its SHA-256."""
    found: bytes | None = db.execute(
        select(ISSUERS.c.certificate).where(ISSUERS.c.fingerprint == fingerprint).limit(1)
    ).scalar()
    return found


def history(db: Connection) -> Sequence[Any]:
    """List every change, oldest first: at, by, address, fingerprint, subject and certificate."""
    names = ("at", "by", "address", "fingerprint", "subject", "certificate")
    return db.execute(select(*(ISSUERS.c[name] for name in names)).order_by(ISSUERS.c.id)).all()
