"""Certificates of trusted authorities, and lists of revoked ones, are read here from files."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from appraisal.errors import AppraisalError


class NotCertificates(AppraisalError):
    """Some bytes hold no certificate, or no revocation list."""


def read_certificates(data: bytes) -> list[Any]:
    """Return the X.509 certificates in some bytes, PEM with any number or DER of one.

    Raises ``NotCertificates``.
    """
    from asn1crypto import pem, x509

    try:
        if not pem.detect(data):
            found = [x509.Certificate.load(data, strict=True)]
        else:
            parts = list(pem.unarmor(data, multiple=True))
            found = [
                x509.Certificate.load(der, strict=True) for kind, _, der in parts if kind == "CERTIFICATE"
            ]
        for certificate in found:
            # Reading is lazy: what is broken shows only when it is looked at.
            _ = certificate.native
    except (ValueError, TypeError) as error:
        raise NotCertificates("this is no certificate in PEM or DER") from error
    if not found:
        raise NotCertificates("there is no certificate in this file")
    return found


@lru_cache(maxsize=16)
def expiry_of(certificate: bytes) -> datetime:
    """Return the last moment at which a certificate (DER) is valid; raises ``NotCertificates``."""
    validity = read_certificates(certificate)[0]["tbs_certificate"]["validity"]
    last: datetime = validity["not_after"].native
    return last.astimezone(UTC)


def read_revocations(data: bytes) -> Any:
    """Return the X.509 revocation list in some bytes (DER); raises ``NotCertificates``."""
    from asn1crypto import crl

    try:
        found = crl.CertificateList.load(data, strict=True)
        _ = found.native
    except (ValueError, TypeError) as error:
        raise NotCertificates("this is no revocation list in DER") from error
    return found


def name_of(subject: Any) -> str:
    """Return who an X.509 name stands for: the common name and the organisation, as far as it has them."""
    held = subject.native
    parts = [held.get(key) for key in ("common_name", "organization_name")]
    return ", ".join(str(part) for part in parts if part) or subject.human_friendly
