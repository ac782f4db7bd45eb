"""Handing appraisals over: by administrators, by number alone, each by itself."""

import pytest
from flask.testing import FlaskClient

from appraisal.web.context import Site
from tests.casts import counted
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import SignIn


@pytest.fixture
def admin(client: FlaskClient, sign_in: SignIn) -> FlaskClient:
    """Return a browser with the administrator signed in."""
    sign_in(client, "admin")
    return client


def lead_of(site: Site, number: str) -> int:
    running = building.load(site, number).appraisal
    assert running is not None
    return running.lead


def path(cast: Cast, key: str = "reader") -> str:
    return f"/people/{cast[key].id}/appraisals"


def test_all_of_them_are_handed_over_with_a_reason(admin: FlaskClient, site: Site, cast: Cast) -> None:
    numbers = [building.assigned_proposal(site, cast, title="Nobody's business") for _ in range(2)]
    page = admin.get(path(cast)).text
    assert all(f'value="{number}"' in page for number in numbers)
    assert page.count("checked") == 2
    assert "Nobody" not in page.replace("Nobody who is an author", "")
    assert f'<option value="{cast["reader"].id}"' not in page
    given = {"numbers": numbers, "lead": str(cast["eval"].id), "reason": "Ill since Monday."}
    answer = admin.post(path(cast), data=given)
    assert (answer.status_code, answer.location) == (303, f"/people/{cast['reader'].id}")
    assert {lead_of(site, number) for number in numbers} == {cast["eval"].id}
    shown = admin.get(answer.location).text
    assert f"Handed over: {', '.join(numbers)}." in shown
    assert "still has to do" not in shown
    step = building.load(site, numbers[0]).steps[-1]
    assert (step.name, step.by, step.note) == ("reassign", cast["admin"].id, "Ill since Monday.")


def test_one_alone_is_handed_over(admin: FlaskClient, site: Site, cast: Cast) -> None:
    one, two = (building.assigned_proposal(site, cast) for _ in range(2))
    admin.post(path(cast), data={"numbers": [one], "lead": str(cast["eval"].id), "reason": "Ill."})
    assert (lead_of(site, one), lead_of(site, two)) == (cast["eval"].id, cast["reader"].id)
    shown = admin.get(f"/people/{cast['reader'].id}").text
    assert [f"{number}: Lead of the appraisal" in shown for number in (one, two)] == [False, True]


def test_what_is_refused_is_said_by_number_and_the_others_go_on(
    admin: FlaskClient, site: Site, cast: Cast
) -> None:
    held, free = (building.assigned_proposal(site, cast) for _ in range(2))
    building.take(
        site, cast["desk"], held, "hold", note="Wait.", until=site.now().date().replace(month=3, day=1)
    )
    given = {"numbers": [held, free], "lead": str(cast["eval"].id), "reason": "Ill."}
    answer = admin.post(path(cast), data=given)
    assert answer.status_code == 422
    assert f"{held}: The proposal is on hold until" in answer.text
    assert f"Handed over: {free}." in answer.text
    assert (lead_of(site, held), lead_of(site, free)) == (cast["reader"].id, cast["eval"].id)
    # What is left is there to be tried again.
    assert answer.text.count("checked") == 1
    assert "Ill." in answer.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"numbers": []}, "Choose at least one."),
        ({"lead": ""}, "Name a lead appraiser."),
        ({"reason": " "}, "Give a reason."),
        ({"lead": "999"}, "Name a lead appraiser."),
        ({"lead": "no id"}, "Name a lead appraiser."),
    ],
)
def test_faults_lose_nothing_of_what_was_typed(
    admin: FlaskClient, site: Site, cast: Cast, changes: dict[str, object], message: str
) -> None:
    number = building.assigned_proposal(site, cast)
    given = {"numbers": [number], "lead": str(cast["eval"].id), "reason": "A <long> story.", **changes}
    answer = admin.post(path(cast), data=given)
    assert answer.status_code == 422
    assert message in answer.text
    assert changes.get("reason") or "A &lt;long&gt; story." in answer.text
    assert lead_of(site, number) == cast["reader"].id


def test_where_nothing_waits_it_says_so(admin: FlaskClient, cast: Cast) -> None:
    assert "No appraisal waits for Elena Petrova as lead." in admin.get(path(cast, "eval")).text
    assert admin.get("/people/999/appraisals").status_code == 404


@pytest.mark.parametrize("key", ["designer", "desk", "reader", "chief", "auditor"])
def test_handing_over_is_for_administrators(
    client: FlaskClient, sign_in: SignIn, site: Site, cast: Cast, key: str
) -> None:
    number = building.assigned_proposal(site, cast)
    sign_in(client, key)
    assert client.get(path(cast)).status_code == 403
    given = {"numbers": [number], "lead": str(cast["eval"].id), "reason": "Ill."}
    assert client.post(path(cast), data=given).status_code == 403


def test_an_administrator_still_reads_no_proposal(admin: FlaskClient, site: Site, cast: Cast) -> None:
    number = building.assigned_proposal(site, cast)
    for page in ("", "/history", "/appraisal", "/steps/reassign"):
        assert admin.get(f"/proposals/{number}{page}").status_code == 404


@pytest.mark.thorough
def test_the_page_takes_the_same_statements_for_many(admin: FlaskClient, site: Site, cast: Cast) -> None:
    def statements() -> int:
        with counted() as sent:
            admin.get(path(cast))
        return len(sent)

    for _ in range(3):
        building.assigned_proposal(site, cast)
    few = statements()
    for _ in range(9):
        building.assigned_proposal(site, cast)
    assert statements() == few
