"""The list page of 50 proposals, against bare Flask drawing the same template with the same rows."""

import os
import tempfile
from pathlib import Path
from typing import Any

from flask import Flask, g, render_template, template_rendered

from appraisal.accounts.services import accounts
from appraisal.app.application import create_app
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.settings import read_settings
from appraisal.web.context import Site
from tests.bench.ratios import report, timed
from tests.bench.steps import NOW, fill, library

ROWS = 50
REQUESTS = 40
ROUNDS = 9


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        settings = read_settings({}, data=Path(place))
        database = Database(settings.database)
        _, numbers = fill(database, ROWS)
        site = Site(
            settings, library(), database, Files(settings.files), accounts.hasher(quick=True), lambda: NOW
        )
        app = create_app(site)
        app.config["WTF_CSRF_ENABLED"] = False
        ours = _signed_in(app, site)
        template, context = _drawn(app, ours)
        bare = _bare(app, template, context).test_client()
        assert all(number in bare.get("/proposals").text for number in numbers)
        ratios = []
        for _ in range(ROUNDS):
            by_hand = timed(lambda: [bare.get("/proposals") for _ in range(REQUESTS)])
            ratios.append(by_hand / timed(lambda: [ours.get("/proposals") for _ in range(REQUESTS)]))
        report("the list page of 50 proposals, rate of bare Flask", ratios, "0.4")
        database.close()
    print(f"{'resident memory of this process, with everything loaded':<58} {_memory():5.0f} MB")


def _signed_in(app: Flask, site: Site) -> Any:
    with site.database.begin() as db:
        account = accounts.find_by_email(db, "coordinator@example.org")
        assert account is not None
        accounts.set_password(db, site.hashing, site.now(), account.person.id, "a long password")
    client = app.test_client()
    client.post("/sign-in", data={"email": "coordinator@example.org", "password": "a long password"})
    return client


def _drawn(app: Flask, client: Any) -> tuple[str, dict[str, Any]]:
    """Return the template of the list page and what it was drawn with."""
    found: list[tuple[str, dict[str, Any]]] = []

    def note(sender: Flask, template: Any, context: dict[str, Any], **_: Any) -> None:
        found.append((template.name, dict(context)))

    with template_rendered.connected_to(note, app):
        assert client.get("/proposals").status_code == 200
    return found[-1]


def _bare(app: Flask, template: str, context: dict[str, Any]) -> Flask:
    """Build a Flask that knows the same addresses and templates, and does nothing but draw."""
    bare = Flask("appraisal", static_folder=None)
    bare.jinja_env = app.jinja_env
    bare.secret_key = "bare"
    kept = {name: value for name, value in context.items() if name not in ("request", "session", "g")}

    def draw(**_: Any) -> str:
        g.language = "en"
        return render_template(template, **kept)

    for rule in app.url_map.iter_rules():
        bare.add_url_rule(rule.rule, endpoint=rule.endpoint, view_func=draw, methods=rule.methods)
    return bare


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
