"""Two windows and two people at once: one answer counts, the other is told, and what was typed stays."""

from collections.abc import Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appraisal.people.facts import Person
from appraisal.web.context import Site
from tests import casts
from tests.app.test_races import race
from tests.appraisals.pages import reviewing
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast

# Who is first is left to chance, so that each way is tried now and then.
often = pytest.mark.parametrize("go", range(4))


@pytest.fixture
def number(site: Site, cast: Cast) -> str:
    """Return a proposal that EVAL's and ACT/EMP's appraisers have rated on gender and not signed."""
    found = building.assigned_proposal(site, cast)
    for key in ("eval", "actemp"):
        reviewing.ask(site, cast, found, cast[key], "GEN")
        reviewing.declare(site, found, cast[key])
        reviewing.rate(site, found, cast[key], dict.fromkeys(reviewing.items_of(site, "GEN"), "2"))
    return found


def window(app: Flask, site: Site, person: Person) -> FlaskClient:
    """Open a browser window of somebody."""
    client = app.test_client()
    building.sign_in_as(client, site, person)
    return client


def posted(*sent: tuple[FlaskClient, str, Mapping[str, str]]) -> list[TestResponse]:
    """Post forms at the same moment; return the answers in order."""
    found = race(*(lambda form=form: form[0].post(form[1], data=form[2]) for form in sent))
    assert all(isinstance(entry, TestResponse) for entry in found), found
    return [entry for entry in found if isinstance(entry, TestResponse)]


def test_two_reviewers_sign_at_once(app: Flask, site: Site, cast: Cast, number: str) -> None:
    url = f"/proposals/{number}/review/sign"
    answers = posted(
        *((window(app, site, cast[key]), url, {"comment": f"Says {key}"}) for key in ("eval", "actemp"))
    )
    assert [answer.status_code for answer in answers] == [303, 303]
    kept = {key: reviewing.own(site, number, cast[key]) for key in ("eval", "actemp")}
    assert {key: entry.comment for key, entry in kept.items()} == {
        "eval": "Says eval",
        "actemp": "Says actemp",
    }
    assert all(entry.signed_at and not entry.late for entry in kept.values())


@often
def test_one_reviewer_signs_in_two_windows_at_once(
    app: Flask, site: Site, cast: Cast, number: str, go: int
) -> None:
    url, seen = f"/proposals/{number}/review/sign", reviewing.own(site, number, cast["eval"]).row_version
    words = ("The first window", "The second window")
    answers = posted(
        *((window(app, site, cast["eval"]), url, {"comment": said, "seen": str(seen)}) for said in words)
    )
    # What did not count is on the page, with the word that the review is signed.
    (lost,) = [place for place, answer in enumerate(answers) if answer.status_code != 303]
    assert answers[lost].status_code == 409
    assert words[lost] in answers[lost].text
    assert "Nothing was changed by what you just sent" in answers[lost].text
    assert reviewing.own(site, number, cast["eval"]).comment == words[1 - lost]


@often
def test_a_signature_that_is_sent_twice_at_once_counts_once(
    app: Flask, site: Site, cast: Cast, number: str, go: int
) -> None:
    url, seen = f"/proposals/{number}/review/sign", reviewing.own(site, number, cast["eval"]).row_version
    sent = (url, {"comment": "Sound", "seen": str(seen)})
    answers = posted(*((window(app, site, cast["eval"]), *sent) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [303, 303]
    kept = [entry for entry in building.load(site, number).appraisals[-1].reviews if entry.comment == "Sound"]
    assert len(kept) == 1


@often
def test_saving_and_signing_at_once_sign_what_was_seen(
    app: Flask, site: Site, cast: Cast, number: str, go: int
) -> None:
    seen = {"seen": str(reviewing.own(site, number, cast["eval"]).row_version)}
    saved, signed = posted(
        (
            window(app, site, cast["eval"]),
            f"/proposals/{number}/review/GEN",
            {**reviewing.sheet(site, "GEN", "3", "Better than I thought"), **seen},
        ),
        (window(app, site, cast["eval"]), f"/proposals/{number}/review/sign", {"comment": "Sound", **seen}),
    )
    assert sorted((saved.status_code, signed.status_code)) == [303, 409]
    kept = reviewing.own(site, number, cast["eval"])
    if signed.status_code == 303:
        assert {given.value for given in kept.ratings.values()} == {"2"}
        assert "Better than I thought" in saved.text
    else:
        assert {given.value for given in kept.ratings.values()} == {"3"}
        assert "Sound" in signed.text
    assert (kept.signed_at is not None) == (signed.status_code == 303)


def test_a_late_signature_at_the_moment_of_finalising_is_kept(
    app: Flask, site: Site, cast: Cast, clock: Clock
) -> None:
    number = building.rated_proposal(site, cast)
    reviewing.ask(site, cast, number, cast["eval"], "GEN")
    reviewing.declare(site, number, cast["eval"])
    reviewing.rate(site, number, cast["eval"], dict.fromkeys(reviewing.items_of(site, "GEN"), "2"))
    clock.set(casts.START.replace(day=11))
    signed, finalised = posted(
        (window(app, site, cast["eval"]), f"/proposals/{number}/review/sign", {"comment": "Sound"}),
        (window(app, site, cast["reader"]), f"/proposals/{number}/steps/finalise", {"note": ""}),
    )
    assert (signed.status_code, finalised.status_code) == (303, 303)
    assert building.load(site, number).state == "awaiting_decision"
    assert reviewing.own(site, number, cast["eval"]).late
