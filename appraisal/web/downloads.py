"""Downloads: stored files handed out as static ones, whole or in parts, and noted in the access log."""

from io import BytesIO
from typing import Final

from flask import request, send_file
from werkzeug.wrappers import Response

from appraisal.storage import site as site_log
from appraisal.web.context import actor, begin, site

# Viewers of browsers draw a PDF as an object with styles of their own; nothing else may be loaded.
_PDF_POLICY: Final = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)


def serve_stored(sha256: str, media_type: str, name: str, *, inline: bool = False) -> Response:
    """Serve a file of the store (RFC 9110): its SHA-256 is the strong entity tag, and ranges are answered.

    It is read from the disk as it is sent. Raises ``NotFound`` for a file that is gone or was altered.
    Browsers, which may be shared, are told to keep nothing: tags and ranges serve those who keep a file
    knowingly.
    """
    path = site().files.whole(sha256)
    response = send_file(
        path, mimetype=media_type, as_attachment=not inline, download_name=name, conditional=True, etag=sha256
    )
    # The moment at which a file came into the store is of no meaning to anybody.
    response.headers.pop("Last-Modified", None)
    keep_nowhere(response)
    if inline and media_type == "application/pdf":
        response.headers["Content-Security-Policy"] = _PDF_POLICY
    return response


def serve_bytes(data: bytes, sha256: str, media_type: str, name: str) -> Response:
    """Serve bytes as :func:`serve_stored` serves a file, to be saved."""
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
    if begins and request.method == "GET":
        try:
            with begin() as db:
                site_log.log_access(db, site().now(), actor().id, "download", subject, detail)
        except BaseException:
            response.close()
            raise
    return response
