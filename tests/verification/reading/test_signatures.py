"""Signatures: what is whole holds, and what was done to a signed file is named."""

import io
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import page
import pytest
from pypdf import PdfReader

from appraisal import canonical
from appraisal.records.signing.signer import Unsignable, open_signer
from appraisal.records.signing.throwaway_authority import make_test_authority
from appraisal.settings import SigningKey
from appraisal.verification.reading.record_pdf import Unreadable, read
from appraisal.verification.reading.signatures import Grounds, Signature, examine_pdf, examine_text
from tests.keys import NOW, PASSWORD, Keyring, keep_keyring, make_keyring, time_authority
from tests.printing.samples import Print, Sample

CHANGES = 300


@pytest.fixture(scope="module")
def plain(sample: Sample, printed: Print) -> bytes:
    return printed(sample.approval(), "es")


@pytest.fixture(scope="module")
def signed(plain: bytes, ring: Keyring) -> bytes:
    return ring.signer().sign_pdf(plain, NOW)


def examined(data: bytes, grounds: Grounds) -> Signature:
    found = examine_pdf(data, grounds)
    assert found is not None
    return found


def gap(data: bytes) -> tuple[int, int]:
    """Return where the hexadecimal of the signature begins and ends."""
    begin = data.rindex(b"/Contents <") + len(b"/Contents <")
    return begin, data.index(b">", begin)


def changed(data: bytes, place: int, letter: int) -> bytes:
    copy = bytearray(data)
    copy[place] = letter
    return bytes(copy)


def embedded_lists(data: bytes) -> list[bytes]:
    """Return the revocation lists that stand in the file."""
    root = PdfReader(io.BytesIO(data), strict=True).root_object
    return [held.get_object().get_data() for held in root["/DSS"]["/CRLs"]]  # type: ignore[index]


@pytest.mark.thorough
def test_a_signature_is_appended_and_leaves_the_record_as_it_was(
    plain: bytes, signed: bytes, ring: Keyring, sample: Sample
) -> None:
    assert signed.startswith(plain)
    found = read(signed, ring.grounds(), pages=0)
    assert found.record == canonical.canonical(sample.approval())
    assert (found.ends, found.is_appended, found.others) == (2, False, ())
    assert found.signature == Signature(
        problems=(),
        trust="trusted",
        subject="TEST ONLY - Example, Example",
        fingerprint=ring.signer().fingerprint,
        not_before="2000-01-01T00:00:00.000000Z",
        not_after="2040-01-01T00:00:00.000000Z",
        signed_at="2010-03-01T09:00:00.000000Z",
    )
    assert read(plain, ring.grounds(), pages=0).signature is None


@pytest.mark.parametrize("long_term", [False, True])
@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_a_signed_file_keeps_to_both_standards(
    plain: bytes, ring: Keyring, profile: str, long_term: bool
) -> None:
    data = ring.signer(long_term=long_term).sign_pdf(plain, NOW)
    report = page.validate_pdf_bytes(data, profile=profile)
    assert [str(failure) for failure in report.failures] == []
    assert report.is_compliant


def test_what_is_embedded_may_end_with_a_carriage_return(plain: bytes, tmp_path: Path) -> None:
    """Before the line feed that ends a stream it would look like a part of the line end."""
    since, until = datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    made = make_test_authority("Example", "", since, until, NOW)
    while not made.revocations.endswith(b"\r"):
        made = make_test_authority("Example", "", since, until, NOW)
    ring = keep_keyring(tmp_path, made)
    with open_signer(replace(ring.key(long_term=True), password="")) as signer:
        data = signer.sign_pdf(plain, NOW)
    assert [str(failure) for failure in page.validate_pdf_bytes(data, profile="3a").failures] == []
    assert embedded_lists(data) == [made.revocations]
    assert data.startswith(plain)
    found = examined(data, ring.grounds())
    assert (found.problems, found.trust) == ((), "trusted")


def test_who_signed_counts_only_by_an_authority_that_is_trusted(signed: bytes, tmp_path: Path) -> None:
    nobody = examined(signed, Grounds(NOW))
    assert (nobody.problems, nobody.trust) == ((), "unasked")
    other = make_keyring(tmp_path)
    assert examined(signed, other.grounds()).trust == "unknown"


@pytest.mark.thorough
def test_certificates_are_judged_by_the_time_of_signing(plain: bytes, tmp_path: Path) -> None:
    short = make_keyring(tmp_path, since=2009, until=2011)
    signer = short.signer()
    in_time = signer.sign_pdf(plain, NOW)
    assert examined(in_time, short.grounds(NOW)).trust == "trusted"
    # Nothing proves that it was signed while the certificate was valid.
    assert examined(in_time, short.grounds(datetime(2012, 1, 1, tzinfo=UTC))).trust == "expired_since"
    for moment, trust in ((2012, "expired"), (2008, "not_yet")):
        at = datetime(moment, 1, 1, tzinfo=UTC)
        with pytest.raises(Unsignable, match=r"expired on|not valid before"):
            signer.sign_pdf(plain, at)
        # Whoever signs by other means does not ask.
        signer.not_before, signer.not_after = (
            datetime(1990, 1, 1, tzinfo=UTC),
            datetime(2050, 1, 1, tzinfo=UTC),
        )
        assert examined(signer.sign_pdf(plain, at), short.grounds(at)).trust == trust
        signer = short.signer()


@pytest.mark.thorough
def test_a_trusted_time_stamp_outlives_the_certificate(plain: bytes, tmp_path: Path) -> None:
    short = make_keyring(tmp_path, since=2009, until=2011)
    later = datetime(2020, 1, 1, tzinfo=UTC)
    with time_authority() as (address, certificate):
        stamped = short.signer(timestamps=address).sign_pdf(plain, NOW)
        text = short.signer(timestamps=address).sign_text(b"a text", NOW)
    both = Grounds(later, (short.authority, certificate))
    found = examined(stamped, both)
    assert (found.problems, found.trust) == ((), "trusted")
    assert found.stamped_at == "2010-03-01T09:00:00.000000Z"
    assert found.stamper == "TEST ONLY - time"
    unknown = examined(stamped, short.grounds(later))
    assert (unknown.trust, unknown.stamped_at, unknown.stamper) == ("expired_since", "", found.stamper)
    assert examine_text(b"a text", text, both).trust == "trusted"
    with pytest.raises(Unsignable, match="timestamp"):
        short.signer(timestamps=address).sign_pdf(plain, NOW)


def test_revocation_lists_are_embedded_with_the_signature(plain: bytes, ring: Keyring) -> None:
    data = ring.signer(long_term=True).sign_pdf(plain, NOW)
    assert embedded_lists(data) == [ring.revocations]
    assert examined(data, ring.grounds()).trust == "trusted"
    assert read(data, ring.grounds(), pages=0).ends == 2


def test_what_was_done_to_a_signed_file_is_named(plain: bytes, signed: bytes, ring: Keyring) -> None:
    grounds = ring.grounds()
    begin, end = gap(signed)
    letter = signed.index(b"stream", 2000) + 20
    for data, problems in (
        (changed(signed, letter, signed[letter] ^ 1), ("altered",)),
        (signed + b"\n", ("appended",)),
        (signed + signed[len(plain) :].split(b"startxref")[0], ("broken",)),
        (changed(signed, end - 1, ord("1")), ("padding",)),
        (signed[:begin] + signed[begin:end].lower() + signed[end:], ("encoding",)),
    ):
        assert examined(data, grounds).problems == problems, problems
    assert examine_pdf(plain, grounds) is None


@pytest.mark.thorough
def test_no_single_byte_of_a_signed_file_changes_unnoticed(signed: bytes, ring: Keyring) -> None:
    dice = random.Random(4)  # noqa: S311 - the same places in each run
    grounds = ring.grounds()
    begin, end = gap(signed)
    # Most of a file is its fonts and pages: as many again in the signature, and in what else was appended.
    tail = range(signed.index(b"%%EOF") + 6, len(signed))
    places = [dice.randrange(len(signed)) for _ in range(CHANGES // 3)]
    places += [dice.randrange(begin - 1, end + 1) for _ in range(CHANGES // 3)]
    places += [dice.choice(tail) for _ in range(CHANGES // 3)]
    seen: Counter[str] = Counter()
    for place in places:
        data = changed(signed, place, signed[place] ^ dice.randrange(1, 256))
        try:
            found = read(data, grounds, pages=0)
        except Unreadable as error:
            seen[error.reason] += 1
            continue
        sound = found.signature is not None and found.signature.problems == () and not found.is_appended
        assert not sound, place
        seen["named"] += 1
    assert sum(seen.values()) == CHANGES
    assert seen["named"] > CHANGES // 2


@pytest.mark.thorough
def test_a_text_is_signed_beside_it(ring: Keyring) -> None:
    signature = ring.signer().sign_text(b"checkpoint", NOW)
    found = examine_text(b"checkpoint", signature, ring.grounds())
    assert (found.problems, found.trust, found.fingerprint) == ((), "trusted", ring.signer().fingerprint)
    assert examine_text(b"checkpoinT", signature, ring.grounds()).problems == ("altered",)
    assert examine_text(b"checkpoint", b"nonsense", ring.grounds()).problems == ("broken",)
    for place in range(0, len(signature), 3):
        data = changed(signature, place, signature[place] ^ 1)
        assert examine_text(b"checkpoint", data, ring.grounds()).problems, place


def test_a_key_that_cannot_be_opened_is_named(tmp_path: Path, ring: Keyring) -> None:
    with pytest.raises(Unsignable, match="No such file"):
        open_signer(SigningKey(file=tmp_path / "none.p12"))
    with pytest.raises(Unsignable, match="cannot be opened with the password given"):
        open_signer(SigningKey(file=ring.folder / "signer.p12", password=PASSWORD + "!"))
    (tmp_path / "text.p12").write_text("no key")
    with pytest.raises(Unsignable, match="cannot be opened"):
        open_signer(SigningKey(file=tmp_path / "text.p12"))
    assert PASSWORD not in repr(ring.key())
