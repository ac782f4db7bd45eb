"""Expectations of a scenario are compared here with what is true."""

from collections.abc import Mapping
from typing import Any

from appraisal.appraisals.rules.assessment import assess_appraisal
from appraisal.deadlines.rules import working_days
from appraisal.indicators.rules.appraised_share import SCOPES
from appraisal.indicators.services import appraised_share
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.rules import routes, rulebook
from appraisal.proposals.store.case import load_case
from appraisal.records.store import records
from appraisal.scenarios import plain_data
from appraisal.scenarios.files import expected
from appraisal.scenarios.play import Play
from appraisal.scenarios.verbs import lookups

_YES_AND_NO = {"true": True, "yes": True, "false": False, "no": False}
# Whoever plays a scenario reads everything, as an auditor does.
READER = Person(-1, "reader", frozenset({"auditor"}))


def describe(playing: Play, number: str) -> dict[str, Any]:
    """Return what can be said of a proposal, as plain data."""
    with playing.database.read() as db:
        case = load_case(db, number)
        listed, _ = records.list_records(db, READER, number)
        book = rulebook.rulebook(playing.library, case.workflow, case.set)
        found_beside = lookups.describe_found(db, playing, case, book, READER)
    found, appraisal = routes.route(case, book), _latest(case)
    running = case.appraisal
    assessed = assess_appraisal(book, case, running) if running else None
    verdicts = dict(appraisal.verdicts) if appraisal else {}
    clock = working_days.present(book.workflow, case, playing.now)
    return {
        "number": case.number,
        "state": case.state,
        "route": found.kind if found else None,
        "reason": found.reason if found and found.reason else None,
        "version": case.version.number if case.version else 0,
        "track": case.track or None,
        "on_hold": case.hold is not None,
        "verdicts": dict(assessed.verdicts) if assessed and not verdicts else verdicts,
        "computed": appraisal.computed if appraisal else (assessed.recommendation if assessed else None),
        "recommendation": appraisal.final if appraisal else (assessed.recommendation if assessed else None),
        "conditions": len(appraisal.conditions) if appraisal else 0,
        "open_conditions": sum(entry.is_open for entry in appraisal.conditions) if appraisal else 0,
        "changes": len(case.changes),
        "rounds": sum(step.act in ("request_revision", "return") for step in case.steps),
        "usd": format(case.version.usd, "f") if case.version else None,
        "records": [record.digest for record in reversed(listed)],
        "steps": [step.name for step in case.steps],
        "stood_in": [
            f"{step.name}: {case.name(step.by)} for {case.name(step.behalf)}"
            for step in case.steps
            if step.behalf is not None
        ],
        "days": plain_data.days_used(case, book, playing.now),
        "due": clock.due_on.isoformat() if clock else None,
        **plain_data.describe_appraisal(case, book, playing.people, running or appraisal or _last(case)),
        **found_beside,
    }


def _last(case: Case) -> Appraisal | None:
    return case.appraisals[-1] if case.appraisals else None


def _latest(case: Case) -> Appraisal | None:
    """Return the appraisal that was finalised last and still stands."""
    return next(
        (entry for entry in reversed(case.appraisals) if entry.finalised_at and not entry.superseded_at), None
    )


def describe_indicator(
    playing: Play, code: str, biennium: str, scope: str = "", as_of: str = ""
) -> dict[str, Any]:
    """Return an indicator's report as plain data, of the funds of a scope and as of a moment if asked for."""
    past = appraised_share.read_past(as_of) if as_of else None
    funds = SCOPES[scope] if scope else None
    with playing.database.read() as db:
        value = appraised_share.value(db, playing.library, code, biennium, past, funds)
    return {**value, "asked": [entry for entry in (code, biennium, scope, as_of) if entry]}


def differences(playing: Play, given: Mapping[str, Any], line: int) -> list[str]:
    """Return a readable line for everything that is not as it was said to be."""
    wanted = expected(given)
    found = []
    for handle, facts in wanted.proposals.items():
        if handle not in playing.numbers:
            found.append(f"line {line}: {handle} was never begun")
            continue
        actual = describe(playing, playing.numbers[handle])
        found += _compare(handle, facts, _with_nothing(actual, facts), line)
    for entry in wanted.indicators:
        facts = {key: value for key, value in entry.items() if key not in ASKED}
        name = " ".join(["indicator", *filter(None, asked(entry))])
        found += _compare(name, facts, describe_indicator(playing, *asked(entry)), line)
    return found


# What an expectation asks for of an indicator, with what is taken where it does not say.
ASKED = {"indicator": appraised_share.CODE, "biennium": "", "scope": "", "as_of": ""}


def asked(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return what an expectation asks for: code, biennium, scope and as of when, the last two often empty."""
    code, biennium, scope, as_of = (str(entry.get(key, default)) for key, default in ASKED.items())
    return code, biennium, scope, as_of


# Names under these are known to the reader of the file, so what nothing is said of is nothing.
_NAMED = ("reviews", "ratings", "evidence", "consultations", "agreement", "days", "self_check", "told")


def _with_nothing(actual: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Let whoever was never asked, and whatever was never rated, be compared as none."""
    filled = dict(actual)
    for key in _NAMED:
        if isinstance(named := wanted.get(key), Mapping) and isinstance(actual.get(key), Mapping):
            filled[key] = {**dict.fromkeys(named), **actual[key]}
            if key == "reviews":
                filled[key] |= {
                    name: _with_nothing(actual[key][name], facts)
                    for name, facts in named.items()
                    if isinstance(facts, Mapping) and name in actual[key]
                }
    return filled


def _compare(name: str, wanted: Mapping[str, Any], actual: Mapping[str, Any], line: int) -> list[str]:
    found = []
    for key, value in wanted.items():
        if key not in actual:
            found.append(f"line {line}: {name}: nothing is known of ‘{key}’")
        elif isinstance(value, Mapping) and isinstance(actual[key], Mapping):
            found += _compare(f"{name} {key}", value, actual[key], line)
        elif isinstance(actual[key], bool) and str(value).lower() in _YES_AND_NO:
            if _YES_AND_NO[str(value).lower()] != actual[key]:
                found.append(f"line {line}: {name}: {key} is {_text(actual[key])}, not {_text(value)}")
        elif _text(value) != _text(actual[key]):
            found.append(f"line {line}: {name}: {key} is {_text(actual[key])}, not {_text(value)}")
    return found


def _text(value: Any) -> str:
    """Write a value as a scenario file would: everything there is text."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(entry) for entry in value) + "]"
    return "none" if str(value).lower() in ("null", "~", "none") else str(value)
