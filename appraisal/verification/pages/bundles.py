"""Readers take away everything about some proposals in one ZIP that is sent as it is written."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext
from threading import BoundedSemaphore, Thread
from typing import IO, Any, Final

from flask import Blueprint, request
from werkzeug.wrappers import Response
from wtforms import SelectField, SelectMultipleField, StringField

from appraisal.app.pages.proposals import states_to_choose
from appraisal.clock import geneva_date
from appraisal.language.texts import LANGUAGES, N_, language_or
from appraisal.records.pages import LANGUAGE_TITLES
from appraisal.records.services import issuers
from appraisal.records.services.issuers import KeyMissing
from appraisal.records.services.records import ask_rendering
from appraisal.records.signing.signer import Unsignable, open_signer
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import bundles
from appraisal.verification.services.bundles import Altered, Nothing, Order, Undrawn, Withheld
from appraisal.verification.store.bundles import biennia_of_approvals
from appraisal.vocabulary.biennium import first_year
from appraisal.web.context import actor, begin, language, note_access, page, read, say, site, with_role
from appraisal.web.forms import TranslatedForm, choice

bp = Blueprint("bundles", __name__)

# Each keeps a thread and a view of the database for as long as somebody takes to load it.
_turns: Final = BoundedSemaphore(2)
_PIECE: Final = 1 << 16
MOST_NUMBERS: Final = 200
# So many PDFs are prepared for whoever asks once; asked again, the next.
MOST_DRAWN: Final = 200
_SEPARATORS: Final = str.maketrans(",;", "  ")


class BundleForm(TranslatedForm):
    """Which proposals: those named, or all that fit."""

    numbers = StringField(
        N_("Proposals by number"),
        description=N_("For example TC-2010-0001, TC-2010-0002"),
    )
    biennium = SelectField(N_("Approved in the biennium"), validate_choice=False)
    state = SelectField(N_("State"), validate_choice=False)
    unit = StringField(N_("Responsible unit"), description=N_("As the proposals name it"))
    languages = SelectMultipleField(
        N_("Every record as PDF in"),
        description=N_("Choose none for the PDFs that there are"),
        choices=[choice(code, title) for code, title in LANGUAGE_TITLES.items()],
        validate_choice=False,
        render_kw={"kind": "checkboxes"},
    )

    def query(self) -> Asked:
        """Return what was asked for."""
        named = (self.numbers.data or "").upper().translate(_SEPARATORS)
        numbers = tuple(dict.fromkeys(named.split()))
        return Asked(
            numbers,
            (self.unit.data or "").strip(),
            self.state.data,
            self.biennium.data,
            tuple(dict.fromkeys(self.languages.data or ())),
        )


class Stream:
    """What a thread writes, read as it comes through a pipe, which holds back whoever is ahead.

    ``write`` is given what to call once nothing foreseeable is in the way, and returns when all is
    written; what it raises before comes out of ``__init__``, and what it raises later ends the response in
    the middle, so that no browser takes what it has for whole. Close it, or it never ends. ``done`` is called
    once, however it ends and even where it cannot begin.
    """

    def __init__(self, write: Callable[[Callable[[], IO[bytes]]], None], done: Callable[[], None]) -> None:
        self._failed: BaseException | None = None
        self._begun: Future[None] = Future()
        with ExitStack() as undone:
            undone.callback(done)
            self._reading, writing = os.pipe()
            undone.callback(os.close, self._reading)
            undone.callback(os.close, writing)
            self._thread = Thread(target=self._run, args=(write, writing, done), name="bundle")
            self._thread.start()
            undone.pop_all()
        try:
            self._begun.result()
        except BaseException:
            self.close()
            raise

    def _run(
        self, write: Callable[[Callable[[], IO[bytes]]], None], writing: int, done: Callable[[], None]
    ) -> None:
        try:
            with os.fdopen(writing, "wb") as out:

                def begin() -> IO[bytes]:
                    self._begun.set_result(None)
                    return out

                write(begin)
        except BrokenPipeError:
            # Whoever asked has gone.
            pass
        except BaseException as error:
            if self._begun.done():
                logging.exception("A bundle was broken off")
                self._failed = error
            else:
                self._begun.set_exception(error)
        finally:
            done()

    def __iter__(self) -> Iterator[bytes]:
        while piece := os.read(self._reading, _PIECE):
            yield piece
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def close(self) -> None:
        """Stop reading, which ends the thread."""
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1
            self._thread.join()


@bp.route("/bundles", methods=["GET", "POST"])
@with_role("coordinator", "manager", "auditor")
def show() -> str | Response | tuple[str, int]:
    """Ask which proposals somebody wants to take away, and send them."""
    form = _form()
    if request.method == "GET":
        return page("verification/bundle.html", form=form)
    query = form.query()
    chooses = bool(query.biennium or query.state or query.unit)
    if not query.numbers and not chooses:
        form.complain("numbers", N_("Name proposals, or say below which ones."))
    elif query.numbers and chooses:
        form.complain("numbers", N_("Name proposals, or say below which ones; not both."))
    elif len(query.numbers) > MOST_NUMBERS:
        form.complain("numbers", N_("Name %(most)s proposals at most."), most=MOST_NUMBERS)
    elif query.biennium and not _is_biennium(query.biennium):
        form.complain("biennium", N_("Choose a biennium of the list."))
    elif not set(query.languages) <= set(LANGUAGES):
        form.complain("languages", N_("Choose languages of the list."))
    else:
        return _sent(query) if _turns.acquire(blocking=False) else _refused(form, _BUSY, 503)
    return page("verification/bundle.html", form=form), 422


_BUSY: Final = N_("Two bundles are being sent just now. Try again in a few minutes.")
_KEY: Final = N_(
    "A bundle has to be signed, and this server cannot do that now: the key in force is not at hand, or its "
    "certificate is not valid. Whoever runs it sets the key (APPRAISAL_SIGNER), or makes the bundle with "
    "“appraisal bundle”."
)
_OWED: Final = N_(
    "You still owe a review, so that not all that fits may be shown to you. Name the proposals that you want."
)
_WITHHELD: Final = N_(
    "Not all of these can be given to you while they are appraised, and a bundle with less would not be what "
    "you ask for: %(numbers)s. Ask for less, or wait."
)
_ALTERED: Final = N_(
    "What is stored of these is not what their audit trails say, so that no bundle can be made: %(numbers)s. "
    "Tell an administrator."
)
_UNDRAWN: Final = N_(
    "Not every PDF that you ask for is made yet (missing: %(count)s). They are being prepared: ask again later."
)
_MISSING: Final = N_(
    "Not to be had: %(numbers)s. There is no such proposal, it was never submitted, or it is not open to you "
    "as a whole."
)


def _sent(query: Asked) -> Response | tuple[str, int]:
    """Send a bundle, or say why there is none; the turn that was taken is given back in any case."""
    place, reader, now, tongue = site(), actor(), site().now(), language()

    def write(begin_writing: Callable[[], IO[bytes]]) -> None:
        key = place.settings.signer
        with place.database.begin() as db:
            issuers.end_expired(db, now)
        with open_signer(key) if key else nullcontext() as signer, place.database.read() as db:
            order: Order = bundles.order(db, query, now, signer, reader)
            bundles.write(db, place.files, place.library, order, begin_writing(), now, tongue)

    try:
        stream = Stream(write, _turns.release)
    except Nothing as error:
        numbers = ", ".join(error.missing)
        if numbers:
            return _refused(_form(), _MISSING, 422, numbers=numbers)
        return _refused(_form(), N_("No proposal fits this."), 422, at="biennium")
    except Withheld as error:
        numbers = ", ".join(error.numbers[:8]) + (" …" if len(error.numbers) > 8 else "")
        return _refused(_form(), _WITHHELD if error.numbers else _OWED, 403, numbers=numbers)
    except Altered as error:
        numbers = ", ".join(error.numbers[:8]) + (" …" if len(error.numbers) > 8 else "")
        return _refused(_form(), _ALTERED, 409, numbers=numbers)
    except (KeyMissing, Unsignable):
        return _refused(_form(), _KEY, 503)
    except Undrawn as error:
        with begin() as db:
            for code, record in error.missing[:MOST_DRAWN]:
                ask_rendering(db, record, language_or(code), now)
        return _refused(_form(), _UNDRAWN, 409, at="languages", count=len(error.missing))
    try:
        note_access("download", "bundle", bundles.asked_for(query))
    except BaseException:
        stream.close()
        raise
    name = query.numbers[0] if len(query.numbers) == 1 else query.biennium or geneva_date(now).isoformat()
    return Response(
        stream,
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="bundle-{name}.zip"'},
        direct_passthrough=True,
    )


def _refused(
    form: BundleForm, message: str, code: int, *, at: str = "numbers", **facts: Any
) -> tuple[str, int]:
    form.complain(at, message, **facts)
    return page("verification/bundle.html", form=form), code


def _form() -> BundleForm:
    """Return the form, filled with what was sent or what led to the page."""
    form = BundleForm(request.form if request.method == "POST" else request.args)
    any_of_them = choice("", say(N_("Any")))
    with read() as db:
        given = biennia_of_approvals(db)
    form.biennium.choices = [any_of_them, *(choice(entry, entry.replace("-", "–")) for entry in given)]
    form.state.choices = [any_of_them, *(choice(name, title) for name, title in states_to_choose())]
    for field in (form.numbers, form.biennium, form.state, form.unit):
        field.data = field.data or ""
    return form


def _is_biennium(text: str) -> bool:
    try:
        return bool(first_year(text))
    except ValueError:
        return False
