"""The menu: which pages each role is led to, in two rows, and which one is marked as open."""

import re

import pytest
from flask.testing import FlaskClient

from appraisal.accounts.services import accounts
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.vocabulary.roles import ROLES
from appraisal.web.context import Site
from tests.web import building
from tests.web.reading import faults
from tests.web.sites import SignIn

READS = ["My work", "Proposals", "Records", "Lessons"]


def _rows(page: str) -> tuple[list[str], list[str]]:
    """Return the two rows of the menu of a page."""
    menu = page[page.index('<nav aria-label="Main menu"') :]
    menu = menu[: menu.index("</nav>")]
    work, _, figures = menu.partition('aria-labelledby="figures-menu"')
    return _links(work), _links(figures)


def _links(html: str) -> list[str]:
    found = re.findall(r"<a [^>]*>(.*?)</a>", html, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", text).strip() for text in found]


def _marked(page: str) -> list[str]:
    found = re.findall(r'<a [^>]*aria-current="page"[^>]*>(.*?)</a>', page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", text).strip() for text in found]


@pytest.mark.parametrize(
    ("key", "work", "figures"),
    [
        ("designer", READS, ["Indicator 2.1", "Results framework", "Workflow"]),
        (
            "desk",
            [*READS, "Rates"],
            [
                "Indicator 2.1",
                "Results framework",
                "Imported lists",
                "Times",
                "Reviewer agreement",
                "Workflow",
            ],
        ),
        ("reader", [*READS, "Substitutes"], ["Indicator 2.1", "Results framework", "Workflow"]),
        (
            "chief",
            [*READS, "Substitutes"],
            ["Indicator 2.1", "Results framework", "Imported lists", "Times", "Workflow"],
        ),
        (
            "auditor",
            READS,
            [
                "Indicator 2.1",
                "Results framework",
                "Imported lists",
                "Times",
                "Reviewer agreement",
                "Bundle for an auditor",
                "Workflow",
            ],
        ),
        (
            "admin",
            ["My work", "People", "Holidays", "Mail", "Drawings and key"],
            ["Indicator 2.1", "Results framework", "Workflow"],
        ),
    ],
)
def test_the_menu_has_a_row_to_work_with_and_a_row_to_look_up(
    client: FlaskClient, sign_in: SignIn, key: str, work: list[str], figures: list[str]
) -> None:
    sign_in(client, key)
    page = client.get("/").text

    assert _rows(page) == (work, figures)
    assert faults(page) == []


@pytest.mark.parametrize(
    ("apart", "count"), [({"administrator"}, (6, 7)), ({"manager", "appraiser"}, (9, 7))]
)
def test_whoever_has_every_role_that_goes_together_is_led_to_every_page_and_it_is_marked_alone(
    site: Site, client: FlaskClient, apart: set[str], count: tuple[int, int]
) -> None:
    roles = [role for role in ROLES if role not in apart]
    with site.database.begin() as db:
        everything = accounts.create_person(
            db, SYSTEM_ACTOR, site.now(), email="all@example.org", name="Alex All", roles=roles, unit="PARDEV"
        )
    building.sign_in_as(client, site, everything)
    page = client.get("/").text
    work, figures = _rows(page)
    assert (len(work), len(figures)) == count
    menu = page[page.index('<nav aria-label="Main menu"') :]
    targets = re.findall(r'href="([^"]*)"', menu[: menu.index("</nav>")])
    for text, href in zip(work + figures, targets, strict=True):
        answer = client.get(href)
        assert answer.status_code == 200
        assert _marked(answer.text) == [text]


@pytest.mark.parametrize(("path", "marked"), [("/proposals/new", ["Proposals"]), ("/account", [])])
def test_a_page_beneath_an_entry_marks_it(
    client: FlaskClient, sign_in: SignIn, path: str, marked: list[str]
) -> None:
    sign_in(client, "designer")

    assert _marked(client.get(path).text) == marked
