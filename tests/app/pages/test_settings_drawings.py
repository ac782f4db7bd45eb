"""The page of drawings: what waits, what was given up and why, and how long the key is good."""

from datetime import timedelta
from pathlib import Path

from flask.testing import FlaskClient

from appraisal.app import worker
from appraisal.printing.worker import RenderingFailed
from appraisal.records.services import issuers
from appraisal.web.context import Site
from tests.carriers import blank
from tests.keys import make_keyring
from tests.web.building import Cast, appraised_proposal
from tests.web.sites import SignIn


def test_drawings_are_for_administrators(client: FlaskClient, sign_in: SignIn) -> None:
    for key in ("designer", "desk", "reader", "chief", "auditor"):
        sign_in(client, key)
        assert client.get("/settings/drawings").status_code == 403
        assert client.post("/settings/drawings/retry").status_code == 403
    sign_in(client, "admin")
    assert 'href="/settings/drawings"' in client.get("/").text
    found = client.get("/settings/drawings").text
    assert "Nothing is signed." in found
    assert 'action="/settings/drawings/retry"' not in found


def test_what_was_given_up_is_shown_and_tried_again(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast
) -> None:
    number = appraised_proposal(site, cast)

    def refuse(*_: object) -> bytes:
        raise RenderingFailed("refused", "<b>no</b>")

    assert worker.work(site.database, site.files, refuse, site.now) == 0
    sign_in(client, "admin")
    found = client.get("/settings/drawings").text
    assert f"{number} appraisal" in found
    assert "refused: &lt;b&gt;no&lt;/b&gt;" in found
    answer = client.post("/settings/drawings/retry", follow_redirects=True)
    assert "1 drawing will be tried again." in answer.text
    assert "No drawing was given up." in answer.text
    assert worker.work(site.database, site.files, blank, site.now) == 1


def test_the_page_tells_how_long_the_key_is_good(
    client: FlaskClient, sign_in: SignIn, site: Site, tmp_path: Path
) -> None:
    signer = make_keyring(tmp_path, until=site.now().year + 1).signer()
    with site.database.begin() as db:
        issuers.use_key(db, signer, site.now())
    sign_in(client, "admin")
    assert "The key expires soon." not in client.get("/settings/drawings").text
    with site.database.read() as db:
        last = signer.not_after
        near = issuers.expiry(db, last - timedelta(days=60))
        assert near is not None
        assert (near.days, near.is_near) == (60, True)
        assert issuers.expiry(db, last + timedelta(seconds=1)) is None
        assert issuers.expired_on(db, last + timedelta(seconds=1)) == last
