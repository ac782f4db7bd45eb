"""The organisation's key puts a PAdES signature under a file, or a plain CMS one beside some text.

The key comes from a PKCS#12 file or a PKCS#11 token. A signed file is the unsigned one, byte for byte, and
one update that holds the signature and, where revocation lists are given, what is needed to check it years
later (ETSI EN 319 142-1, levels B-B, B-T with a time stamp, B-LT with revocation lists as well).
"""

import asyncio
import hashlib
import io
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self

from appraisal.errors import AppraisalError
from appraisal.records.signing.certificates import name_of, read_certificates
from appraisal.settings import SigningKey, Token

FIELD = "Record"
_ALGORITHM = "sha256"
_PATIENCE = 10
# It warns that it will fetch nothing, which is what it was told.
logging.getLogger("pyhanko.sign").setLevel(logging.ERROR)


class Unsignable(AppraisalError):
    """Nothing can be signed with the key that the settings name; the message says why."""


class Signer:
    """Signs with one key; ``certificate`` is the DER of its certificate."""

    def __init__(self, cms: Any, key: SigningKey, session: Any = None) -> None:
        self._cms = cms
        self._key = key
        # Of a token: kept open as long as anything is to be signed.
        self._session = session
        self.certificate: bytes = cms.signing_cert.dump()
        self.fingerprint = hashlib.sha256(self.certificate).hexdigest()
        self.subject = name_of(cms.signing_cert.subject)
        validity = cms.signing_cert["tbs_certificate"]["validity"]
        self.not_before: datetime = validity["not_before"].native.astimezone(UTC)
        self.not_after: datetime = validity["not_after"].native.astimezone(UTC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the token, if the key is on one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def check_time(self, now: datetime) -> None:
        """Raise ``Unsignable`` at a moment at which the certificate is not valid."""
        if now < self.not_before:
            raise Unsignable(f"the certificate of {self.subject} is not valid before {self.not_before}")
        if now > self.not_after:
            raise Unsignable(f"the certificate of {self.subject} expired on {self.not_after}")

    def sign_pdf(self, pdf: bytes, now: datetime) -> bytes:
        """Return a file with the signature appended; the given bytes stand at its beginning unchanged.

        Raises ``Unsignable`` where the certificate is not valid now, the time stamp cannot be had, or the
        certificate was revoked.
        """
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

        self.check_time(now)

        class Update(IncrementalPdfFileWriter):
            def _update_meta(self) -> None:
                """Leave the metadata as they are: rewritten, they would no longer be those of an archive."""

            def ensure_output_version(self, version: Any) -> None:
                """Leave the version as it is: PDF/A-3 is of PDF 1.7."""

        output = _PlainlyEnded()
        try:
            self._pdf_signer(now).sign_pdf(Update(io.BytesIO(pdf), strict=True), output=output)
        # What goes wrong is of many kinds: of the token, of the network, of the time stamping authority.
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            raise Unsignable(f"{type(error).__name__}: {error}") from error
        return output.getvalue()

    def sign_text(self, text: bytes, now: datetime) -> bytes:
        """Return a detached CMS signature (RFC 5652, DER) over some bytes; raises ``Unsignable``."""
        from asn1crypto import cms
        from pyhanko.sign.signers.pdf_cms import CMSSignedAttributes

        self.check_time(now)
        try:
            signed: cms.ContentInfo = asyncio.run(
                self._cms.async_sign_general_data(
                    text,
                    _ALGORITHM,
                    detached=True,
                    use_cades=True,
                    timestamper=self._timestamper(),
                    signed_attr_settings=CMSSignedAttributes(signing_time=now),
                )
            )
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            raise Unsignable(f"{type(error).__name__}: {error}") from error
        return bytes(signed.dump())

    def _pdf_signer(self, now: datetime) -> Any:
        from pyhanko.sign import fields
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
        from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference

        class TimedSigner(PdfSigner):
            def init_signing_session(self, *given: Any, **named: Any) -> Any:
                """Begin signing at the moment given, not at one that the library takes from the clock."""
                session = super().init_signing_session(*given, **named)
                session.system_time = now
                return session

        described = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm=_ALGORITHM,
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
            **self._long_term(now, DSSContentSettings, SigDSSPlacementPreference),
        )
        # A field on the page, even an invisible one, would have to be tagged.
        field = fields.SigFieldSpec(
            FIELD,
            readable_field_name="Signature of the record",
            invis_sig_settings=fields.InvisSigSettings(box_out_of_bounds=True),
        )
        return TimedSigner(described, self._cms, timestamper=self._timestamper(), new_field_spec=field)

    def _long_term(self, now: datetime, contents: Any, placements: Any) -> dict[str, Any]:
        """Return what has the revocation lists embedded, in the same update as the signature."""
        if not self._key.revocations:
            return {}
        from pyhanko_certvalidator import ValidationContext

        context = ValidationContext(
            trust_roots=_certificates([file.read_bytes() for file in self._key.trust]),
            crls=[file.read_bytes() for file in self._key.revocations],
            moment=now,
            allow_fetching=False,
            revocation_mode="hard-fail",
        )
        placed = contents(include_vri=False, placement=placements.TOGETHER_WITH_SIGNATURE)
        return {"embed_validation_info": True, "validation_context": context, "dss_settings": placed}

    def _timestamper(self) -> Any:
        if not self._key.timestamps:
            return None
        from pyhanko.sign.timestamps import HTTPTimeStamper

        return HTTPTimeStamper(self._key.timestamps, timeout=_PATIENCE)


class _PlainlyEnded(io.BytesIO):
    """A file whose streams end so that their last byte is not taken for a part of the line end.

    What is embedded, and the table of objects, may end with a carriage return, as ``printing.archival`` says
    of our own streams; pyHanko writes the line feed that follows with the word that ends a stream.
    """

    def write(self, data: Any, /) -> int:
        if data == b"\nendstream" and self.tell() and self._byte_before() == b"\r":
            super().write(b"\r")
        return super().write(data)

    def _byte_before(self) -> bytes:
        self.seek(-1, io.SEEK_CUR)
        return self.read(1)


def open_signer(key: SigningKey) -> Signer:
    """Open the key that the settings name; raises ``Unsignable``."""
    if key.token is not None:
        return _from_token(key, key.token)
    assert key.file is not None
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    try:
        found = SimpleSigner.load_pkcs12_data(
            key.file.read_bytes(), other_certs=[], passphrase=key.password.encode() or None
        )
    except OSError as error:
        raise Unsignable(f"{key.file}: {error.strerror}") from error
    except Exception as error:
        raise Unsignable(f"{key.file}: it cannot be opened with the password given") from error
    if found is None or found.signing_cert is None:
        raise Unsignable(f"{key.file}: it cannot be opened with the password given")
    # An authority's own certificate proves nothing that whoever trusts it does not have already.
    between = [entry for entry in found.cert_registry if entry.subject != entry.issuer]
    return Signer(
        SimpleSigner(
            signing_cert=found.signing_cert,
            signing_key=found.signing_key,
            cert_registry=SimpleCertificateStore.from_certs(between),  # type: ignore[no-untyped-call]
        ),
        key,
    )


def _from_token(key: SigningKey, token: Token) -> Signer:
    try:
        from pyhanko.config.pkcs11 import TokenCriteria
        from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
    except ImportError as error:
        raise Unsignable("a key on a token needs the packages of appraisal[token]") from error
    session = None
    try:
        session = open_pkcs11_session(
            str(token.module), token_criteria=TokenCriteria(label=token.label), user_pin=key.password or None
        )
        # Hashed here: many tokens sign digests only.
        found = PKCS11Signer(session, cert_label=token.object, key_label=token.object, use_raw_mechanism=True)
        return Signer(found, key, session)
    except Exception as error:
        if session is not None:
            # Left open, it would keep the token to itself.
            session.close()
        raise Unsignable(f"the token {token.label}: {type(error).__name__} {error}".rstrip()) from error


def _certificates(pems: Sequence[bytes]) -> list[Any]:
    return [entry for pem in pems for entry in read_certificates(pem)]
