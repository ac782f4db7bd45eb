"""Who is asked to review: the coordinators' page, what it suggests, what it refuses, and who may see it."""

from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from appraisal.appraisals.services import reviews
from appraisal.web.context import Site
from tests.appraisals.pages import reviewing
from tests.casts import Clock, counted
from tests.web import building
from tests.web.building import Cast
from tests.web.reading import faults
from tests.web.sites import SignIn


def _url(number: str, rest: str = "") -> str:
    return f"/proposals/{number}/reviews{rest}"


@pytest.mark.parametrize(
    ("key", "status", "asks"),
    [
        ("desk", 200, True),
        ("auditor", 200, False),
        ("reader", 200, False),
        ("chief", 403, False),
        ("designer", 403, False),
        ("designer2", 404, False),
        ("admin", 404, False),
        # Somebody of a unit that is asked declares first.
        ("actemp", 303, False),
    ],
)
def test_who_sees_who_reviews(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, key: str, status: int, asks: bool
) -> None:
    number = building.assigned_proposal(site, cast)
    asked = reviewing.ask(site, cast, number, cast["eval"], "GEN")
    sign_in(client, key)
    for rest in ("", f"/{asked}"):
        page = client.get(_url(number, rest))
        assert page.status_code == status
        assert ("Elena Petrova" in page.text) == (status == 200)
    assert ('name="due_on"' in client.get(_url(number)).text) == asks
    assert (f'href="{_url(number)}"' in client.get(f"/proposals/{number}").text) == (status == 200)
    given = {"checklists": "GEN", "people": str(cast["actemp"].id), "due_on": "2010-02-10"}
    assert client.post(_url(number), data=given).status_code == (
        303 if asks else status if status != 200 else 403
    )
    for act in ("due", "withdraw"):
        answer = client.post(_url(number, f"/{asked}/{act}"), data={"due_on": "2010-02-12"})
        assert answer.status_code == (303 if asks else status if status != 200 else 403)
    assert (reviewing.own(site, number, cast["eval"]).withdrawn_at is not None) == asks


def test_a_coordinator_asks_several_people_at_once(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    other = reviewing.hire(site, "gender", "Priya Raghunathan", "GENDER")
    sign_in(client, "desk")
    page = client.get(_url(number)).text
    # Five working days of the standard track.
    assert 'value="2010-02-08"' in page
    given = {
        "checklists": ["GEN", "TRI"],
        "people": [str(other.id)],
        "other": str(cast["eval"].id),
        "due_on": "2010-02-10",
    }
    answer = client.post(_url(number), data=given)
    assert (answer.status_code, answer.location) == (303, f"{_url(number)}#asked")
    for person in (other, cast["eval"]):
        asked = reviewing.own(site, number, person)
        assert (asked.checklists, asked.due_on) == (("TRI", "GEN"), date(2010, 2, 10))
    page = client.get(_url(number)).text
    assert "Asked to review by 10 February 2010: Priya Raghunathan, Elena Petrova." in page
    assert "Not declared yet" in page
    assert "Reviewed by Priya Raghunathan, Elena Petrova." in page
    # Sent twice, they are asked once.
    assert client.post(_url(number), data=given).status_code == 303
    assert "Asked already, for the same checklists" in client.get(_url(number)).text
    case = building.load(site, number)
    assert len(case.appraisals[0].reviews) == 2


def test_it_says_why_somebody_is_suggested_and_why_others_cannot_be_asked(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    busy = reviewing.hire(site, "gender", "Priya Raghunathan", "GENDER")
    free = reviewing.hire(site, "gender2", "Olu Adebayo", "GENDER")
    reviewing.ask(site, cast, building.assigned_proposal(site, cast), busy, "GEN")
    reviewing.ask(site, cast, number, cast["actemp"], "TRI")
    sign_in(client, "desk")
    page = client.post(_url(number), data={"checklists": "GEN", "suggest": "1"}).text
    assert page.index("Olu Adebayo (GENDER)") < page.index("Priya Raghunathan (GENDER)")
    assert "GENDER is consulted on GEN · 1 review to sign" in page
    assert "GENDER is consulted on GEN · nothing in hand" in page
    assert "Farid Haddad is asked already." in page
    assert "David Okoro leads this appraisal and does not review it as well." in page
    assert "Finalised by EVAL, so its reviewer has to come from there." in page
    block = client.post(_url(number), data={"checklists": "EVA", "suggest": "1"}).text
    assert f'value="{free.id}"' not in block
    assert f'value="{cast["eval"].id}"' in block
    assert "EVA is finalised by EVAL, so its reviewer has to come from there." in block


def test_who_reviewed_the_version_before_comes_first(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    reviewing.hire(site, "gender", "Priya Raghunathan", "GENDER")
    reviewing.reviewed(site, cast, number, cast["eval"])
    building.take(site, cast["desk"], number, "return_incomplete", missing="The budget by country.")
    building.take(site, cast["designer"], number, "submit")
    building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
    sign_in(client, "desk")
    page = client.post(_url(number), data={"checklists": "GEN", "suggest": "1"}).text
    assert page.index("Elena Petrova (EVAL)") < page.index("Priya Raghunathan (GENDER)")
    assert "reviewed version 1" in page


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"checklists": []}, "Choose at least one checklist."),
        ({"people": []}, "Choose somebody to review."),
        ({"due_on": ""}, "Give the date."),
        ({"due_on": "soon"}, "Write a date as year-month-day"),
        ({"due_on": "2010-02-01"}, "A due date must lie in the future."),
        ({"due_on": "2013-02-04"}, "A due date lies 3 years ahead at the most"),
        ({"due_on": "9999-12-31"}, "a date lies between 1950 and 2099"),
        ({"due_on": "2010-02-13"}, "Choose a working day."),
        ({"checklists": ["EVA"]}, "EVA is finalised by EVAL"),
        ({"checklists": ["NOPE"]}, "These checklists are not part of this appraisal: NOPE."),
    ],
)
def test_what_speaks_against_asking_is_said_with_nothing_lost(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, given: dict[str, object], words: str
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    other = reviewing.hire(site, "gender", "Priya Raghunathan", "GENDER")
    sign_in(client, "desk")
    whole = {"checklists": ["GEN", "TRI"], "people": [str(other.id)], "due_on": "2010-02-10", **given}
    page = client.post(_url(number), data=whole)
    assert page.status_code == 422
    assert words in page.text
    assert faults(page.text) == []
    if "checklists" not in given:
        assert page.text.count("checked") == (2 if "people" in given else 3)
    assert building.load(site, number).appraisals[0].reviews == ()


def test_two_cannot_be_asked_for_a_block_at_once(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast, budget="6000000")
    other = reviewing.hire(site, "eval2", "Rosa Lind", "EVAL")
    sign_in(client, "desk")
    both = {"checklists": "EVA", "people": [str(other.id), str(cast["eval"].id)], "due_on": "2010-02-10"}
    page = client.post(_url(number), data=both)
    assert page.status_code == 422
    assert "EVA has a reviewer already" in page.text
    assert building.load(site, number).appraisals[0].reviews == ()


@pytest.mark.thorough
def test_how_each_stands_is_said_in_words(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn, clock: Clock
) -> None:
    number = building.assigned_proposal(site, cast)
    names = ("Asked", "Working", "Conflicted", "Declining", "Signing", "Gone")
    by_name = {name: reviewing.hire(site, name, f"Ms {name}", "SKILLS") for name in names}
    for person in by_name.values():
        reviewing.ask(site, cast, number, person, "GEN")
    for name in ("Working", "Signing"):
        reviewing.declare(site, number, by_name[name])
    reviewing.declare(site, number, by_name["Conflicted"], "My brother's project.")
    reviewing.rate(site, number, by_name["Signing"], dict.fromkeys(reviewing.items_of(site, "GEN"), "2"))
    reviewing.sign(site, number, by_name["Signing"])
    with site.database.begin() as db:
        reviews.decline(db, site.library, by_name["Declining"], site.now(), number, "On mission.")
        gone = reviewing.own(site, number, by_name["Gone"]).id
        reviews.withdraw(db, site.library, cast["desk"], site.now(), number, gone)
    sign_in(client, "desk")

    def cells(name: str) -> str:
        page = client.get(_url(number)).text
        return page[page.index(f"Ms {name}") :].partition("</tr>")[0]

    expected = {
        "Asked": ("Not declared yet", "Waits for the declaration"),
        "Working": ("Nothing to declare", "At work"),
        "Conflicted": ("Conflict declared", "My brother&#39;s project."),
        "Declining": ("None given", "Declined", "On mission."),
        "Signing": ("Nothing to declare", "Signed"),
        "Gone": ("None given", "Taken back"),
    }
    for name, words in expected.items():
        assert [word for word in words if word not in cells(name)] == [], name
    clock.set(datetime(2010, 2, 11, 9, tzinfo=UTC))
    assert "Late" in cells("Asked")
    # What the reviewer still works on is nobody else's business.
    assert "of 8" not in cells("Working")


def test_another_day_and_taking_back(site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn) -> None:
    number = building.assigned_proposal(site, cast)
    asked = reviewing.ask(site, cast, number, cast["eval"], "GEN")
    sign_in(client, "desk")
    url = _url(number, f"/{asked}")
    for day, words in (
        ("", "Give the date."),
        ("2010-01-29", "must lie in the future"),
        ("2010-02-14", "working day"),
    ):
        page = client.post(f"{url}/due", data={"due_on": day})
        assert page.status_code == 422
        assert words in page.text
        assert faults(page.text) == []
    assert client.post(f"{url}/due", data={"due_on": "2010-02-19"}).status_code == 303
    assert reviewing.own(site, number, cast["eval"]).due_on == date(2010, 2, 19)
    assert "Elena Petrova has until 19 February 2010." in client.get(_url(number)).text
    for _ in range(2):
        assert client.post(f"{url}/withdraw").status_code == 303
    assert reviewing.own(site, number, cast["eval"]).withdrawn_at is not None
    assert "This review is closed." in client.get(url).text
    assert client.post(f"{url}/due", data={"due_on": "2010-02-22"}).status_code == 403


def test_what_is_signed_cannot_be_taken_back(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    reviewing.reviewed(site, cast, number, cast["eval"])
    url = _url(number, f"/{reviewing.own(site, number, cast['eval']).id}")
    sign_in(client, "desk")
    page = client.get(url).text
    assert "This review is signed; it stays as it is." in page
    assert "Signed by Elena Petrova." in page
    assert client.post(f"{url}/withdraw").status_code == 403
    assert client.get(_url(number, "/9999")).status_code == 404


def test_nothing_is_asked_once_the_appraisal_is_closed(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.appraised_proposal(site, cast)
    sign_in(client, "desk")
    page = client.get(_url(number)).text
    assert "There is no appraisal to work on." in page
    assert "Farid Haddad" in page
    given = {"checklists": "GEN", "people": str(cast["eval"].id), "due_on": "2010-02-10"}
    assert client.post(_url(number), data=given).status_code == 403


def test_a_coordinator_who_owes_a_review_sees_nothing_of_the_others(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    number = building.assigned_proposal(site, cast)
    both = reviewing.hire(site, "both", "Sam Novak", "SKILLS", "coordinator")
    asked = reviewing.ask(site, cast, number, cast["eval"], "GEN")
    reviewing.ask(site, cast, number, both, "RBM")
    reviewing.declare(site, number, both)
    building.sign_in_as(client, site, both)
    given = {"checklists": "GEN", "people": str(cast["eval"].id), "due_on": "2010-02-10"}
    answers = [
        client.get(_url(number)),
        client.get(_url(number, f"/{asked}")),
        client.post(_url(number), data=given),
        client.post(_url(number, f"/{asked}/withdraw")),
        client.post(_url(number, f"/{asked}/due"), data={"due_on": "2010-02-12"}),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "Sign or decline your own review first." in answer.text
        assert "Elena" not in answer.text
    assert f'href="{_url(number)}"' not in client.get(f"/proposals/{number}").text
    reviewing.rate(site, number, both, dict.fromkeys(reviewing.items_of(site, "RBM"), "2"))
    reviewing.sign(site, number, both)
    assert "Elena Petrova" in client.get(_url(number)).text


@pytest.mark.thorough
def test_the_pages_take_as_many_statements_for_thirty_as_for_three(
    site: Site, cast: Cast, client: FlaskClient, sign_in: SignIn
) -> None:
    few, many = building.assigned_proposal(site, cast), building.assigned_proposal(site, cast)
    everybody = [reviewing.hire(site, f"r{place}", f"Reviewer {place:02}", "SKILLS") for place in range(30)]
    for number, count in ((few, 3), (many, 30)):
        for person in everybody[:count]:
            reviewing.reviewed(site, cast, number, person)

    def statements(number: str, key: str, rest: str) -> int:
        sign_in(client, key)
        client.get(f"/proposals/{number}{rest}")
        with counted() as sent:
            assert client.get(f"/proposals/{number}{rest}").status_code == 200
        return len(sent)

    for key, rest in (("desk", "/reviews"), ("reader", "/appraisal"), ("auditor", ""), ("desk", "")):
        assert statements(few, key, rest) == statements(many, key, rest), rest
    page = client.get(_url(many))
    assert "Reviewer 29" in page.text
    assert faults(page.text) == []
