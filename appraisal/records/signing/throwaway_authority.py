"""A throwaway authority issues one certificate for demonstrations and tests, and is forgotten.

What it makes says that it is for tests wherever a name is shown, so that nobody takes it for more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

NAME = "TEST ONLY"


@dataclass(frozen=True, slots=True)
class TestAuthority:
    """What is left of a test authority: its certificate (PEM), a key it certified, and its empty list.

    ``key`` is PKCS#12 (DER), ``revocations`` an X.509 revocation list (DER). Its own key is kept nowhere.
    """

    certificate: bytes
    key: bytes
    revocations: bytes


def make_test_authority(
    organisation: str, password: str, since: datetime, until: datetime, now: datetime
) -> TestAuthority:
    """Make an authority whose certificates are valid between two moments (to the second).

    The keys are of the curve P-256; the revocation list is as of ``now`` and good until the end.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        pkcs12,
    )
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, text),
            ]
        )

    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = name(f"{NAME} - authority of {organisation}"[:64])
    signs_only = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )

    def certificate(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, *, issues: bool
    ) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=not issues,
            content_commitment=not issues,
            key_cert_sign=issues,
            crl_sign=issues,
            **signs_only,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=issues, path_length=0 if issues else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
            )
            .sign(root, hashes.SHA256())
        )

    authority = certificate(issuer, root.public_key(), issues=True)
    signer = certificate(name(f"{NAME} - {organisation}"[:64]), key.public_key(), issues=False)
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(min(max(since, now - timedelta(minutes=1)), until))
        .next_update(until)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
        .sign(root, hashes.SHA256())
    )
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return TestAuthority(
        certificate=authority.public_bytes(Encoding.PEM),
        key=pkcs12.serialize_key_and_certificates(NAME.encode(), key, signer, [authority], protection),
        revocations=revoked.public_bytes(Encoding.DER),
    )
