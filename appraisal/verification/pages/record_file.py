"""Anybody drops the file of a record here, to be examined and forgotten."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Final

from flask import Blueprint, Flask, request
from flask_limiter import Limiter
from flask_login import current_user
from wtforms import FileField

from appraisal.language.texts import N_
from appraisal.proposals.pages.documents import sent_file
from appraisal.verification.reading.isolated import SECONDS, open_pdf
from appraisal.verification.reading.record_pdf import SENTENCES, Unreadable
from appraisal.verification.reading.signatures import Grounds
from appraisal.verification.services import known_here, record_file
from appraisal.verification.services.known_here import RecordStatus
from appraisal.verification.services.record_file import CHECKS, OUTCOME_TITLES, Verification
from appraisal.web.context import page, read, say, site
from appraisal.web.forms import TranslatedForm

bp = Blueprint("verifications", __name__)

# Examining a file takes seconds; whoever has many uses the command line.
ATTEMPTS: Final = "30 per minute"
# What examining takes grows with the record; those of the largest proposals are far below.
LARGEST_RECORD: Final = 4 * 1024 * 1024
_TONES: Final = {"holds": "good", "fails": "bad", "unchecked": "neutral", "ended": "bad"}
# So many files are examined at once for anybody, and one more for people who are signed in, so that strangers
# keep neither the machine nor the page from them. Nobody waits for a place; a process counts for itself.
_for_all: Final = BoundedSemaphore(2)
_for_people: Final = BoundedSemaphore(1)
# By then a file that is examined now is done with, or given up.
_COME_AGAIN: Final = {"Retry-After": str(SECONDS)}
_SHA256: Final = re.compile("[0-9a-f]{64}")


Answer = str | tuple[str, int] | tuple[str, int, dict[str, str]]


class FileForm(TranslatedForm):
    """The file to examine."""

    file = FileField(
        N_("File of a record"),
        description=N_("The PDF as you were given it"),
        render_kw={"kind": "file", "accept": ".pdf,application/pdf"},
    )


def limit(app: Flask, limiter: Limiter) -> None:
    """Limit how many files one address has examined; a process counts for itself."""
    view: Any = app.view_functions["verifications.show"]
    app.view_functions["verifications.show"] = limiter.limit(ATTEMPTS, methods=["POST"])(view)


@bp.route("/verify", methods=["GET", "POST"])
def show() -> Answer:
    """Say of the file of a record what holds, what does not, and what could not be checked; keep nothing.

    The code on the last page of a record leads here with its digest (``sha256``).
    """
    form = FileForm(request.form)
    if request.method == "GET":
        return draw(form, asked=_asked(request.args.get("sha256", "").strip().lower()))
    name, data = sent_file()
    if not data:
        form.complain("file", N_("Choose a file that has something in it"))
        return draw(form), 422
    if data.startswith(b"PK"):
        form.complain("file", N_("This is no PDF. A bundle is examined with “appraisal verify”."))
        return draw(form), 422
    try:
        with _place():
            found = _examine(data)
    except Busy:
        form.complain("file", N_("Others are having files examined just now. Try again in a minute."))
        return draw(form), 503, _COME_AGAIN
    except Unreadable as error:
        form.complain("file", SENTENCES[error.reason])
        return draw(form), 422
    if found is None:
        form.complain(
            "file", N_("Its record is too large for this page: examine it with “appraisal verify”.")
        )
        return draw(form), 422
    return draw(form, found, name=name)


def too_many() -> tuple[str, int]:
    """Say that one address had too many files examined."""
    form = FileForm()
    form.complain("file", N_("Too many files in one minute. Wait a minute, then try again."))
    return draw(form), 429


class Busy(Exception):
    """Every place for examining a file is taken."""


@contextmanager
def _place() -> Iterator[None]:
    """Take a place for as long as a file is examined; raises ``Busy`` at once where there is none."""
    places = (_for_people, _for_all) if current_user.is_authenticated else (_for_all,)
    taken = next((place for place in places if place.acquire(blocking=False)), None)
    if taken is None:
        raise Busy
    try:
        yield
    finally:
        taken.release()


def _examine(data: bytes) -> Verification | None:
    """Examine a file; None where its record is too large to be examined while somebody waits."""
    trust = tuple(file.read_bytes() for file in site().settings.trust)
    reading = open_pdf(data, Grounds(site().now(), trust))
    if len(reading.record) > LARGEST_RECORD:
        return None
    found = record_file.verify(data, reading, site().library, None)
    with read() as db:
        return known_here.compared(db, found, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Asked:
    """A digest that was read from a page; ``standing`` where a record with it was issued here."""

    digest: str
    is_whole: bool = True
    standing: RecordStatus | None = None


def _asked(digest: str) -> Asked | None:
    """Return what the register says of a digest; None where none was given."""
    if not _SHA256.fullmatch(digest):
        return Asked(digest[:200], is_whole=False) if digest else None
    with read() as db:
        return Asked(digest, standing=known_here.standing_of(db, digest))


def draw(
    form: FileForm,
    found: Verification | None = None,
    asked: Asked | None = None,
    name: str = "",
) -> str:
    """Draw the page, with what was found out where a file was given, or a digest."""
    return page(
        "verification/record_file.html",
        form=form,
        found=found,
        asked=asked,
        name=name,
        rows=[
            (
                say(CHECKS[entry.check]),
                say(OUTCOME_TITLES[entry.outcome]),
                _TONES[entry.outcome],
                entry,
            )
            for entry in (found.findings if found else ())
        ],
        failing=sum(entry.outcome == "fails" for entry in found.findings) if found else 0,
    )
