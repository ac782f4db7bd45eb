"""Error pages say that a page does not exist, that a step is refused, or that somebody was first."""

from typing import Any

from flask import Flask, flash, redirect, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge
from werkzeug.wrappers import Response

from appraisal.app.pages import proposal
from appraisal.errors import NotFound, StepConflict
from appraisal.language.texts import N_
from appraisal.proposals.facts import Case
from appraisal.proposals.pages import answers
from appraisal.proposals.pages import form as proposals_form
from appraisal.proposals.rules import access, disclosure, form
from appraisal.proposals.store import lists
from appraisal.proposals.store.case import load_case
from appraisal.vocabulary.refusals import NotAllowed, Undeclared
from appraisal.web.context import actor, language, note_refusal, page, read, say, sentences, typed


def register(app: Flask) -> None:
    """Give every error its page."""
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Undeclared, _undeclared)
    app.register_error_handler(NotAllowed, _not_allowed)
    app.register_error_handler(StepConflict, _conflict)
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(RequestedRangeNotSatisfiable, _no_such_part)
    app.register_error_handler(HTTPException, _http)


def _not_found(error: NotFound) -> tuple[str, int]:
    return page("app/errors/not_found.html", kind=error.kind, name=error.name, typed=_typed()), 404


def _not_allowed(error: NotAllowed) -> tuple[str, int]:
    """Show every reason, and note the refusal."""
    note_refusal(error.codes)
    return page(
        "app/errors/not_allowed.html", reasons=sentences(error), number=_number(), typed=_typed()
    ), 403


def _undeclared(error: Undeclared) -> Response:
    """Lead a reviewer to the declaration that comes before everything else."""
    if request.method == "POST":
        note_refusal(["undeclared"])
        flash(say(N_("Say first whether you have a conflict of interest. Nothing was changed.")), "warning")
    return redirect(url_for("reviews.show", number=error.number), 303)


def _conflict(error: StepConflict) -> tuple[str, int]:
    """Show what has happened since, with nothing lost of what was typed."""
    number = _number()
    shown: dict[str, Any] = {"happened": []}
    if number and current_user.is_authenticated:
        with read() as db:
            case = load_case(db, number)
            happened = disclosure.history_for(case, actor(), lists.history_of(db, case.id))
        # What happened is for those who read the proposal; a conflict says nothing to anybody else.
        if access.level(case, actor()) == "full":
            shown = {
                "happened": list(zip(happened, proposal.history_sentences(case, happened), strict=True))[-5:],
                "edited_at": case.edited_at,
                "present": _present(case),
            }
    return page("app/errors/conflict.html", number=number, again=_again(), typed=_typed(), **shown), 409


def _present(case: Case) -> list[answers.Part]:
    """Return the section that was being written as it stands now, for an author to compare."""
    section = str((request.view_args or {}).get("section", ""))
    if not section or not access.sees_draft(case, actor()):
        return []
    return answers.parts({section: case.content.get(section, {})})


def _expired(error: CSRFError) -> tuple[str, int]:
    return page("app/errors/expired.html", again=_again(), typed=_typed()), 400


def _too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
    return page("app/errors/too_large.html", again=_again()), 413


def _no_such_part(error: RequestedRangeNotSatisfiable) -> tuple[str, int, dict[str, str]]:
    """Say how long the file is of which a part was asked for (RFC 9110, 15.5.17)."""
    length = "*" if error.length is None else str(error.length)
    return page("app/errors/http.html", code=416), 416, {"Content-Range": f"bytes */{length}"}


def _http(error: HTTPException) -> tuple[str, int, dict[str, str]]:
    code = error.code or 500
    # What the answer is to say beside its page: which methods are allowed, or when to come again.
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    if code == 403:
        note_refusal(["role_missing"])
    if code == 404:
        return page("app/errors/not_found.html", kind="page", name=request.path), 404, headers
    return page("app/errors/http.html", code=code), code, headers


def _number() -> str | None:
    number = (request.view_args or {}).get("number")
    return str(number) if number else None


def _again() -> str:
    """Return the address of the page that the form was on."""
    if request.url_rule and "GET" in (request.url_rule.methods or ()):
        return request.path
    number = _number()
    return url_for("proposals.show", number=number) if number else url_for("work.show")


def _typed() -> list[tuple[str, str]]:
    """Return what was typed under the labels of the fields, where it is the proposal's form."""
    section = (request.view_args or {}).get("section")
    known = {entry.key for entry in form.SECTIONS}
    if section not in known:
        return list(typed().items())
    return list(proposals_form.describe(section, typed(), language()))
