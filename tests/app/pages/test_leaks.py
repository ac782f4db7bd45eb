"""Leaks: whoever still owes a review is told the same, whatever others have said; others what they may read.

Every route is walked in two worlds (``worlds``) that differ in nothing else; the answers to those who owe a
review must not differ in a byte, save tokens. In one of them it is walked again in every other relation, and
each word that was said there is found where it may be read, and nowhere else.
"""

import difflib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.routing import Rule

from appraisal.app.application import create_app
from appraisal.cli import COMMANDS
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.definitions.library import Library
from appraisal.proposals.rules.attempt import ChangeAsked
from tests import casts
from tests.app.pages import walks, worlds
from tests.app.pages.walks import Unfilled, Visit
from tests.app.pages.worlds import World
from tests.casts import Clock
from tests.web import building
from tests.web.building import Cast
from tests.web.sites import Compiled, ReadingClient

Plan = list[tuple[Rule, str]]
# Those who open the page of every step; the others open those of a few.
THOROUGH: Final = ("declared", "roles")
# What was found in a proposal that is decided is shown to whoever works on a similar one, but never to
# those who are still to say what they think of it; these walkers are not asked about those.
OPEN: Final = (("elsewhere", "similarities.show"), ("former", "similarities.show"))


@contextmanager
def _copied(both: tuple[World, World], folder: Path) -> Iterator[tuple[World, World]]:
    """Copy both worlds, to be changed."""
    found = []
    for world in both:
        place = folder / str(world.told)
        shutil.copytree(world.site.settings.data, place)
        site = building.open_site(place, world.site.library, Clock(world.site.now()))
        found.append(World(site, world.cast, world.told, world.numbers))
    try:
        yield found[0], found[1]
    finally:
        for world in found:
            world.site.database.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[tuple[World, World]]:
    """Build the two worlds from copies of one database."""
    begun = tmp_path_factory.mktemp("begun")
    database = Database(f"sqlite:///{begun / 'appraisal.sqlite3'}")
    schema.upgrade(database)
    cast = worlds.create_people(database)
    database.close()
    first = _open(begun, library, cast, told=False)
    worlds.begin(first)
    first.site.database.close()
    found = []
    for told in (False, True):
        folder = tmp_path_factory.mktemp("told" if told else "silent")
        shutil.copytree(begun, folder, dirs_exist_ok=True)
        world = _open(folder, library, cast, told=told, like=first)
        worlds.go_on(world)
        found.append(world)
    yield found[0], found[1]
    for world in found:
        world.site.database.close()


def _open(folder: Path, library: Library, cast: Cast, *, told: bool, like: World | None = None) -> World:
    moment = like.site.now() if like else casts.START
    site = building.open_site(folder, library, Clock(moment))
    return World(site, cast, told, dict(like.numbers) if like else {})


@pytest.fixture(scope="module")
def apps(both: tuple[World, World], compiled: Compiled) -> tuple[Flask, Flask]:
    """Return the applications of the two worlds."""
    return _app(both[0], compiled), _app(both[1], compiled)


def _app(world: World, compiled: Compiled) -> Flask:
    app = create_app(world.site)
    compiled.share(app)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = ReadingClient
    return app


@pytest.fixture(scope="module")
def to_read(both: tuple[World, World], apps: tuple[Flask, Flask]) -> Plan:
    """Return every address that can be read."""
    return list(walks.addresses(apps[0], both, "GET"))


@pytest.fixture(scope="module")
def to_send(both: tuple[World, World], apps: tuple[Flask, Flask]) -> Plan:
    """Return every address that takes a form."""
    return list(walks.addresses(apps[0], both, "POST", ("first", "second", "approved")))


def _visits(both: tuple[World, World], apps: tuple[Flask, Flask], who: str) -> tuple[Visit, Visit]:
    found = []
    for world, app in zip(both, apps, strict=True):
        client = app.test_client()
        building.sign_in_as(client, world.site, world.cast[who])
        found.append(Visit(app, client, world))
    return found[0], found[1]


def _report(found: Mapping[str, str]) -> str:
    """Say which answers differ, and how the first of them do."""
    details = [f"{where}\n{difference}" for where, difference in list(found.items())[:5]]
    return "\n".join([f"{len(found)} answers differ:", *found, "", *details])


def _difference(silent: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Say what differs between two answers; empty where nothing does."""
    if silent == told:
        return ""
    found = []
    for key in silent:
        if key != "body" and silent[key] != told[key]:
            found.append(f"  {key}: {silent[key]} / {told[key]}")
    before, after = (answer["body"].decode(errors="replace").splitlines() for answer in (silent, told))
    found += [f"  {line}" for line in difflib.unified_diff(before, after, "silent", "told", n=0, lineterm="")]
    return "\n".join(found[:40])


@pytest.mark.thorough
@pytest.mark.parametrize("who", worlds.WALKERS)
def test_nobody_who_owes_a_review_reads_what_others_said(
    both: tuple[World, World], apps: tuple[Flask, Flask], to_read: Plan, who: str
) -> None:
    silent, told = _visits(both, apps, who)

    found = {
        asked: difference
        for rule, address in to_read
        if (who in THOROUGH or walks.is_telling(rule, address)) and (who, rule.endpoint) not in OPEN
        for asked in walks.questions(rule, address)
        if (difference := _difference(silent.get(asked), told.get(asked)))
    }

    assert not found, _report(found)


@pytest.mark.thorough
@pytest.mark.parametrize("who", ["undeclared", "consulted", "rated", "roles"])
def test_no_form_that_is_sent_tells_what_others_said(
    both: tuple[World, World], compiled: Compiled, to_send: Plan, tmp_path: Path, who: str
) -> None:
    found = {}
    with _copied(both, tmp_path) as copies:
        silent, told = _visits(copies, (_app(copies[0], compiled), _app(copies[1], compiled)), who)
        for rule, address in to_send:
            for world in copies:
                world.wait()
            for place, form in enumerate(walks.forms_of(rule, copies[0]), 1):
                answers = silent.post(address, form), told.post(address, form)
                if difference := _difference(*answers):
                    found[f"{address}, form {place}"] = difference
            onward = silent.get(address), told.get(address)
            if difference := _difference(*onward):
                found[f"{address} afterwards"] = difference

    assert not found, _report(found)


@pytest.mark.thorough
@pytest.mark.parametrize("who", worlds.WALKERS)
def test_no_notice_tells_what_others_said(both: tuple[World, World], who: str) -> None:
    silent, told = (worlds.notices_to(world, who) for world in both)

    assert told == silent


def _read(visit: Visit, plan: Plan, key: str) -> str:
    """Return all that the addresses of one proposal say to somebody."""
    number = visit.world.numbers[key]
    places = [address for _, address in plan if f"/{number}" in address]
    return "\n".join(visit.get(address)["body"].decode(errors="replace") for address in places)


@pytest.mark.thorough
def test_whoever_has_signed_reads_what_the_others_said(
    both: tuple[World, World], compiled: Compiled, to_read: Plan, tmp_path: Path
) -> None:
    with _copied(both, tmp_path) as copies:
        _, told = _visits(copies, (_app(copies[0], compiled), _app(copies[1], compiled)), "rated")
        before = _read(told, to_read, "first")
        worlds.act(told.world, "first", "rated", value="2", sign=True)
        after = _read(told, to_read, "first")

    assert [word in before for word in worlds.SAID] == [False] * len(worlds.SAID)
    assert [word in after for word in worlds.SAID] == [True] * len(worlds.SAID)


# Under appraisal, in the first round and in the second; finalised; and decided.
STANDING: Final = ("first", "second", "awaiting", "approved")
WORD: Final = re.compile(rf"(?:{'|'.join((*worlds.SAID, worlds.WHY_NOT))})-[a-z]+-\d")
# The rounds that are finalised; their records can be read by themselves.
FINAL: Final = frozenset({"second-1", "awaiting-1", "approved-1", "rejected-1"})
FIRST: Final = frozenset({"first-1"})
NOTHING: Final[frozenset[str]] = frozenset()
# Those who open the pages of all these proposals; the others open those of the first one, and every list.
WIDELY: Final = ("designer", "both", "chief")
# Of what a person reads what lead, units and reviewers said, and of what why somebody does not review.
# Authors and managers read an appraisal once it is finalised, lead, coordinators and auditors at once.
READ_BY: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "designer": (FINAL, NOTHING),
    "chief": (FINAL, NOTHING),
    # An author of the first proposal, and a coordinator of the others.
    "both": (FINAL | {"second-2"}, frozenset({"second-1", "second-2", "awaiting-1", "approved-1"})),
    "reader": (FINAL | FIRST, FIRST),
    "desk": (FINAL | FIRST, FIRST),
    "auditor": (FINAL | FIRST, FIRST),
    "former": (FIRST, FIRST),
    "signs": (FINAL | FIRST, NOTHING),
    # Signed after the decisions, and owes the first review.
    "asked": (frozenset({"awaiting-1", "approved-1", "rejected-1"}), NOTHING),
    # Read why they do not review, by themselves.
    "declines": (NOTHING, FIRST),
    "conflicted": (NOTHING, FIRST),
    "designer2": (NOTHING, NOTHING),
    "stranger": (NOTHING, NOTHING),
    "admin": (NOTHING, NOTHING),
}
# What the pages of the first proposal say of its appraisal beside those words: who reviews, what they did,
# which units were silent, and what it comes to.
SHOWN: Final = (
    "Zora Hidden",
    "Yusuf Hidden",
    "Xenia Hidden",
    "Wole Hidden",
    "Vera Hidden",
    "Elena Petrova",
    "Farid Haddad",
    "Una Walker",
    " signed a review",
    " declared that there is no conflict of interest.",
    " declined to review.",
    " wrote down what ",
    "No comment by the date",
    "To be revised",
)
READ_IT: Final = ("reader", "desk", "auditor", "former", "signs")


def _words(said: frozenset[str], why: frozenset[str]) -> set[str]:
    """Return the words that somebody reads; no unit answered in the first round of the second proposal."""
    found = {f"{word}-{place}" for word in worlds.SAID for place in said}
    return found - {f"{worlds.UNITS_SAY}-second-1"} | {f"{worlds.WHY_NOT}-{place}" for place in why}


def _shown(text: str, reader: str) -> set[str]:
    """Return what a page says of an appraisal, but for the name of its reader, which stands on every page."""
    return {sign for sign in SHOWN if sign != reader and sign in text}


@pytest.fixture(scope="module")
def to_know(both: tuple[World, World], apps: tuple[Flask, Flask]) -> Plan:
    """Return every address of the told world that can be read, of the first proposal every step."""
    _, told = both
    return [
        (rule, address)
        for rule, address in walks.addresses(apps[1], (told,), "GET", STANDING)
        if walks.is_telling(rule, address) or told.numbers["first"] in address
    ]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("who", READ_BY)
def test_what_was_said_of_a_proposal_is_read_by_those_who_may_and_nobody_else(
    both: tuple[World, World], apps: tuple[Flask, Flask], to_know: Plan, who: str
) -> None:
    _, told = _visits(both, apps, who)
    expected, first = _words(*READ_BY[who]), told.world.numbers["first"]
    name = told.world.cast[who].name

    read: dict[str, str] = {}
    shown: dict[str, str] = {}
    for rule, address in to_know:
        is_first = first in address
        narrowly = walks.is_telling(rule, address) and ("number" not in rule.arguments or is_first)
        if (who, rule.endpoint) in OPEN or not (who in WIDELY or narrowly):
            continue
        text = told.get(address)["body"].decode(errors="replace")
        read |= dict.fromkeys(WORD.findall(text), address)
        if is_first:
            shown |= dict.fromkeys(_shown(text, name), address)

    assert {word: where for word, where in read.items() if word not in expected} == {}
    assert read.keys() == expected
    if who in READ_IT:
        assert [sign for sign in SHOWN if sign != name and sign not in shown] == []
    else:
        assert shown == {}


@pytest.mark.thorough
@pytest.mark.parametrize("who", WIDELY)
def test_no_form_that_is_refused_tells_what_is_said_in_a_running_appraisal(
    both: tuple[World, World], compiled: Compiled, tmp_path: Path, who: str
) -> None:
    with _copied(both, tmp_path) as copies:
        told = _visits(copies, (_app(copies[0], compiled), _app(copies[1], compiled)), who)[1]
        first, name = told.world.numbers["first"], told.world.cast[who].name
        plan = [
            (rule, address)
            for rule, address in walks.addresses(told.app, (told.world,), "POST", ("first",))
            if first in address
        ]
        # An author's withdrawal is not refused, and ends the appraisal.
        plan.sort(key=lambda entry: entry[1].endswith("/steps/withdraw"))
        found, answers = {}, set()
        for rule, address in plan:
            for place, form in enumerate(walks.forms_of(rule, told.world), 1):
                answer = told.post(address, form)
                answers.add(answer["status"])
                text = answer["body"].decode(errors="replace")
                if leaked := set(WORD.findall(text)) | _shown(text, name):
                    found[f"{address}, form {place}"] = leaked

    assert found == {}
    assert {403, 409 if who == "designer" else 403} <= answers


@pytest.mark.parametrize("who", [*WIDELY, "desk"])
def test_authors_and_managers_are_told_of_steps_alone_while_an_appraisal_runs(
    both: tuple[World, World], who: str
) -> None:
    told = both[1]
    steps = {entry.name for entry in told.site.library.newest_workflow().transitions}
    found = {
        what for _, proposal, what, _ in worlds.notices_to(told, who) if proposal == told.load("first").id
    }
    reviews = {"review_signed", "review_declined"}
    # What is told to a coordinator who is no author of it, an author who coordinates is not.
    assert found - steps - {"due_soon", "overdue"} == (reviews if who == "desk" else set())


@pytest.mark.thorough
def test_from_finalising_on_authors_and_managers_read_what_was_said(
    both: tuple[World, World], compiled: Compiled, to_know: Plan, tmp_path: Path
) -> None:
    with _copied(both, tmp_path) as copies:
        world, app = copies[1], _app(copies[1], compiled)
        change = ChangeAsked("Name the outcome.", "ALI-1")
        building.take(
            world.site, world.cast["reader"], world.numbers["first"], "request_revision", changes=(change,)
        )
        for who in WIDELY:
            client = app.test_client()
            building.sign_in_as(client, world.site, world.cast[who])
            text = _read(Visit(app, client, world), _pages(to_know), "first")
            assert set(WORD.findall(text)) == _words(FIRST, NOTHING)
            assert {" signed a review", " wrote down what ", "To be revised"} <= _shown(text, "")


def _pages(plan: Plan) -> Plan:
    """Return the addresses of a plan that are no pages of steps and no similar proposals."""
    return [entry for entry in plan if entry[0].endpoint not in ("steps.take", "similarities.show")]


@pytest.mark.thorough
def test_a_route_that_nobody_knows_how_to_walk_is_noticed(
    both: tuple[World, World], compiled: Compiled
) -> None:
    app = _app(both[0], compiled)
    app.add_url_rule("/proposals/<number>/rumours/<rumour>", "rumours", methods=["POST"])
    with pytest.raises(Unfilled, match="ARGUMENTS what <rumour> may be"):
        list(walks.addresses(app, both, "POST"))
    app = _app(both[0], compiled)
    app.add_url_rule("/rumours", "rumours", methods=["POST"])
    *_, (rule, address) = (entry for entry in walks.addresses(app, both, "POST") if "rumour" in entry[1])
    assert address == "/rumours"
    with pytest.raises(Unfilled, match="FORMS what a form of /rumours"):
        walks.forms_of(rule, both[0])


# What each command reads or writes is for whoever runs the machine and reads the whole database; none
# shows a proposal to a person. One that does belongs into the walk.
OPERATORS: Final = frozenset(
    {
        "agreement",
        "audit",
        "bundle",
        "check",
        "db",
        "demo",
        "draw",
        "drawings",
        "import",
        "iati",
        "import-approvals",
        "import-lessons",
        "indicator",
        "keys",
        "mail",
        "people",
        "play",
        "record",
        "score",
        "serve",
        "tick",
        "times",
        "verify",
        "work",
    }
)


def test_no_command_acts_for_a_person() -> None:
    assert set(COMMANDS) == OPERATORS
