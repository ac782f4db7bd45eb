"""Tokens: a key that never leaves its token signs as one from a file does."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from appraisal.records.signing.signer import Unsignable, open_signer
from appraisal.settings import read_settings
from appraisal.verification.reading.signatures import examine_text
from tests.keys import NOW, PASSWORD, Keyring, make_keyring

MODULES = [
    *Path("/usr/lib").glob("**/softhsm/libsofthsm2.so"),
    *Path("/usr/local/lib").glob("softhsm/libsofthsm2.so"),
]
PIN = "1234"

pytestmark = pytest.mark.skipif(
    not MODULES or shutil.which("softhsm2-util") is None, reason="SoftHSM is not installed"
)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a tool of the machine


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return make_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def token(ring: Keyring) -> Iterator[str]:
    """A token in a folder, which holds the key of the ring; yield what names it in the settings."""
    folder = ring.folder / "tokens"
    folder.mkdir()
    (ring.folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}\n")
    key, certificate, _ = pkcs12.load_key_and_certificates(
        (ring.folder / "signer.p12").read_bytes(), PASSWORD.encode()
    )
    assert key is not None
    assert certificate is not None
    file = ring.folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(ring.folder / "softhsm2.conf"))
        _run(
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "records",
            "--pin",
            PIN,
            "--so-pin",
            "12345678",
        )
        named = ("--token", "records", "--label", "signer", "--id", "01", "--pin", PIN)
        _run("softhsm2-util", "--import", str(file), *named)
        _put_certificate(certificate.public_bytes(Encoding.DER))
        yield f"pkcs11:token=records;object=signer?module-path={MODULES[0]}"


def _put_certificate(der: bytes) -> None:
    import pkcs11
    from pkcs11.util.x509 import decode_x509_certificate

    library = pkcs11.lib(str(MODULES[0]))
    with library.get_token(token_label="records").open(user_pin=PIN, rw=True) as session:
        named = {pkcs11.Attribute.LABEL: "signer", pkcs11.Attribute.TOKEN: True}
        session.create_object({**decode_x509_certificate(der), **named})


def test_a_key_on_a_token_signs(ring: Keyring, token: str, tmp_path: Path) -> None:
    given = {"APPRAISAL_SIGNER": token, "APPRAISAL_SIGNER_PASSWORD": PIN}
    key = read_settings(given, data=tmp_path).signer
    assert key is not None
    with open_signer(key) as signer:
        assert signer.fingerprint == ring.signer().fingerprint
        signature = signer.sign_text(b"checkpoint", NOW)
    found = examine_text(b"checkpoint", signature, ring.grounds())
    assert (found.problems, found.trust) == ((), "trusted")


def test_what_is_wrong_with_a_token_is_named(token: str, tmp_path: Path) -> None:
    for text, pin, said in (
        (token, "9999", "the token records: PinIncorrect"),
        (token.replace("token=records", "token=other"), PIN, "the token other: "),
        (token.replace("object=signer", "object=none"), PIN, "the token records: "),
        (token.split("?")[0] + "?module-path=/nowhere.so", PIN, "the token records: "),
    ):
        key = read_settings(
            {"APPRAISAL_SIGNER": text, "APPRAISAL_SIGNER_PASSWORD": pin}, data=tmp_path
        ).signer
        assert key is not None
        with pytest.raises(Unsignable, match=said):
            open_signer(key)
