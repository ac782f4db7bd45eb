"""A scenario is performed step by step through the services that the web uses, under its own clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, func, select

from appraisal.accounts.services import accounts
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.deadlines import services as deadlines_services
from appraisal.deadlines.services import BadSettingGiven
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError, NotFound
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.services.exchange_rates import RateGiven, enter_rate, examine_rate
from appraisal.scenarios import comparison
from appraisal.scenarios.files import Script, Timed
from appraisal.scenarios.play import Doing, Play
from appraisal.scenarios.verbs import transitions
from appraisal.scenarios.verbs.table import VERBS
from appraisal.vocabulary.refusals import NotAllowed, refuse


def play(
    script: Script,
    database: Database,
    library: Library,
    files: Files,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Play:
    """Play every step and compare what must be true; the differences stand in what is returned."""
    playing = Play(database, _pinned(library, script), files, script)
    _set_up(playing, script.steps[0].at)
    for done, timed in enumerate(script.steps):
        progress(done, len(script.steps))
        playing.now = timed.at
        _take(playing, timed)
        playing.differences += comparison.differences(playing, timed.step.then, timed.line)
    progress(len(script.steps), len(script.steps))
    playing.differences += comparison.differences(playing, script.scenario.expect, script.expect_line)
    return playing


def _pinned(library: Library, script: Script) -> Library:
    """Let drafts follow the workflow and set that the scenario names, as if they alone were released."""
    named = [key for key in (script.scenario.workflow, script.scenario.set) if key]
    if not named:
        return library
    workflow = script.scenario.workflow or library.newest_workflow().key
    chosen = script.scenario.set or library.newest_set().key
    keep = {workflow, chosen, library.indicators().key}
    return replace(library, released={key: library.digests[key] for key in keep})


def _set_up(playing: Play, now: datetime) -> None:
    scenario = playing.script.scenario
    with playing.database.begin() as db:
        for key, acting in scenario.people.items():
            found = accounts.find_by_email(db, f"{key}@example.org")
            playing.people[key] = (
                found.person
                if found
                else accounts.create_person(
                    db,
                    SYSTEM_ACTOR,
                    now,
                    email=f"{key}@example.org",
                    name=acting.name or key,
                    roles=acting.roles,
                    unit=acting.unit,
                    language=acting.language,
                )
            )
    for rate in scenario.rates:
        with _entered(playing, f"the rate of {rate.currency} on {rate.day}") as db:
            given = RateGiven(rate.currency, rate.day, rate.per_usd, rate.source)
            doubt = examine_rate(db, now, given)
            if not enter_rate(db, SYSTEM_ACTOR, now, given, doubt.key if doubt else None):
                raise BadSettingGiven("exists")
    for holiday in scenario.holidays:
        with _entered(playing, f"the holiday {holiday.name} on {holiday.day}") as db:
            deadlines_services.enter_holiday(
                db, SYSTEM_ACTOR, now, holiday.station, holiday.day, holiday.name
            )


@contextmanager
def _entered(playing: Play, what: str) -> Iterator[Connection]:
    """Open a transaction for one setting; one that cannot be entered is a difference."""
    try:
        with playing.database.begin() as db:
            yield db
    except BadSettingGiven as error:
        reason = (
            "stands in the database already" if error.code == "exists" else f"cannot be entered ({error})"
        )
        playing.differences.append(f"{what} {reason}")
    except NotAllowed as error:
        playing.differences.append(f"{what} cannot be entered ({', '.join(error.codes)}): {error}")


def _take(playing: Play, timed: Timed) -> None:
    """Take one step; a refusal that was not expected, or one that was and did not come, is a difference."""
    step = timed.step
    if step.to is not None and step.to not in playing.numbers:
        _differ(playing, timed, f"{step.to} was never begun")
        return
    before = _marks(playing)
    try:
        with playing.database.begin() as db:
            doing = _doing(playing, timed, db)
            found = VERBS[step.do].do(doing) if step.do in VERBS else transitions.transition(doing)
    except NotAllowed as error:
        _compare_refusal(playing, timed, error, before)
        return
    except NotFound:
        _compare_refusal(playing, timed, _refusal_of_unseen(playing, timed), before)
        return
    except AppraisalError as error:
        _differ(playing, timed, str(error))
        return
    if step.refused:
        playing.differences.append(
            f"line {timed.line}: {step.do} was to be refused ({', '.join(step.refused)}), but was done"
        )
    if step.as_ is not None and found is not None:
        playing.numbers[step.as_] = found.number


def _doing(playing: Play, timed: Timed, db: Connection) -> Doing:
    step = timed.step
    number = playing.numbers[step.to] if step.to is not None else ""
    actor = playing.actor(db, step.by, timed.at)
    return Doing(playing, db, actor, timed.at, step.do, number, step.with_)


def _differ(playing: Play, timed: Timed, message: str) -> None:
    playing.differences.append(f"line {timed.line}: {timed.step.do}: {message}")


def _refusal_of_unseen(playing: Play, timed: Timed) -> NotAllowed:
    """Say what a step that was taken in the dark is refused for; only transitions tell more than that."""
    with playing.database.read() as db:
        doing = _doing(playing, timed, db)
        if doing.number and (timed.step.do not in VERBS or VERBS[timed.step.do].terms.kind == "begins"):
            return transitions.refusal_of_unseen(doing)
    return NotAllowed([refuse("not_visible")])


def _compare_refusal(playing: Play, timed: Timed, error: NotAllowed, before: tuple[Any, ...]) -> None:
    step = timed.step
    if not step.refused:
        playing.differences.append(
            f"line {timed.line}: {step.do} was refused ({', '.join(error.codes)}): {error}"
        )
    elif tuple(sorted(set(step.refused))) != error.codes:
        playing.differences.append(
            f"line {timed.line}: {step.do} was refused for {', '.join(error.codes)}, "
            f"not for {', '.join(sorted(step.refused))}"
        )
    if _marks(playing) != before:
        playing.differences.append(f"line {timed.line}: {step.do} was refused, but left something written")


def _marks(playing: Play) -> tuple[Any, ...]:
    """Return the rows of every table, counted, and how often what has a version of its own was written."""
    with playing.database.read() as db:
        return tuple(db.execute(_counting()).one())


@cache
def _counting() -> Select[Any]:
    counts = [
        select(func.count()).select_from(table).scalar_subquery() for table in tables.METADATA.sorted_tables
    ]
    written = [
        select(func.sum(table.c.row_version)).scalar_subquery()
        for table in (tables.proposals, tables.appraisals, tables.reviews)
    ]
    return select(*counts, *written)
