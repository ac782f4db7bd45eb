"""Files are attached to a draft here, taken out again, and handed out."""

from typing import Any, Final

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import FileField, Form, SelectField

from appraisal.language.texts import N_
from appraisal.proposals.pages import answers
from appraisal.proposals.pages.authors_only import closed_because, load_own
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.services import drafts
from appraisal.proposals.services.drafts import BadFile
from appraisal.proposals.services.opening import view
from appraisal.web import downloads
from appraisal.web.context import actor, begin, page, read, say, seen, signed_in, site
from appraisal.web.forms import choice

# What is wrong with a file: the field that it is said at, and a sentence.
_FAULTS: Final = {
    "kind": ("kind", N_("Choose what kind of document it is")),
    "empty": ("file", N_("Choose a file; an empty one cannot be attached")),
    "too_large": ("file", N_("The file is larger than 20 MB. Attach a smaller one, or several")),
    "type": (
        "file",
        N_("Attach a PDF, an image (PNG, JPEG), or a text, table or presentation without macros"),
    ),
}
ACCEPT: Final = ".pdf,.png,.jpg,.jpeg,.docx,.xlsx,.pptx,.odt,.ods"


def _form() -> Any:
    choices = [choice("", say(N_("Choose")))]
    choices += [choice(kind.value, say(kind.label)) for kind in proposals_form.DOCUMENT_KINDS]
    kind = SelectField(say(N_("Kind of document")), choices=choices, validate_choice=False)
    hint = say(N_("PDF, image, or office document without macros, 20 MB at most"))
    file = FileField(say(N_("File")), description=hint, render_kw={"kind": "file", "accept": ACCEPT})
    return type("DocumentForm", (Form,), {"kind": kind, "file": file})


@signed_in
def attach(number: str) -> str | Response | tuple[str, int]:
    """List the files of the draft, and attach another one."""
    with read() as db:
        case, book = load_own(db, number)
    form = _form()(request.form or None, data={"kind": request.args.get("kind", "")})
    shown = {
        "case": case,
        "form": form,
        "closed": closed_because(case, book),
        "kinds": answers.document_titles(),
    }
    if request.method == "GET":
        return page("proposals/documents.html", **shown)
    name, data = sent_file()
    try:
        with begin() as db:
            drafts.attach_document(
                db,
                site().library,
                site().files,
                actor(),
                site().now(),
                number,
                form.kind.data,
                name,
                data,
                seen=seen(),
            )
    except BadFile as error:
        field, sentence = _FAULTS[error.code]
        form[field].errors = [say(sentence)]
        return page("proposals/documents.html", **shown), 422
    flash(say(N_("%(file)s is attached."), file=name), "success")
    return redirect(url_for("drafts.documents", number=number), 303)


def sent_file() -> tuple[str, bytes]:
    """Return name and bytes of the file sent; both empty where none was."""
    sent = request.files.get("file")
    if sent is None:
        return "", b""
    with sent.stream as stream:
        return sent.filename or "", stream.read()


@signed_in
def remove(number: str, document: int) -> Response:
    """Take a file out of the draft; versions that hold it keep it."""
    with begin() as db:
        drafts.remove_document(db, site().library, actor(), site().now(), number, document, seen=seen())
    flash(say(N_("The document is taken out.")), "success")
    return redirect(url_for("drafts.documents", number=number), 303)


@signed_in
def download(number: str, document: int) -> Response:
    """Hand a file out to be saved, never to be opened as a page of ours; who took it is noted."""
    with read() as db:
        case, _ = view(db, site().library, number, actor())
        found = drafts.find_document(db, case, actor(), document)
    response = downloads.serve_stored(found.sha256, found.media_type, found.filename)
    return downloads.note(response, number, f"{document} {found.filename}")
