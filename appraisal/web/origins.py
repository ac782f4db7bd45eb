"""Origins are the names by which the site is asked, where forms are sent from, and where links lead."""

import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from flask import Response, abort, request, url_for

from appraisal.settings import LOOPBACK, Settings
from appraisal.web.context import page, site

_EVERYWHERE: Final = ("0.0.0.0", "::", "*")  # noqa: S104 - recognised, not listened on
# Of what a browser says of the page that a request comes from: this site, or nobody's page at all.
_OWN: Final = ("same-origin", "none")


def hosts_of(settings: Settings, bound: str = "") -> tuple[str, ...]:
    """Return the names that the site answers to: that of its address, else those of the machine itself.

    ``bound`` is what the server listens on; where that is everywhere, the machine is known by its name. An
    address on this machine is known by every name for that.
    """
    named = _host(urlsplit(settings.address).netloc)
    if named and named not in LOOPBACK:
        return (named,)
    own = socket.gethostname().lower() if bound in _EVERYWHERE else bound.lower()
    return tuple(dict.fromkeys([*LOOPBACK, *filter(None, [own])]))


def refuse_others(hosts: tuple[str, ...]) -> Callable[[], Any]:
    """Return what refuses a request by another name, and a form that was sent from elsewhere."""

    def refuse() -> Any:
        if _host(request.host) not in hosts:
            return page("web/other_name.html", name=request.host), 400
        if request.method == "POST" and not _is_sent_from_here():
            abort(400)
        return None

    return refuse


def _host(netloc: str) -> str:
    """Return the name of a place without its port, as it is compared; empty where there is none."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_sent_from_here() -> bool:
    """Tell whether the browser says that a form was sent from a page of this site, or says nothing.

    It is the second belt: a form that is sent from elsewhere has no token either.
    """
    fetched, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if fetched is not None:
        return fetched in _OWN
    own = (request.host, urlsplit(site().settings.address).netloc)
    return origin is None or origin.partition("://")[2] in filter(None, own)


def link_to(endpoint: str, **values: Any) -> str:
    """Return the whole address of a page, which is given to somebody: that of the site, where one is set."""
    address = site().settings.address
    if address:
        return address + url_for(endpoint, **values)
    return url_for(endpoint, **values, _external=True)


def stay_here(response: Response) -> Response:
    """Lead on by a path alone, whatever name the request was sent to."""
    parts = urlsplit(response.location or "")
    if parts.netloc and parts.netloc == request.host:
        path = "/" + parts.path.lstrip("/")
        response.location = urlunsplit(("", "", path, parts.query, parts.fragment))
    return response
