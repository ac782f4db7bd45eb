"""Origins: the site answers to its own names, takes forms of its own pages, and leads nowhere else."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from appraisal.web.origins import hosts_of
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import Compiled, SignIn, build_app

ADDRESS = "https://appraisal.example.org"
Addressed = Callable[[str], FlaskClient]


@pytest.fixture
def addressed(site: Site, compiled: Compiled) -> Addressed:
    """Return what opens a browser at a site with an address of its own."""

    def opened(address: str) -> FlaskClient:
        changed = replace(site, settings=replace(site.settings, address=address))
        return build_app(changed, compiled).test_client()

    return opened


@pytest.mark.parametrize(
    ("address", "bound", "names"),
    [
        ("", "", ("localhost", "127.0.0.1", "::1")),
        ("", "127.0.0.1", ("localhost", "127.0.0.1", "::1")),
        ("", "192.0.2.7", ("localhost", "127.0.0.1", "::1", "192.0.2.7")),
        ("", "Server.example.org", ("localhost", "127.0.0.1", "::1", "server.example.org")),
        ("http://127.0.0.1:8000", "127.0.0.1", ("localhost", "127.0.0.1", "::1")),
        (ADDRESS, "127.0.0.1", ("appraisal.example.org",)),
        ("https://Appraisal.example.org:8443/here", "", ("appraisal.example.org",)),
        ("http://[2001:db8::7]:8000", "::", ("2001:db8::7",)),
    ],
)
def test_a_site_has_the_name_of_its_address_or_those_of_its_machine(
    site: Site, address: str, bound: str, names: tuple[str, ...]
) -> None:
    assert hosts_of(replace(site.settings, address=address), bound) == names


def test_a_server_that_listens_everywhere_is_known_by_the_name_of_the_machine(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Desk7")
    for bound in ("0.0.0.0", "::"):  # noqa: S104
        assert hosts_of(site.settings, bound) == ("localhost", "127.0.0.1", "::1", "desk7")


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8000", "localhost.", "127.0.0.1:80", "[::1]", "[::1]:8000"]
)
def test_without_an_address_the_names_of_this_machine_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "evillocalhost",
        "localhost, evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost/evil",
        "[::2]",
        "[::1",
        "[::1]evil.example",
        "localhost:evil",
        "127.0.0.2",
        "0x7f.1",
        "xn--lcalhost-54a",
        "appraisal.example.org",
        " ",
        "\xff",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "JUMP"])
def test_no_other_name_is_answered(client: FlaskClient, host: str, method: str) -> None:
    for path in ("/sign-in", "/static/no-such-file", "//sign-in", "/nowhere"):
        answer = client.open(path, method=method, headers={"Host": host, "Accept-Language": "fr"})
        assert answer.status_code == 400
        assert "evil" not in str(answer.headers)
        if method == "GET":
            assert "Ce site a une autre adresse" in answer.text


def test_with_an_address_nothing_but_its_name_is_answered(addressed: Addressed) -> None:
    client = addressed(ADDRESS)
    for host, status in (
        ("appraisal.example.org", 200),
        ("Appraisal.Example.ORG:443", 200),
        ("localhost", 400),
        ("127.0.0.1:8000", 400),
        ("www.appraisal.example.org", 400),
        ("example.org", 400),
    ):
        assert client.get("/sign-in", headers={"Host": host}).status_code == status, host


@pytest.mark.parametrize(
    "address", [ADDRESS, "https://appraisal.example.org:8443", "https://appraisal.example.org/tc"]
)
def test_links_that_are_given_away_begin_with_the_address(
    addressed: Addressed, cast: Cast, address: str
) -> None:
    client = addressed(address)
    headers = {
        "Host": "appraisal.example.org:1234",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "666",
        "Forwarded": "host=evil.example",
    }
    typed = {"email": "admin@example.org", "password": building.PASSWORD}
    assert client.post("/sign-in", data=typed, headers=headers).location == "/"
    made = {"email": "new@example.org", "name": "New", "roles": "designer", "language": "en"}
    answer = client.post("/people/new", data=made, headers=headers)
    assert answer.status_code == 303
    page = client.get(answer.location, headers=headers).text
    assert re.findall(r"https?://[^<\s\"]*/invitation/", page) == [f"{address}/invitation/"]
    assert "evil" not in page
    assert "1234" not in page


def test_an_answer_leads_on_by_a_path_alone(client: FlaskClient, addressed: Addressed) -> None:
    # The framework mends the path, and leads to the host that it was asked by.
    for browser, host in ((client, "localhost:1234"), (addressed(ADDRESS), "appraisal.example.org")):
        answer = browser.get(
            "/password-reset//abc?x=1", headers={"Host": host, "X-Forwarded-Host": "evil.example"}
        )
        assert (answer.status_code, answer.location) == (308, "/password-reset/abc?x=1")
        answer = browser.get("/records?after=2", headers={"Host": host, "X-Forwarded-Host": "evil.example"})
        assert answer.location == "/sign-in?next=/records?after%3D2"
        answer = browser.get("/password-reset//evil.example", headers={"Host": host})
        assert answer.location == "/password-reset/evil.example"


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:8001"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://[::1"}, False),
    ],
)
def test_a_form_is_taken_from_a_page_of_this_site_alone(
    client: FlaskClient, sign_in: SignIn, site: Site, headers: dict[str, str], taken: bool
) -> None:
    sign_in(client, "admin")
    answer = client.post("/account", data={"language": "fr", "delivery": "daily"}, headers=headers)
    assert answer.status_code == (303 if taken else 400)
    with site.database.read() as db:
        [language] = [
            row.language
            for row in db.exec_driver_sql("SELECT email, language FROM people")
            if row.email == "admin@example.org"
        ]
    assert language == ("fr" if taken else "en")
    # Nobody is kept from following a link from elsewhere.
    assert client.get("/account", headers=headers).status_code == 200


def test_every_answer_keeps_other_sites_out(client: FlaskClient, site: Site, compiled: Compiled) -> None:
    secure = build_app(
        replace(site, settings=replace(site.settings, secure_cookies=True)), compiled
    ).test_client()
    for path in ("/sign-in", "/static/style.css", "/nowhere", "/records", "/\0"):
        for browser in (client, secure):
            headers = browser.get(path).headers
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["Permissions-Policy"].startswith("camera=(), ")
            assert headers.get("Strict-Transport-Security") == (
                "max-age=31536000" if browser is secure else None
            )
    cookie = secure.application.test_client().get("/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert attributes == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    assert client.application.test_client().get("/sign-in").headers["Set-Cookie"].startswith("session=")


def test_a_form_is_taken_from_the_address_where_a_proxy_asks_by_another_port(addressed: Addressed) -> None:
    client = addressed("https://appraisal.example.org:8443")
    for origin, status in (
        ("https://appraisal.example.org:8443", 303),
        ("https://appraisal.example.org", 303),
        ("https://appraisal.example.org:8444", 400),
    ):
        answer = client.post(
            "/language", data={"language": "fr"}, headers={"Host": "appraisal.example.org", "Origin": origin}
        )
        assert answer.status_code == status
