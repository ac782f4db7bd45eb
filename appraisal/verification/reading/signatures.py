"""The signature of a file, or of some text, is examined here for what it is worth.

A signature counts only if there is exactly one, if it covers the whole file and allows no change, and if
every byte of what holds it is as the standards have it (ETSI EN 319 142-1, RFC 5652): what lies between the
parts that are signed could be altered unseen otherwise. Nothing is fetched.
"""

import asyncio
import base64
import hashlib
import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from appraisal.clock import parse_stamp, stamp
from appraisal.records.signing.certificates import name_of, read_certificates

Problem = Literal[
    "several",
    "kind",
    "altered",
    "appended",
    "invalid",
    "padding",
    "encoding",
    "permissions",
    "time_stamp",
    "broken",
]
Trust = Literal["trusted", "unasked", "unknown", "revoked", "unfit", "expired", "not_yet", "expired_since"]
# It logs every fault that it names to its caller as well.
for name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Signature:
    """What was found out about a signature.

    ``problems`` is empty where it is whole. ``signed_at`` is the moment that the signer states, and
    ``stamped_at`` the one that a trusted authority vouches for, or empty; all moments are ISO 8601.
    ``stamper`` names who made a time stamp, trusted or not.
    """

    problems: tuple[Problem, ...]
    trust: Trust = "unasked"
    subject: str = ""
    fingerprint: str = ""
    not_before: str = ""
    not_after: str = ""
    signed_at: str = ""
    stamped_at: str = ""
    stamper: str = ""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a signature is judged by: the moment, certificates of authorities, and revocation lists (DER)."""

    now: datetime
    trust: tuple[bytes, ...] = ()
    revocations: tuple[bytes, ...] = ()

    def dump(self) -> bytes:
        """Write the grounds as one line of JSON."""
        lists = {
            key: [base64.b64encode(entry).decode() for entry in getattr(self, key)]
            for key in ("trust", "revocations")
        }
        return json.dumps({"now": stamp(self.now), **lists}).encode()


def load_grounds(line: bytes) -> Grounds:
    """Read back what ``Grounds.dump`` wrote."""
    held = json.loads(line)
    trust, revocations = (
        tuple(base64.b64decode(entry) for entry in held[key]) for key in ("trust", "revocations")
    )
    return Grounds(parse_stamp(held["now"]), trust, revocations)


def prepare() -> None:
    """Load what examines signatures, which takes as long as reading a file does."""
    import pyhanko.pdf_utils.reader
    import pyhanko.sign.validation  # noqa: F401


def examine_pdf(data: bytes, grounds: Grounds) -> Signature | None:
    """Examine the signature of a PDF; None where it has none.

    Revocation lists in the file itself count beside those given.
    """
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(io.BytesIO(data), strict=True)
        found = list(reader.embedded_signatures)
        return asyncio.run(_of_pdf(data, reader, found, grounds)) if found else None
    except MemoryError:
        raise
    # What a hostile signature raises is of many kinds; to whoever relies on it, one is as good as the other.
    except Exception:
        return Signature(("broken",))


def examine_text(text: bytes, signature: bytes, grounds: Grounds) -> Signature:
    """Examine a detached CMS signature (DER) over some bytes."""
    try:
        return asyncio.run(_of_text(text, signature, grounds))
    except MemoryError:
        raise
    except Exception:
        return Signature(("broken",))


async def _of_pdf(data: bytes, reader: Any, found: list[Any], grounds: Grounds) -> Signature:
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation import async_validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    if len(found) > 1:
        return Signature(("several",))
    [signature] = found

    async def check(context: Any) -> Any:
        return await async_validate_pdf_signature(signature, context, skip_diff=True)

    status, trust = await _judged(check, grounds, list(_embedded_lists(reader)))
    problems: list[Problem] = []
    if signature.sig_object.get("/SubFilter") != "/ETSI.CAdES.detached":
        problems.append("kind")
    if not status.intact:
        problems.append("altered")
    elif status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        problems.append("appended")
    if signature.docmdp_level != MDPPerm.NO_CHANGES:
        problems.append("permissions")
    container = bytes(signature.pkcs7_content)
    held = signature.signed_data
    problems += _gap_problems(data, [int(number) for number in signature.byte_range], container)
    problems += _container_problems(container, held)
    return _described(held, status, trust, problems)


async def _of_text(text: bytes, signature: bytes, grounds: Grounds) -> Signature:
    from asn1crypto import cms
    from pyhanko.sign.validation.generic_cms import async_validate_detached_cms

    held = cms.ContentInfo.load(signature, strict=True)["content"]

    async def check(context: Any) -> Any:
        return await async_validate_detached_cms(text, held, context)

    status, trust = await _judged(check, grounds, [])
    problems: list[Problem] = [] if status.intact else ["altered"]
    problems += _container_problems(signature, held)
    return _described(held, status, trust, problems)


async def _judged(
    check: Callable[[Any], Awaitable[Any]], grounds: Grounds, lists: list[bytes]
) -> tuple[Any, Trust]:
    """Validate, and judge whether the certificate is to be trusted, as of the moment that is proven.

    That is the one of a trusted time stamp, else the present one. A certificate that has expired since is
    looked at as of the moment that the signer states, which nothing proves.
    """
    status = await check(_context(grounds, lists, grounds.now))
    stamped = _trusted_stamp(status)
    since, until = _validity(status.signing_cert)
    stated = stamped or status.signer_reported_dt
    if stated is None or stated > until:
        return status, "expired" if grounds.trust else "unasked"
    if stated < since:
        return status, "not_yet" if grounds.trust else "unasked"
    if not grounds.trust:
        return status, "unasked"
    if stamped or grounds.now > until:
        status = await check(_context(grounds, lists, stated))
    if not _is_trusted(status):
        return status, _named(status)
    return status, "trusted" if stamped or grounds.now <= until else "expired_since"


def _context(grounds: Grounds, lists: list[bytes], moment: datetime) -> Any:
    from pyhanko_certvalidator import ValidationContext

    return ValidationContext(
        trust_roots=[entry for pem in grounds.trust for entry in read_certificates(pem)],
        crls=[*grounds.revocations, *lists],
        moment=moment,
        allow_fetching=False,
        # Lists grow old, and what they said stays true; a revocation that one names counts in any case.
        retroactive_revinfo=True,
        revocation_mode="soft-fail",
    )


def _is_trusted(status: Any) -> bool:
    """Tell whether a trusted authority issued the certificate, whatever was done to what it signed."""
    found = status.validation_path is not None and status.trust_problem_indic is None
    return bool(status.valid and found)


def _named(status: Any) -> Trust:
    kind = getattr(status.trust_problem_indic, "name", "")
    if kind.startswith("REVOKED"):
        return "revoked"
    return "unknown" if kind == "NO_CERTIFICATE_CHAIN_FOUND" else "unfit"


def _trusted_stamp(status: Any) -> datetime | None:
    found = status.timestamp_validity
    whole = found is not None and found.intact and found.valid and found.trusted
    moment: datetime | None = found.timestamp if whole else None
    return moment


def _validity(certificate: Any) -> tuple[datetime, datetime]:
    stated = certificate["tbs_certificate"]["validity"]
    return stated["not_before"].native, stated["not_after"].native


def _described(held: Any, status: Any, trust: Trust, problems: list[Problem]) -> Signature:
    if status.intact and not status.valid:
        problems.append("invalid")
    found = status.timestamp_validity
    if found is not None and not (found.intact and found.valid):
        problems.append("time_stamp")
    certificate = status.signing_cert
    since, until = _validity(certificate)
    stamped, stated = _trusted_stamp(status), status.signer_reported_dt
    return Signature(
        problems=tuple(dict.fromkeys(problems)),
        trust=trust,
        subject=name_of(certificate.subject),
        fingerprint=hashlib.sha256(certificate.dump()).hexdigest(),
        not_before=stamp(since),
        not_after=stamp(until),
        signed_at=stamp(stated) if stated else "",
        stamped_at=stamp(stamped) if stamped else "",
        stamper=name_of(found.signing_cert.subject) if found is not None else "",
    )


def _embedded_lists(reader: Any) -> Iterator[bytes]:
    """Yield the revocation lists that the file brings along (ETSI EN 319 142-1, 5.4.2)."""
    # Asking for a key that is there follows the reference; asking with a default does not.
    held = reader.root["/DSS"] if "/DSS" in reader.root else {}  # noqa: SIM401
    if "/CRLs" in held:
        yield from (stream.get_object().data for stream in held["/CRLs"])


def _gap_problems(data: bytes, covered: Sequence[int], container: bytes) -> Iterator[Problem]:
    """Yield what is wrong with the part of a file that its signature leaves out.

    It holds nothing but the signature, in hexadecimal, and zeros up to the room that was kept for it.
    """
    first, before, after, _ = covered
    gap = data[before:after]
    length = _length(container)
    if first != 0 or gap != b"<" + gap[1:-1].upper() + b">" or bytes.fromhex(gap[1:-1].decode()) != container:
        yield "encoding"
    if container[length:].strip(b"\0"):
        yield "padding"


def _length(container: bytes) -> int:
    from asn1crypto import parser

    _, _, _, header, content, trailer = parser.parse(container)
    return len(header) + len(content) + len(trailer)


def _container_problems(container: bytes, held: Any) -> Iterator[Problem]:
    """Yield what is wrong with a container where its signature does not reach."""
    from asn1crypto import cms

    again = cms.ContentInfo.load(container[: _length(container)])
    # Forces every part to be read and written anew.
    _ = again.native
    _settle(again)
    if again.dump(force=True) != container[: _length(container)]:
        yield "encoding"
        return
    if any(_container_faults(held)):
        yield "encoding"


def _settle(part: Any) -> None:
    """Have a part and all in it taken for what was read.

    asn1crypto counts a default that it filled in as a change, and writes all around it twice for every level
    between: a signature of a kilobyte takes a hundred times as long.
    """
    from asn1crypto import core

    match part:
        case core.Choice():
            _settle(part.chosen)
        case core.Sequence() | core.SequenceOf():
            part._mutated = False
            for child in part.children or ():
                _settle(child)
        case core.Any() | core.ParsableOctetString() if part._parsed:
            _settle(part._parsed[0])


def _container_faults(held: Any) -> Iterable[bool]:
    [info] = held["signer_infos"]
    [digest] = held["digest_algorithms"]
    certificates = [entry.chosen for entry in held["certificates"]]
    identified = info["sid"].chosen
    named = [
        entry
        for entry in certificates
        if info["sid"].name == "issuer_and_serial_number"
        and entry.issuer == identified["issuer"]
        and entry.serial_number == identified["serial_number"].native
    ]
    yield held["version"].native != "v1"
    yield info["version"].native != "v1"
    yield digest.dump() != info["digest_algorithm"].dump()
    yield len(named) != 1
