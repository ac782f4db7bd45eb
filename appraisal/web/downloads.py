"""Stored files are handed out as static ones, whole or in parts, and noted in the access log."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from flask import request, send_file
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from appraisal.web.context import note_access, site
from appraisal.web.methods import is_head

# Viewers of browsers draw a PDF as an object with styles of their own; nothing else may be loaded.
_PDF_POLICY: Final = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)


class Part:
    """A part of an open file that reads as a file of its own, so that the server sends it like a whole one.

    Flask's own way hands parts on in small pieces, which takes longer than the whole file does.
    """

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file, self._start, self._length = file, start, length
        file.seek(start)

    def read(self, most: int = -1) -> bytes:
        """Read on, to the end of the part at most."""
        left = max(self._length - self.tell(), 0)
        return self._file.read(left if most < 0 else min(most, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted from the beginning of the part or from its end."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._length}[whence]
        return self._file.seek(self._start + begin + offset) - self._start

    def tell(self) -> int:
        """Tell the place, counted from the beginning of the part."""
        return self._file.tell() - self._start

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def serve_stored(sha256: str, media_type: str, name: str, *, inline: bool = False) -> Response:
    """Serve a file of the store (RFC 9110): its SHA-256 is the strong entity tag, and ranges are answered.

    It is read from the disk as it is sent. Raises ``NotFound`` for a file that is gone or was altered.
    Browsers, which may be shared, are told to keep nothing: tags and ranges serve those who keep a file
    knowingly.
    """
    path = site().files.whole(sha256)
    _ignore_several_ranges()
    response = send_file(
        path, mimetype=media_type, as_attachment=not inline, download_name=name, conditional=True, etag=sha256
    )
    if response.status_code == 206:
        _send_as_file(response, path)
    # The moment at which a file came into the store is of no meaning to anybody.
    response.headers.pop("Last-Modified", None)
    keep_nowhere(response)
    if inline and media_type == "application/pdf":
        response.headers["Content-Security-Policy"] = _PDF_POLICY
    return response


def _ignore_several_ranges() -> None:
    """Leave several parts at once unheard, as a server may: the whole file is the answer (RFC 9110, 14.2)."""
    if "," in request.environ.get("HTTP_RANGE", ""):
        del request.environ["HTTP_RANGE"]


def _send_as_file(response: Response, path: Path) -> None:
    start, stop = response.content_range.start, response.content_range.stop
    if start is None or stop is None:
        return
    cast(Any, response.response).close()
    part = Part(path.open("rb"), start, stop - start)
    response.response = wrap_file(request.environ, cast(Any, part))


def serve_bytes(data: bytes, sha256: str, media_type: str, name: str) -> Response:
    """Serve bytes as :func:`serve_stored` serves a file, to be saved."""
    _ignore_several_ranges()
    response = send_file(
        BytesIO(data),
        mimetype=media_type,
        as_attachment=True,
        download_name=name,
        conditional=True,
        etag=sha256,
    )
    keep_nowhere(response)
    return response


def keep_nowhere(response: Response) -> None:
    """Tell browsers to keep nothing, where a file would be sent as one that is the same for everybody."""
    response.headers["Cache-Control"] = "no-store"
    response.expires = None


def note(response: Response, subject: str, detail: str) -> Response:
    """Note a download in the access log, and return the response.

    What counts is that somebody got a file from its beginning: not an answer that says that theirs is still
    the same (304), not the further parts of one (206), and not a question about it (HEAD).
    """
    begins = response.status_code == 200 or (
        response.status_code == 206 and response.content_range.start == 0
    )
    if begins and not is_head(request):
        try:
            note_access("download", subject, detail)
        except BaseException:
            response.close()
            raise
    return response
