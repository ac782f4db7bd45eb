"""Keys: a test authority, keys that it certified for any time, and files to open them from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from appraisal.records.signing.signer import Signer, open_signer
from appraisal.records.signing.throwaway_authority import TestAuthority, make_test_authority
from appraisal.settings import SigningKey
from appraisal.verification.reading.signatures import Grounds

NOW = datetime(2010, 3, 1, 9, 0, tzinfo=UTC)
PASSWORD = "sesame"
# Nobody is trusted.
GROUNDS = Grounds(NOW)


@dataclass(frozen=True, slots=True)
class Keyring:
    """A key with the authority that certified it."""

    folder: Path
    authority: bytes
    revocations: bytes

    def key(self, *, timestamps: str = "", long_term: bool = False) -> SigningKey:
        """Return the setting that signs with the key."""
        return SigningKey(
            file=self.folder / "signer.p12",
            password=PASSWORD,
            timestamps=timestamps,
            revocations=(self.folder / "authority.crl",) if long_term else (),
            trust=(self.folder / "authority.pem",),
        )

    def signer(self, *, timestamps: str = "", long_term: bool = False) -> Signer:
        """Open the key."""
        return open_signer(self.key(timestamps=timestamps, long_term=long_term))

    def grounds(self, now: datetime = NOW) -> Grounds:
        """Return what trusts the authority."""
        return Grounds(now, (self.authority,))


def make_keyring(folder: Path, since: int = 2000, until: int = 2040) -> Keyring:
    """Make a key that is valid from the beginning of one year to that of another."""
    made = make_test_authority(
        "Example", PASSWORD, datetime(since, 1, 1, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC), NOW
    )
    return keep_keyring(folder, made)


def keep_keyring(folder: Path, made: TestAuthority) -> Keyring:
    """Put what was made into files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signer.p12").write_bytes(made.key)
    (folder / "authority.pem").write_bytes(made.certificate)
    (folder / "authority.crl").write_bytes(made.revocations)
    return Keyring(folder, made.certificate, made.revocations)


@contextmanager
def time_authority() -> Iterator[tuple[str, bytes]]:
    """Serve RFC 3161 on this machine, always at ``NOW``; yield the address and the certificate (PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST ONLY - time")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(key, hashes.SHA256())
    )
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER)),
        PrivateKeyInfo.load(der),
        fixed_dt=NOW,
    )

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            answer = stamper.request_tsa_response(asked).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", certificate.public_bytes(Encoding.PEM)
        finally:
            server.shutdown()
            thread.join()
