"""HEAD is GET, and no request writes but a POST; that is decided before anything else sees the request."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Request

from appraisal.database.engine import reading_only

# A machine interface may add PUT, PATCH and DELETE, each with a token of its own.
WRITING: Final = frozenset({"POST"})
_IS_HEAD: Final = "appraisal.is_head"
# A body says nothing in a question, and a part of a file is for GET alone (RFC 9110, 9.3.2 and 14.2).
_LEFT_OUT: Final = (
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_RANGE",
    "HTTP_IF_RANGE",
)


class Methods:
    """The application, asked by GET for HEAD, and by nothing but POST with a database that takes writes."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        method = environ["REQUEST_METHOD"].upper()
        if method == "HEAD":
            return self._answer_head(environ, start_response)
        environ["REQUEST_METHOD"] = method
        if method in WRITING:
            return self._app(environ, start_response)
        with reading_only():
            body = self._app(environ, start_response)
        # Some servers send a file by themselves, and know it by its class.
        file = environ.get("wsgi.file_wrapper")
        return body if isinstance(file, type) and isinstance(body, file) else _Reading(body)

    def _answer_head(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as GET is answered, with none of the body."""
        asked = {name: value for name, value in environ.items() if name not in _LEFT_OUT}
        asked |= {"REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), _IS_HEAD: True}
        answers: list[tuple[Any, ...]] = []

        def note(*answer: Any) -> Any:
            answers.append(answer)
            return lambda _: None

        with reading_only():
            body = self._app(asked, cast(StartResponse, note))
            try:
                status, headers, *error = answers[-1]
                has_body = not status.startswith(("1", "204", "304"))
                if has_body and not any(name.lower() == "content-length" for name, _ in headers):
                    # A server that is told no length would frame a body that is not there.
                    headers = [*headers, ("Content-Length", str(sum(map(len, body))))]
            finally:
                _close(body)
        start_response(status, headers, *error)
        return ()


class _Reading:
    """A body that writes nothing while it is made, piece by piece."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._body)
        with suppress(StopIteration):
            while True:
                with reading_only():
                    piece = next(pieces)
                yield piece

    def close(self) -> None:
        """Close the body."""
        _close(self._body)


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def is_head(request: Request) -> bool:
    """Tell whether only the headers of an answer are asked for, so that nobody gets what it holds."""
    return _IS_HEAD in request.environ
