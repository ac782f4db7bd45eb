"""Reviews: asked for, declared, rated in private, signed once, and reconciled by the lead."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from appraisal.accounts.services import accounts
from appraisal.appraisals.services import lead, reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database import tables
from appraisal.errors import NotFound, StepConflict
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.facts import Appraisal, Case, Review
from appraisal.proposals.rules import access
from appraisal.proposals.rules.attempt import ChangeAsked
from appraisal.proposals.rules.disclosure import history_for
from appraisal.proposals.services.opening import view
from appraisal.proposals.store import lists
from appraisal.records.store import records
from appraisal.trail.rules import events
from appraisal.vocabulary.refusals import Undeclared
from tests import casts
from tests.app.test_races import race
from tests.casts import Stage
from tests.tampering import by_hand

DUE = date(2010, 2, 10)
LARGE = "6000000"


def hire(stage: Stage, key: str, unit: str, *roles: str) -> None:
    """Add somebody to the cast."""
    with stage.database.begin() as db:
        person = accounts.create_person(
            db,
            SYSTEM_ACTOR,
            stage.now,
            email=f"{key}@example.org",
            name=key.title(),
            roles=roles or ("appraiser",),
            unit=unit,
        )
    stage.people = {**stage.people, key: person}


def act(stage: Stage, what: Callable[..., Any], who: str, number: str, *rest: Any, **named: Any) -> Any:
    """Call a service in a transaction, in somebody's name, and let a minute pass."""
    with stage.database.begin() as db:
        found = what(db, stage.library, stage.people[who], stage.now, number, *rest, **named)
    stage.wait(minutes=1)
    return found


def ask(
    stage: Stage, number: str, who: str, *codes: str, due_on: date = DUE, by: str = "desk", **named: Any
) -> Case:
    case: Case = act(stage, reviews.ask, by, number, stage.people[who], codes, due_on, **named)
    return case


def declare(stage: Stage, number: str, who: str, conflict: str | None = None) -> Case:
    case: Case = act(stage, reviews.declare, who, number, conflict=conflict)
    return case


def puts(stage: Stage, number: str, code: str, value: str = "2", **single: str) -> dict[str, RatingPut]:
    values = dict.fromkeys((item for item in casts.items_of(stage, number) if item.startswith(code)), value)
    values |= {item.replace("_", "-"): given for item, given in single.items()}
    return {item: RatingPut(given, "Because.", "p. 3") for item, given in values.items()}


def rate(stage: Stage, number: str, who: str, code: str = "TRI", value: str = "2", **single: str) -> Review:
    review: Review = act(stage, reviews.rate, who, number, puts(stage, number, code, value, **single))
    return review


def sign(stage: Stage, number: str, who: str, comment: str = "", **named: Any) -> Case:
    case: Case = act(stage, reviews.sign, who, number, comment, **named)
    return case


def reviewed(stage: Stage, number: str, who: str, code: str = "TRI", value: str = "2", **single: str) -> Case:
    """Ask, declare, rate and sign."""
    ask(stage, number, who, code)
    declare(stage, number, who)
    rate(stage, number, who, code, value, **single)
    return sign(stage, number, who)


def assigned(stage: Stage, **given: Any) -> str:
    """Bring a proposal to *under appraisal*, both bureaux heard, and hire three reviewers."""
    number = casts.submitted(stage, **given)
    casts.assign(stage, number)
    for key, unit in (("nora", "NORMES"), ("gus", "GENDER"), ("pia", "PROGRAM")):
        if key not in stage.people:
            hire(stage, key, unit)
    return number


def latest(stage: Stage, number: str) -> Appraisal:
    return casts.load(stage, number).appraisals[-1]


def of(stage: Stage, number: str, who: str) -> Review:
    """Return the last review of a person, taken back or not."""
    found = [entry for entry in latest(stage, number).reviews if entry.person == stage.people[who].id]
    return found[-1]


def refusal(stage: Stage, what: Callable[..., Any], who: str, number: str, *rest: Any, **named: Any) -> Any:
    """Return the codes of a refusal, after making sure that nothing was written."""
    return casts.refusal(stage, lambda: act(stage, what, who, number, *rest, **named))


def names_of(stage: Stage, number: str) -> list[str]:
    case = casts.load(stage, number)
    with stage.database.read() as db:
        return [entry.name for entry in lists.history_of(db, case.id)]


# Asking.


def test_asking_writes_a_review_a_relation_and_an_event_aside(stage: Stage) -> None:
    number = assigned(stage)
    before = casts.load(stage, number)
    ask(stage, number, "nora", "RBM", "TRI", "TRI")
    case, nora = casts.load(stage, number), stage.people["nora"]
    found = of(stage, number, "nora")
    assert found == Review(found.id, nora.id, "NORMES", ("TRI", "RBM"), stage.now - timedelta(minutes=1), DUE)
    assert nora.id in case.related("reviewer")
    assert case.row_version == before.row_version
    assert case.sequence == before.sequence + 1
    assert names_of(stage, number)[-1] == "ask_review"
    with stage.database.read() as db:
        chain = lists.chain_of(db, case.id)
        assert events.broken(chain, case.head) is None
    assert chain[-1].facts["facts"] == {
        "review": found.id,
        "person": nora.id,
        "checklists": ["TRI", "RBM"],
        "due_on": "2010-02-10",
    }


@pytest.mark.parametrize(
    ("by", "who", "due_on", "codes"),
    [
        ("lead", "nora", DUE, ("role_missing",)),
        ("all", "nora", DUE, ("excluded_author",)),
        ("desk", "all", DUE, ("reviewer_is_author",)),
        ("desk", "lead", DUE, ("reviewer_is_lead",)),
        ("desk", "chief", DUE, ("reviewer_not_appraiser",)),
        ("desk", "nora", date(2010, 2, 1), ("due_past",)),
        ("desk", "all", date(2010, 1, 1), ("due_past", "reviewer_is_author")),
    ],
)
def test_who_may_not_be_asked_or_may_not_ask(
    lite: Stage, by: str, who: str, due_on: date, codes: tuple[str, ...]
) -> None:
    number = casts.submitted(lite, "all")
    casts.take(lite, "desk", number, "assign", lead="lead")
    hire(lite, "nora", "NORMES")
    assert refusal(lite, reviews.ask, by, number, lite.people[who], ("TRI",), due_on) == codes


def test_a_review_is_asked_for_once_and_again_after_it_was_taken_back(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI")
    rest = (stage.people["nora"], ("RBM",), DUE)
    assert refusal(stage, reviews.ask, "desk", number, *rest) == ("reviewer_asked",)
    act(stage, reviews.withdraw, "desk", number, of(stage, number, "nora").id)
    assert of(stage, number, "nora").withdrawn_at is not None
    ask(stage, number, "nora", "RBM")
    assert [entry.withdrawn_at is None for entry in latest(stage, number).reviews[-2:]] == [False, True]
    assert of(stage, number, "nora").checklists == ("RBM",)


def test_only_what_is_not_signed_is_taken_back(lite: Stage) -> None:
    number = assigned(lite)
    reviewed(lite, number, "nora")
    review = of(lite, number, "nora").id
    assert refusal(lite, reviews.withdraw, "desk", number, review) == ("review_signed",)
    assert refusal(lite, reviews.move_due, "desk", number, review, DUE) == ("review_closed",)
    ask(lite, number, "gus", "TRI")
    review = of(lite, number, "gus").id
    assert refusal(lite, reviews.withdraw, "lead", number, review) == ("role_missing",)
    act(lite, reviews.withdraw, "desk", number, review)
    assert refusal(lite, reviews.withdraw, "desk", number, review) == ("review_closed",)
    with pytest.raises(NotFound):
        act(lite, reviews.withdraw, "desk", number, 10**6)


def test_a_date_is_moved_into_the_future_and_silence_forgotten(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    review = of(lite, number, "nora").id
    table = tables.reviews
    with by_hand(lite.database, lite.now, number) as db:
        db.execute(table.update().where(table.c.id == review).values(silent_at=lite.now))
    today = lite.now.date()
    assert refusal(lite, reviews.move_due, "desk", number, review, today) == ("due_past",)
    assert refusal(lite, reviews.move_due, "desk", number, review, date.max) == ("due_late",)
    act(lite, reviews.move_due, "desk", number, review, today + timedelta(days=1))
    assert (of(lite, number, "nora").due_on, of(lite, number, "nora").silent_at) == (date(2010, 2, 2), None)


# The declaration.


def test_never_asked_nothing_to_declare_and_a_conflict_are_told_apart(stage: Stage) -> None:
    number = assigned(stage)
    for who in ("nora", "gus", "pia"):
        ask(stage, number, who, "TRI")
    at = stage.now
    declare(stage, number, "gus")
    declare(stage, number, "pia", "  My sister runs the project.\n")
    found = {who: of(stage, number, who) for who in ("nora", "gus", "pia")}
    assert {who: (entry.declaration, entry.declared_at, entry.reason) for who, entry in found.items()} == {
        "nora": ("", None, ""),
        "gus": ("nothing", at, ""),
        "pia": ("declared", at + timedelta(minutes=1), "My sister runs the project."),
    }
    assert {who: entry.is_open for who, entry in found.items()} == {"nora": True, "gus": True, "pia": False}
    assert names_of(stage, number)[-2:] == ["declare_review", "declare_review"]


def test_nothing_is_read_or_written_before_the_declaration(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    with lite.database.read() as db, pytest.raises(Undeclared):
        view(db, lite.library, number, lite.people["nora"])
    given = puts(lite, number, "TRI")
    assert refusal(lite, reviews.rate, "nora", number, given) == ("declaration_missing",)
    assert refusal(lite, reviews.confirm_unchanged, "nora", number) == ("declaration_missing",)
    assert refusal(lite, reviews.sign, "nora", number) == ("declaration_missing",)
    assert refusal(lite, reviews.declare, "nora", number, conflict=" \n") == ("conflict_missing",)
    declare(lite, number, "nora")
    assert refusal(lite, reviews.declare, "nora", number, conflict=None) == ("review_closed",)


def test_a_stranger_has_nothing_to_declare(lite: Stage) -> None:
    number = assigned(lite)
    with pytest.raises(NotFound):
        declare(lite, number, "eval")
    for who in ("lead", "desk", "chief", "ana"):
        assert refusal(lite, reviews.declare, who, number, conflict=None) == ("review_missing",)


def test_a_conflict_bars_from_leading_reviewing_and_deciding(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "all", "TRI")
    declare(lite, number, "all", "It is my home town.")
    assert refusal(lite, reviews.rate, "all", number, {}) == ("review_closed",)
    assert refusal(lite, reviews.sign, "all", number) == ("review_closed",)
    assert refusal(lite, reviews.ask, "desk", number, lite.people["all"], ("TRI",), DUE) == (
        "reviewer_conflicted",
    )
    assert casts.refused(lite, "desk", number, "reassign", lead="all", note="Leave.") == ("lead_conflicted",)
    casts.rate(lite, number)
    casts.take(lite, "lead", number, "finalise")
    assert casts.refused(lite, "all", number, "approve") == ("conflict_declared",)
    assert casts.refused(lite, "all", number, "reject", note="No.") == ("conflict_declared",)
    casts.take(lite, "chief", number, "approve")


def test_declining_takes_a_reason_and_ends_the_review(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    assert refusal(lite, reviews.decline, "nora", number, " ") == ("note_missing",)
    act(lite, reviews.decline, "nora", number, " No time. ")
    found = of(lite, number, "nora")
    assert (found.reason, found.is_open, found.declaration) == ("No time.", False, "")
    assert found.declined_at == lite.now - timedelta(minutes=1)
    casts.rate(lite, number)
    casts.take(lite, "lead", number, "finalise")


# Rating in private.


def test_saving_is_private(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI")
    declare(stage, number, "nora")
    before, rows = casts.load(stage, number), casts.contents(stage)
    seen = of(stage, number, "nora").row_version
    rate(stage, number, "nora", value="3", TRI_1="1")
    after = casts.contents(stage)
    assert {name for name in rows if rows[name] != after[name]} == {"reviews", "review_ratings"}
    found = of(stage, number, "nora")
    assert found.row_version == seen + 1
    assert {item: given.value for item, given in found.ratings.items()} == {
        f"TRI-{place}": "1" if place == 1 else "3" for place in range(1, 9)
    }
    assert casts.load(stage, number).head == before.head
    # The second time it is open already, as are all items that a form sends and nobody has rated.
    for _ in range(2):
        act(stage, reviews.rate, "nora", number, {"TRI-1": RatingPut("")})
        assert "TRI-1" not in of(stage, number, "nora").ratings


def test_what_a_reviewer_may_not_put_down_is_refused_with_every_reason(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    declare(lite, number, "nora")
    wrong = {
        "TRI-1": RatingPut("7"),
        "TRI-2": RatingPut("2"),
        "RBM-1": RatingPut("2"),
        "FOO-1": RatingPut("2"),
    }
    assert refusal(lite, reviews.rate, "nora", number, wrong) == (
        "item_not_reviewed",
        "item_unknown",
        "rating_unknown",
    )


def test_what_was_saved_in_another_window_is_not_overwritten(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI")
    declare(stage, number, "nora")
    seen = of(stage, number, "nora").row_version
    act(stage, reviews.rate, "nora", number, {"TRI-1": RatingPut("2")}, seen=seen)
    before = casts.contents(stage)
    with pytest.raises(StepConflict):
        act(stage, reviews.rate, "nora", number, {"TRI-1": RatingPut("3")}, seen=seen)
    with pytest.raises(StepConflict):
        act(stage, reviews.sign, "nora", number, seen=seen)
    with pytest.raises(StepConflict):
        act(stage, reviews.confirm_unchanged, "nora", number, seen=seen)
    assert casts.contents(stage) == before


def test_nothing_is_rated_or_signed_on_hold(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    declare(lite, number, "nora")
    rate(lite, number, "nora")
    casts.take(lite, "desk", number, "hold", until=date(2010, 3, 1), note="Elections.")
    given = puts(lite, number, "TRI")
    assert refusal(lite, reviews.rate, "nora", number, given) == ("on_hold",)
    assert refusal(lite, reviews.sign, "nora", number) == ("on_hold",)


# Signing.


def test_a_signed_review_stays_as_it_is(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI")
    declare(stage, number, "nora")
    assert refusal(stage, reviews.sign, "nora", number) == ("text_missing",)
    rate(stage, number, "nora", TRI_4="3")
    before = casts.load(stage, number)
    at = stage.now
    sign(stage, number, "nora", "  Well prepared.  ")
    found, case = of(stage, number, "nora"), casts.load(stage, number)
    assert (found.signed_at, found.late, found.comment) == (at, False, "Well prepared.")
    assert (case.row_version, case.sequence) == (before.row_version, before.sequence + 1)
    assert refusal(stage, reviews.rate, "nora", number, {}) == ("review_signed",)
    assert refusal(stage, reviews.sign, "nora", number) == ("review_signed",)
    assert refusal(stage, reviews.decline, "nora", number, "No.") == ("review_signed",)
    with stage.database.read() as db:
        chain = lists.chain_of(db, case.id)
    said = chain[-1].facts["facts"]
    assert (said["review"], said["late"], said["ratings"]["TRI-4"]) == (found.id, False, "3")


def test_somebody_asked_by_name_rates_every_item(lite: Stage) -> None:
    number = assigned(lite)
    hire(lite, "sol", "SKILLS")
    ask(lite, number, "sol", "TRI")
    declare(lite, number, "sol")
    act(lite, reviews.rate, "sol", number, {"TRI-1": RatingPut("2"), "TRI-2": RatingPut("1")})
    assert refusal(lite, reviews.sign, "sol", number, "A comment.") == ("comment_missing", "item_unrated")
    rate(lite, number, "sol")
    sign(lite, number, "sol")


def test_a_signature_answers_for_the_unit_that_was_asked(lite: Stage) -> None:
    number = assigned(lite)
    hire(lite, "nils", "NORMES")
    for who, comment in (("nora", "Convention 111 is missing."), ("nils", "Nothing to add.")):
        ask(lite, number, who, "ILS")
        declare(lite, number, who)
        sign(lite, number, who, comment)
    asked = next(entry for entry in latest(lite, number).consultations if entry.unit == "NORMES")
    # The first to sign speaks for the unit; what was said stays.
    assert (asked.answered_by, asked.text, asked.late) == (
        lite.people["nora"].id,
        "Convention 111 is missing.",
        False,
    )


def test_whoever_signs_then_sees_the_others(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "gus", "TRI")
    declare(lite, number, "gus")
    reviewed(lite, number, "nora", value="3")
    gus = lite.people["gus"]
    case = casts.load(lite, number)
    assert access.is_blind(case, gus)
    assert not access.sees_running_ratings(case, gus)
    rate(lite, number, "gus")
    sign(lite, number, "gus")
    case = casts.load(lite, number)
    assert not access.is_blind(case, gus)
    assert access.sees_running_ratings(case, gus)
    assert access.as_seen(case, gus) == case


def test_two_people_sign_at_the_same_moment(stage: Stage) -> None:
    number = assigned(stage)
    for who in ("nora", "gus"):
        ask(stage, number, who, "TRI")
        declare(stage, number, who)
        rate(stage, number, who)
    before = casts.load(stage, number)

    def signing(who: str) -> Callable[[], Case]:
        def run() -> Case:
            with stage.database.begin() as db:
                return reviews.sign(db, stage.library, stage.people[who], stage.now, number)

        return run

    found = race(signing("nora"), signing("gus"))
    assert all(isinstance(entry, Case) for entry in found), found
    case = casts.load(stage, number)
    assert all(of(stage, number, who).signed_at for who in ("nora", "gus"))
    assert (case.sequence, case.row_version) == (before.sequence + 2, before.row_version)
    with stage.database.read() as db:
        assert events.broken(lists.chain_of(db, case.id), case.head) is None


def test_of_two_signatures_of_the_same_review_one_counts(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI")
    declare(stage, number, "nora")
    rate(stage, number, "nora")

    def run() -> Case:
        with stage.database.begin() as db:
            return reviews.sign(db, stage.library, stage.people["nora"], stage.now, number)

    found = race(run, run)
    assert sorted(type(entry).__name__ for entry in found) == ["Case", "NotAllowed"]
    assert names_of(stage, number).count("sign_review") == 3  # the two bureaux signed before


def test_a_review_signed_after_its_date_is_kept_and_marked_late(lite: Stage) -> None:
    number = assigned(lite)
    for who in ("nora", "gus"):
        ask(lite, number, who, "TRI")
        declare(lite, number, who)
        rate(lite, number, who, value="3")
    lite.now = datetime(2010, 2, 10, 22, 59, tzinfo=UTC)  # The last minute of the day in Geneva.
    sign(lite, number, "nora")
    sign(lite, number, "gus")
    assert (of(lite, number, "nora").late, of(lite, number, "gus").late) == (False, True)
    casts.rate(lite, number)
    assert casts.refused(lite, "lead", number, "finalise") == ("appraisal_incomplete",)
    # Only the one that came in time is owed an answer.
    explain(lite, number)
    casts.take(lite, "lead", number, "finalise")


def recorded(stage: Stage, number: str) -> dict[str, Any]:
    """Return the value of the newest record."""
    with stage.database.read() as db:
        found = records.newest_record(db, number)
    assert found is not None
    value: dict[str, Any] = json.loads(found.value)
    return value


def explain(stage: Stage, number: str, reason: str = "The annexes say otherwise.") -> None:
    given = {
        item: RatingPut(kept.value, kept.comment, kept.evidence, reason)
        for item, kept in latest(stage, number).ratings.items()
        if item.startswith("TRI")
    }
    act(stage, lead.rate, "lead", number, given)


def test_a_hold_is_no_delay(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI", due_on=date(2010, 2, 5))
    declare(lite, number, "nora")
    rate(lite, number, "nora")
    casts.take(lite, "desk", number, "hold", until=date(2010, 2, 20), note="Elections.")
    lite.wait(days=14)
    casts.take(lite, "desk", number, "release")
    sign(lite, number, "nora")
    assert not of(lite, number, "nora").late


def test_a_review_signed_after_the_lead_has_finalised_changes_nothing(stage: Stage) -> None:
    number = assigned(stage)
    ask(stage, number, "nora", "TRI", due_on=date(2010, 2, 3))
    declare(stage, number, "nora")
    rate(stage, number, "nora", value="1")
    stage.wait(days=3)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    before, rows = latest(stage, number), casts.contents(stage)
    sign(stage, number, "nora", "Too late, but here it is.")
    after = casts.contents(stage)
    changed = {name for name in rows if rows[name] != after[name]}
    assert changed == {"reviews", "proposals", "events", "consultations", "notices", "jobs"}
    found, now = of(stage, number, "nora"), latest(stage, number)
    assert (found.late, found.comment, found.ratings["TRI-1"].value) == (
        True,
        "Too late, but here it is.",
        "1",
    )
    for name in ("ratings", "verdicts", "computed", "final", "record", "row_version", "conditions"):
        assert getattr(now, name) == getattr(before, name)
    casts.take(stage, "chief", number, "approve")


# Reconciling.


def test_the_lead_takes_over_what_all_agree_on(stage: Stage) -> None:
    number = assigned(stage)
    reviewed(stage, number, "nora", value="3", TRI_1="2", TRI_2="1")
    reviewed(stage, number, "gus", value="3", TRI_1="3", TRI_2="1")
    act(stage, lead.rate, "lead", number, {"TRI-3": RatingPut("2", "Mine.")})
    seen = latest(stage, number).row_version
    before = casts.load(stage, number)
    act(stage, reviews.adopt_agreed, "lead", number, seen=seen)
    running = latest(stage, number)
    assert {item: given.value for item, given in running.ratings.items()} == {
        "TRI-2": "1",
        "TRI-3": "2",
        **{f"TRI-{place}": "3" for place in range(4, 9)},
    }
    assert running.ratings["TRI-2"].comment == "Nora: Because.\nGus: Because."
    assert running.ratings["TRI-2"].evidence == "p. 3"
    assert running.ratings["TRI-3"].comment == "Mine."
    assert casts.load(stage, number).row_version == before.row_version
    with pytest.raises(StepConflict):
        act(stage, reviews.adopt_agreed, "lead", number, seen=seen)
    assert refusal(stage, reviews.adopt_agreed, "desk", number) == ("not_lead",)


def test_what_the_lead_noted_without_a_rating_stays_before_what_is_taken_over(lite: Stage) -> None:
    number = assigned(lite)
    reviewed(lite, number, "nora", value="3")
    act(lite, lead.rate, "lead", number, {"TRI-1": RatingPut("", "Ask them first.", "Annex 2")})
    act(lite, reviews.adopt_agreed, "lead", number)
    found = latest(lite, number).ratings["TRI-1"]
    assert (found.value, found.comment, found.evidence) == (
        "3",
        "Ask them first.\nNora: Because.",
        "Annex 2\np. 3",
    )


def test_a_reason_is_kept_until_it_is_changed_and_originals_stay(stage: Stage) -> None:
    number = assigned(stage)
    reviewed(stage, number, "nora", value="3")
    casts.rate(stage, number)
    original = of(stage, number, "nora")
    assert casts.refused(stage, "lead", number, "finalise") == ("appraisal_incomplete",)
    explain(stage, number)
    act(stage, lead.rate, "lead", number, {"TRI-1": RatingPut("2", "Once more.")})
    assert latest(stage, number).ratings["TRI-1"].reason == "The annexes say otherwise."
    act(stage, lead.rate, "lead", number, {"TRI-1": RatingPut("2", reason="")})
    assert latest(stage, number).ratings["TRI-1"].reason == ""
    assert casts.refused(stage, "lead", number, "finalise") == ("appraisal_incomplete",)
    act(stage, lead.rate, "lead", number, {"TRI-1": RatingPut("3", reason="No longer true.")})
    casts.take(stage, "lead", number, "finalise")
    assert of(stage, number, "nora") == original
    # The record keeps both ratings, and the reason where they differ.
    record = recorded(stage, number)["appraisal"]
    reasons = {
        item["id"]: item["reason"]
        for entry in record["criteria"]
        for item in entry["items"]
        if "reason" in item
    }
    assert reasons == {f"TRI-{place}": "The annexes say otherwise." for place in range(2, 9)}
    nora = next(entry for entry in record["reviews"] if entry["person"]["name"] == "Nora")
    assert {entry["rating"] for entry in nora["ratings"]} == {"3"}


# The block that EVAL finalises.


def evaluated(stage: Stage, number: str, value: str = "2", who: str = "eval", **single: str) -> None:
    declare(stage, number, who)
    rate(stage, number, who, "EVA", value, **single)
    sign(stage, number, who)


def test_evals_ratings_are_handed_over_when_they_are_signed(stage: Stage) -> None:
    number = assigned(stage, budget=LARGE)
    declare(stage, number, "eval")
    rate(stage, number, "eval", "EVA", "3", EVA_3="1")
    assert not any(item.startswith("EVA") for item in latest(stage, number).ratings)
    seen = latest(stage, number).row_version
    sign(stage, number, "eval")
    running = latest(stage, number)
    final = {item: given for item, given in running.ratings.items() if item.startswith("EVA")}
    person = stage.people["eval"].id
    signed = of(stage, number, "eval").ratings
    assert final == {item: replace(given, by=person) for item, given in signed.items()}
    assert (final["EVA-3"].value, final["EVA-2"].value, final["EVA-2"].comment) == ("1", "3", "Because.")
    assert running.row_version == seen
    table = tables.ratings
    with stage.database.read() as db:
        by = db.execute(select(table.c.by).where(table.c.item.like("EVA-%")).distinct()).scalars().all()
    assert by == [stage.people["eval"].id]
    given = {"EVA-3": RatingPut("2"), "EVA-2": RatingPut("2"), "TRI-1": RatingPut("2")}
    assert refusal(stage, lead.rate, "lead", number, given) == ("block_of_unit",)


def lead_rates(stage: Stage, number: str) -> None:
    """Let the lead rate everything but EVAL's block."""
    items = [item for item in casts.items_of(stage, number) if not item.startswith("EVA")]
    act(stage, lead.rate, "lead", number, {item: RatingPut("2") for item in items})


@pytest.mark.parametrize(("budget", "needed"), [("5000000.00", False), ("5000000.01", True)])
def test_the_block_is_needed_above_five_million_only(lite: Stage, budget: str, needed: bool) -> None:
    number = assigned(lite, budget=budget)
    lead_rates(lite, number)
    if needed:
        assert casts.refused(lite, "lead", number, "finalise") == ("evaluability_incomplete",)
        # Its silence blocks, date or no date: it is no comment but part of the appraisal.
        lite.wait(days=60)
        assert casts.refused(lite, "lead", number, "finalise") == ("evaluability_incomplete",)
        evaluated(lite, number)
    casts.take(lite, "lead", number, "finalise")
    assert latest(lite, number).covers_evaluability == needed


def test_evals_reviewer_never_decides(lite: Stage) -> None:
    hire(lite, "eve", "EVAL", "appraiser", "manager")
    number = assigned(lite, budget=LARGE)
    evaluated(lite, number, who="eve")
    lead_rates(lite, number)
    casts.take(lite, "lead", number, "finalise")
    record = recorded(lite, number)["appraisal"]
    (block,) = [entry for entry in record["criteria"] if entry["code"] == "EVA"]
    assert block["finalised_by"]["person"]["name"] == "Eve"
    # EVAL gives the ratings of its block as EVAL, not in the lead's place.
    assert record.get("rated_for_lead", []) == []
    for step, given in (
        ("approve", {}),
        ("reject", {"note": "No."}),
        ("return", {"changes": (ChangeAsked("More.", "TRI-1"),)}),
    ):
        assert casts.refused(lite, "eve", number, step, **given) == ("block_finaliser",)
    casts.take(lite, "chief", number, "approve")


def test_one_of_eval_finalises_and_the_others_are_told_so(lite: Stage) -> None:
    hire(lite, "eve", "EVAL")
    number = assigned(lite, budget=LARGE)
    declare(lite, number, "eve")
    assert refusal(lite, reviews.declare, "eval", number, conflict=None) == ("block_taken",)
    act(lite, reviews.decline, "eve", number, "Away.")
    evaluated(lite, number)
    assert latest(lite, number).ratings["EVA-2"].value == "2"


def test_a_recalled_appraisal_takes_its_reviews_along(stage: Stage) -> None:
    number = assigned(stage, budget=LARGE)
    reviewed(stage, number, "nora")
    ask(stage, number, "gus", "TRI", due_on=date(2010, 2, 3))
    evaluated(stage, number)
    stage.wait(days=3)
    casts.rate(stage, number)
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "lead", number, "recall", note="A slip.")
    before, after = casts.load(stage, number).appraisals[-2:]
    originals = [entry for entry in before.reviews if entry.signed_at]
    copies = [entry for entry in after.reviews if entry.signed_at]
    assert [replace(entry, id=0, row_version=0) for entry in copies] == [
        replace(entry, id=0, row_version=0) for entry in originals
    ]
    assert {entry.id for entry in copies}.isdisjoint(entry.id for entry in originals)
    # EVAL does not have to sign again, and the open review is still to be signed.
    declare(stage, number, "gus")
    casts.take(stage, "lead", number, "finalise")
    assert latest(stage, number).covers_evaluability


def test_another_lead_confirms_everything_but_evals_block(lite: Stage) -> None:
    number = assigned(lite, budget=LARGE)
    evaluated(lite, number)
    casts.rate(lite, number)
    casts.take(lite, "desk", number, "reassign", lead="all", note="Leave.")
    running = latest(lite, number)
    assert {item for item, given in running.ratings.items() if not given.proposed} == {
        item for item in running.ratings if item.startswith("EVA")
    }
    act(lite, lead.confirm_unchanged, "all", number)
    casts.take(lite, "all", number, "finalise")


def test_the_open_review_of_whoever_becomes_lead_is_taken_back(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "nora", "TRI")
    casts.take(lite, "desk", number, "reassign", lead="nora", note="Leave.")
    assert of(lite, number, "nora").withdrawn_at is not None


def revised(stage: Stage, number: str) -> None:
    """Let the lead rate TRI-1 low and ask for a revision; the author changes the gender section only."""
    casts.rate(stage, number, TRI_1="1")
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("Consult.", "TRI-1"),))
    casts.save(stage, number, "gender", analysis="Women earn less.")
    casts.resubmit(stage, number)
    casts.assign(stage, number)


def test_a_reviewer_finds_the_own_ratings_of_the_last_round_as_proposed(stage: Stage) -> None:
    number = assigned(stage, budget=LARGE)
    reviewed(stage, number, "nora", TRI_1="1")
    evaluated(stage, number, "3")
    revised(stage, number)
    ask(stage, number, "nora", "TRI", "GEN", due_on=date(2010, 3, 1))
    declare(stage, number, "nora")
    mine = of(stage, number, "nora")
    assert {item: (given.value, given.proposed) for item, given in mine.ratings.items()} == {
        f"TRI-{place}": ("1" if place == 1 else "2", True) for place in range(1, 9)
    }
    act(stage, reviews.confirm_unchanged, "nora", number)
    assert not any(given.proposed for given in of(stage, number, "nora").ratings.values())
    # EVAL's come along as EVAL's, and wait for EVAL's confirmation.
    declare(stage, number, "eval")
    theirs = of(stage, number, "eval")
    assert {(given.value, given.proposed) for given in theirs.ratings.values()} == {("3", True)}
    assert refusal(stage, reviews.sign, "eval", number) == ("item_unconfirmed",)
    act(stage, reviews.confirm_unchanged, "eval", number)
    # What it cites has changed, so it is confirmed by itself.
    assert {item for item, given in of(stage, number, "eval").ratings.items() if given.proposed} == {"EVA-1a"}
    act(stage, reviews.rate, "eval", number, {"EVA-1a": RatingPut("3", "Because.", "p. 3")})
    sign(stage, number, "eval")
    assert not any(
        given.proposed for item, given in latest(stage, number).ratings.items() if item.startswith("EVA")
    )


def test_what_changed_since_is_confirmed_one_by_one(lite: Stage) -> None:
    number = assigned(lite)
    reviewed(lite, number, "nora", "GEN")
    revised(lite, number)
    ask(lite, number, "nora", "GEN", due_on=date(2010, 3, 1))
    declare(lite, number, "nora")
    act(lite, reviews.confirm_unchanged, "nora", number)
    left = {item for item, given in of(lite, number, "nora").ratings.items() if given.proposed}
    assert "GEN-1" in left
    assert len(left) < 8
    with lite.database.read() as db:
        held = reviews.held(db, lite.library, lite.people["nora"], number)
    assert held is not None
    assert left <= reviews.changed_evidence(held, lite.people["nora"])


def test_events_of_reviews_do_not_tell_the_blind(lite: Stage) -> None:
    number = assigned(lite)
    ask(lite, number, "gus", "TRI")
    reviewed(lite, number, "nora")
    case = casts.load(lite, number)
    with lite.database.read() as db:
        told = history_for(case, lite.people["gus"], lists.history_of(db, case.id))
    assert [entry.name for entry in told] == ["create", "submit", "assign"]
    assert [entry.sequence for entry in told] == [1, 2, 3]
    assert not any(entry.digest or entry.note for entry in told)


def test_a_refused_declaration_opens_no_review_of_the_unit(lite: Stage) -> None:
    number = assigned(lite)
    assert refusal(lite, reviews.declare, "nora", number, conflict=" ") == ("conflict_missing",)
    declare(lite, number, "nora")
    assert of(lite, number, "nora").checklists == ("ILS",)
