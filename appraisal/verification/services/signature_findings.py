"""Findings say what the signature of a file is worth, and the certificate behind it."""

from collections.abc import Iterator, Mapping
from typing import Any

from appraisal.language.texts import N_
from appraisal.verification.reading.signatures import Problem, Signature, Trust
from appraisal.vocabulary.findings import Finding, Said, fails, holds, judged, unchecked

_PROBLEMS: Mapping[Problem, str] = {
    "several": N_("The file carries several signatures; that of a record has exactly one."),
    "kind": N_("The signature is not of the kind that records carry (PAdES)."),
    "altered": N_("The file was altered after it was signed."),
    "appended": N_("Something was appended to the file after it was signed."),
    "invalid": N_("The signature was not made with the key of the certificate that it names."),
    "padding": N_("What follows the signature in the room kept for it is not all zeros: it was altered."),
    "encoding": N_("The signature is not written as it has to be: something around it was altered."),
    "permissions": N_("The signature allows the file to be changed, which that of a record does not."),
    "time_stamp": N_("The time stamp is not of this signature, or is broken."),
    "broken": N_("The signature cannot be read: it was altered or is damaged."),
}
_DISTRUST: Mapping[Trust, str] = {
    "unknown": N_("No authority that is trusted here issued the certificate of %(subject)s."),
    "revoked": N_("The certificate of %(subject)s was revoked."),
    "unfit": N_(
        "The certificate of %(subject)s is not one that may sign records, or its issuer's is not valid."
    ),
    "expired": N_("The certificate of %(subject)s had expired on %(until)s when it was used, on %(signed)s."),
    "not_yet": N_(
        "The certificate of %(subject)s was used on %(signed)s, before it became valid on %(since)s."
    ),
}


def findings(signature: Signature | None, *, is_expected: bool) -> list[Finding]:
    """Say of the signature of a file whether it is there, whole, and by whom; under two checks."""
    if signature is None:
        return [_missing(is_expected=is_expected)]
    found = judged(
        "signature",
        _problems(signature, is_expected=is_expected),
        N_("The file carries one signature, which covers all of it and allows no change."),
    )
    # Whoever made it without the key of a certificate is not the one whom that names.
    is_named = signature.subject and "invalid" not in signature.problems
    return [*found, *_signer(signature)] if is_named else found


def vouches(signature: Signature | None) -> bool:
    """Tell whether a signature vouches for the pages of its file, by a certificate that is trusted."""
    return signature is not None and not signature.problems and signature.trust == "trusted"


def is_whole(signature: Signature | None) -> bool:
    """Tell whether there is a signature and nothing about it was altered, whoever made it."""
    return signature is not None and not signature.problems


def _missing(*, is_expected: bool) -> Finding:
    if is_expected:
        return fails(
            "signature",
            N_("The record says that its file is signed, but the signature is missing: it was cut off."),
        )
    return unchecked("signature", N_("The file is not signed, and its record says that it would not be."))


def _problems(signature: Signature, *, is_expected: bool) -> Iterator[Said]:
    for problem in signature.problems:
        yield _PROBLEMS[problem], {}
    if not is_expected:
        yield N_("The file is signed, but its record says that it would not be."), {}


def _signer(signature: Signature) -> Iterator[Finding]:
    facts: dict[str, Any] = {
        "subject": signature.subject,
        "fingerprint": signature.fingerprint,
        "since": _day(signature.not_before),
        "until": _day(signature.not_after),
        "signed": _day(signature.stamped_at or signature.signed_at),
    }
    if signature.problems:
        yield unchecked(
            "signer",
            N_(
                "The certificate names %(subject)s, but the signature does not hold: it says nothing of anybody."
            ),
            **_only(facts, "subject"),
        )
        return
    if signature.trust == "trusted":
        yield holds(
            "signer",
            N_("Signed by %(subject)s, whose certificate is trusted (SHA-256 %(fingerprint)s)."),
            **_only(facts, "subject", "fingerprint"),
        )
    elif signature.trust == "unasked":
        yield unchecked(
            "signer",
            N_(
                "The certificate names %(subject)s (SHA-256 %(fingerprint)s), but no authority is trusted here "
                "(--trust), so it may be anybody's."
            ),
            **_only(facts, "subject", "fingerprint"),
        )
    elif signature.trust == "expired_since":
        yield unchecked(
            "signer",
            N_(
                "The certificate of %(subject)s expired on %(until)s, and no trusted time stamp proves that the "
                "signature is older."
            ),
            **_only(facts, "subject", "until"),
        )
    else:
        yield Finding("signer", "fails", _DISTRUST[signature.trust], facts)
    yield from _time(signature)


def _time(signature: Signature) -> Iterator[Finding]:
    if signature.stamped_at:
        yield holds(
            "time_stamp",
            N_("%(stamper)s vouches that the signature existed on %(moment)s."),
            stamper=signature.stamper,
            moment=_moment(signature.stamped_at),
        )
    elif signature.stamper:
        yield unchecked(
            "time_stamp",
            N_("The time stamp of %(stamper)s comes from no authority that is trusted here."),
            stamper=signature.stamper,
        )
    elif signature.signed_at:
        yield unchecked(
            "time_stamp",
            N_("The signer states %(moment)s as the time of signing; there is no time stamp to prove it."),
            moment=_moment(signature.signed_at),
        )


def _only(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: facts[name] for name in names}


def _day(moment: str) -> str:
    return moment[:10]


def _moment(moment: str) -> str:
    return f"{moment[:19].replace('T', ' ')} UTC"
