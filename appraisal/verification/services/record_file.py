"""Everything that can be said of the file of a record is said here, without a database or with one.

What a file says of itself is compared: the pages and the metadata with the record that is embedded. Whether
the pages say what the record says is seen only by drawing them again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from appraisal.definitions.library import Library
from appraisal.language.texts import LANGUAGES, N_, Language, language_or
from appraisal.printing.worker import RenderingFailed
from appraisal.records.rules.validity import Validity
from appraisal.records.rules.value import is_signed
from appraisal.verification.reading.record_pdf import Reading
from appraisal.verification.reading.signatures import Signature
from appraisal.verification.rules import record_file
from appraisal.verification.services import signature_findings
from appraisal.vocabulary.findings import Finding, Said, does_anything_fail, fails, holds, judged, unchecked

Render = Callable[[bytes, Language], bytes]

# What each check is about, in the order in which findings are listed.
CHECKS: Mapping[str, str] = {
    "validity": N_("In force"),
    "register": N_("Register of this installation"),
    "trail": N_("Audit trail of this installation"),
    "file": N_("File"),
    "signature": N_("Signature"),
    "signer": N_("Signer"),
    "time_stamp": N_("Time of signing"),
    "printed": N_("Number and digest on the pages"),
    "pages": N_("Pages"),
    "form": N_("Form of the record"),
    "schema": N_("Schema"),
    "definitions": N_("Definitions"),
    "proposal": N_("Proposal"),
    "wording": N_("Wording in force"),
    "completeness": N_("Completeness"),
    "verdicts": N_("Verdicts"),
    "recommendation": N_("Recommendation"),
    "conditions": N_("Conditions"),
    "times": N_("Order of times"),
    "steps": N_("Steps"),
    "route": N_("Route"),
    "separation": N_("Separation of duties"),
}
OUTCOME_TITLES: Mapping[str, str] = {
    "holds": N_("holds"),
    "fails": N_("FAILS"),
    "unchecked": N_("not checked"),
    "ended": N_("NO LONGER"),
}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found out about one file; ``number`` is empty where the record does not say it.

    ``chain`` is what the record says of the audit trail: the event after which it was made, and its digest.
    ``validity`` is what the register says of the record; None where it was not asked or knows no such record.
    """

    number: str
    digest: str
    findings: tuple[Finding, ...]
    signature: Signature | None = None
    chain: Mapping[str, Any] = field(default_factory=dict, hash=False)
    validity: Validity | None = None

    @property
    def holds(self) -> bool:
        """Tell whether nothing fails; something may still not have been checked, or count no more."""
        return not does_anything_fail(self.findings)

    @property
    def is_ended(self) -> bool:
        """Tell whether the register says that the record counts no more."""
        return self.validity is not None and not self.validity.is_valid

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Return the checks that could not be made."""
        return tuple(dict.fromkeys(entry.check for entry in self.findings if entry.outcome == "unchecked"))


def verify(data: bytes, reading: Reading, library: Library, render: Render | None) -> Verification:
    """Examine a file that was read; with ``render`` its pages are drawn again and compared to the byte.

    A signature that is trusted vouches for the pages without that.
    """
    value = record_file.read(reading.record) or {}
    number = value.get("number")
    named = number if isinstance(number, str) else ""
    digest = record_file.digest_of(reading.record)
    found = record_file.verify(reading.record, library)
    return Verification(
        named,
        digest,
        (
            unchecked("validity", N_("Whether the record is still in force only the register can say.")),
            *judged("file", _file_problems(reading), N_("One record is embedded, and nothing was appended.")),
            *signature_findings.findings(reading.signature, is_expected=is_signed(value)),
            *_printed(reading, named, digest),
            _pages(data, reading, render, can_be_drawn=not does_anything_fail(found[:2])),
            *found,
        ),
        reading.signature,
        value["chain"] if isinstance(value.get("chain"), dict) else {},
    )


def _file_problems(reading: Reading) -> list[Said]:
    found: list[Said] = []
    if reading.is_appended:
        found.append(
            (
                N_("Something was appended to the file after its first end (ends: %(ends)s)."),
                {"ends": reading.ends},
            )
        )
    if reading.others:
        found.append((N_("Files are attached that no record carries: %(names)s."), {"names": reading.others}))
    return found


def _printed(reading: Reading, number: str, digest: str) -> list[Finding]:
    """Compare number and digest with what stands on every page and in the metadata."""
    bare = "".join(number.split())
    without = [str(page) for page, text in enumerate(reading.texts, 1) if digest not in text]
    unnumbered = [str(page) for page, text in enumerate(reading.texts, 1) if not bare or bare not in text]
    problems: list[Said] = []
    if without or not reading.texts:
        problems.append(
            (N_("These pages do not carry the digest of the record: %(pages)s."), {"pages": without})
        )
    if unnumbered:
        problems.append(
            (N_("These pages do not carry the number of the record: %(pages)s."), {"pages": unnumbered})
        )
    if not number or any(number not in title for title in reading.titles):
        problems.append((N_("The metadata of the file do not name the number of the record."), {}))
    found = judged("printed", problems, N_("Every page carries the number and the digest of the record."))
    if reading.pages > len(reading.texts):
        found.append(
            unchecked("printed", N_("Only the first %(count)s pages were read."), count=len(reading.texts))
        )
    return found


def _pages(data: bytes, reading: Reading, render: Render | None, *, can_be_drawn: bool) -> Finding:
    if render is None:
        return _unrendered(reading)
    if reading.language not in LANGUAGES:
        return fails("pages", N_("The file names no language in which records are drawn."))
    if not can_be_drawn:
        return fails("pages", N_("The record cannot be drawn again, so nothing vouches for the pages."))
    try:
        again = render(reading.record, language_or(reading.language))
    except RenderingFailed:
        return fails("pages", N_("The record cannot be drawn again, so nothing vouches for the pages."))
    facts: dict[str, Any] = {"renderer": f"WeasyPrint {version('weasyprint')}"}
    # A signature is appended: what was drawn stands before it unchanged.
    if again == data or (signature_findings.is_whole(reading.signature) and data.startswith(again)):
        return holds(
            "pages", N_("Drawn again here (%(renderer)s), the record gives this very file."), **facts
        )
    return fails(
        "pages",
        N_(
            "Drawn again here (%(renderer)s), the record gives another file: this one was altered, "
            "or made by another version of the renderer or of the product."
        ),
        **facts,
    )


def _unrendered(reading: Reading) -> Finding:
    if signature_findings.vouches(reading.signature):
        return holds("pages", N_("The signature vouches for what the pages say."))
    if signature_findings.is_whole(reading.signature):
        return unchecked("pages", N_("The pages are as they were signed; who signed them is said above."))
    if reading.signature is not None:
        return fails("pages", N_("The signature does not hold, so nothing vouches for the pages."))
    return unchecked(
        "pages",
        N_("The file is not signed, so only drawing the record again (--render) can vouch for its pages."),
    )
