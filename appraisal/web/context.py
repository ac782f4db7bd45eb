"""The context is what a request works with: the site, who is signed in, their language, the transaction."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

from argon2 import PasswordHasher
from flask import abort, current_app, g, redirect, render_template, request, session, url_for
from flask_login import current_user
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from appraisal.accounts.rules.sessions import Visit
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import Workflow
from appraisal.language import texts
from appraisal.language.texts import Language
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import disclosure
from appraisal.settings import Settings
from appraisal.trail.store.site import log_access
from appraisal.vocabulary.refusals import NotAllowed, Refusal
from appraisal.vocabulary.roles import Role

# An address may ask for any page; a database counts only so far.
MOST_PAGES: Final = 1_000_000
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Site:
    """What the application was built with; ``now`` is the clock."""

    settings: Settings
    library: Library
    database: Database
    files: Files
    hashing: PasswordHasher
    now: Callable[[], datetime]


def site() -> Site:
    """Return the site that this request is served by."""
    return cast(Site, current_app.extensions["appraisal"])


def language() -> Language:
    """Return the language of the page: the person's, else the visit's, else the browser's, else the site's.

    It is looked for once a request, and only where something is said: a file that is served says nothing.
    """
    if "language" not in g:
        person = current_user.person if current_user.is_authenticated else None
        chosen = person.language if person else session.get("language")
        asked = request.accept_languages.best_match(texts.LANGUAGES)
        g.language = texts.language_or(chosen, texts.language_or(asked, site().settings.language))
    found: Language = g.language
    return found


def say(message: str, **facts: Any) -> str:
    """Translate a sentence of the catalogue for the reader."""
    return texts.say(language(), message, **facts)


def actor() -> Person:
    """Return who is signed in; only behind :func:`signed_in`."""
    person: Person = current_user.person
    return person


def visit() -> Visit:
    """Return who is signed in, with the session; only behind :func:`signed_in`."""
    present: Visit = current_user.visit
    return present


def signed_in(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Let only people who are signed in come to a page; others sign in first and then come back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if not current_user.is_authenticated:
            onward = request.full_path.rstrip("?") if request.method == "GET" else None
            return redirect(url_for("sessions.sign_in", next=onward))
        return view(*args, **kwargs)

    return guarded


def with_role(*roles: Role) -> Callable[[Callable[P, R]], Callable[P, R | Response]]:
    """Let only people with one of the roles come to a page; others are told 403."""

    def decorate(view: Callable[P, R]) -> Callable[P, R | Response]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            if not actor().roles & set(roles):
                abort(403)
            return view(*args, **kwargs)

        return signed_in(guarded)

    return decorate


@contextmanager
def begin() -> Iterator[Connection]:
    """Open the transaction of a use case; the database refuses every write of it but in a POST."""
    with site().database.begin() as db:
        yield db


@contextmanager
def begin_note() -> Iterator[Connection]:
    """Open a transaction of its own for what is noted of a visit, whatever the method of the request.

    That is the access log, and when a session was last used; nothing else is written by it.
    """
    with site().database.begin_note() as db:
        yield db


def note_access(action: str, subject: str = "", detail: str = "") -> None:
    """Note in the access log, which is no part of a proposal, what whoever is signed in did."""
    with begin_note() as db:
        log_access(db, site().now(), actor().id, action, subject, detail)


@contextmanager
def read() -> Iterator[Connection]:
    """Open a consistent view for a page."""
    with site().database.read() as db:
        yield db


def page(template: str, **values: Any) -> str:
    """Render a page."""
    return render_template(template, **values)


def seen() -> int | None:
    """Return the row version that the form was drawn from (its hidden field ``seen``).

    A form may have none; one with something else in its place was not drawn here, and is refused.
    """
    given = request.form.get("seen", "")
    found = number(given)
    if given and found is None:
        abort(400)
    return found


def number(text: str) -> int | None:
    """Return the whole number that a text is; None where it is none, or one that no database holds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def page_number(name: str = "page") -> int:
    """Return which page of a list is asked for: the first by default, and none beyond the end of any."""
    return min(max(1, request.args.get(name, 1, int)), MOST_PAGES)


def request_key() -> str | None:
    """Return the unique id of the form sent (its hidden field ``request_key``), so that it acts once."""
    given = request.form.get("request_key", "")
    return given if 16 <= len(given) <= 64 and given.isalnum() else None


def new_request_key() -> str:
    """Make the unique id of a form."""
    return uuid.uuid4().hex


def sentences(error: NotAllowed) -> list[str]:
    """Return the reasons of a refusal in the reader's language."""
    return [refusal.say(language()) for refusal in error.refusals]


def reasons(case: Case, refusals: Iterable[Refusal]) -> list[str]:
    """Return why something of a proposal is closed, as far as the reader is told, in their language."""
    return [refusal.say(language()) for refusal in disclosure.refusals_for(case, actor(), refusals)]


def note_refusal(codes: Iterable[str]) -> None:
    """Note in the access log that somebody's step was refused, and why.

    A page that is only looked at is not noted. The transaction of the step has ended.
    """
    if request.method != "POST" or not current_user.is_authenticated:
        return
    subject = str((request.view_args or {}).get("number") or request.path)
    note_access("refused", subject, " ".join(codes))


def typed() -> Mapping[str, str]:
    """Return what was typed into the form sent, without what the product itself put there."""
    own = {"csrf_token", "seen", "closing", "request_key", "save", "next", "add", "remove"}
    own |= {"password", "again", "old"}
    return {name: value for name, value in request.form.items() if name not in own and value}


def workflows() -> dict[str, Workflow]:
    """Return every workflow of the library by its key."""
    return {key: entry for key, entry in site().library.definitions.items() if isinstance(entry, Workflow)}
