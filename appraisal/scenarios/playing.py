"""Playing a scenario: each step through the service that the web uses, under the scenario's clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, select

from appraisal.clock import GENEVA, geneva_date
from appraisal.definitions.library import Library
from appraisal.definitions.workflows import SYSTEM
from appraisal.domain import rulebooks, tracks
from appraisal.domain.facts import SYSTEM_ACTOR, Case, Person
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.domain.steps import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.errors import NotFound
from appraisal.scenarios import comparing
from appraisal.scenarios.files import Script, Timed, VerbKind
from appraisal.scenarios.neutral import neutral_content, neutral_documents
from appraisal.services import acts, appraisals, approvals, people, proposals, settings, ticks
from appraisal.services.appraisals import ConditionPut, RatingPut
from appraisal.storage import tables
from appraisal.storage.databases import Database
from appraisal.storage.facts import load_case, load_rates
from appraisal.storage.files import Files

_NOTE = "Illustrative note."


@dataclass
class Play:
    """A scenario being played: who its people are in the database, and which proposals its handles mean."""

    database: Database
    library: Library
    files: Files
    script: Script
    people: dict[str, Person] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def actor(self, key: str) -> Person:
        """Return a person of the scenario."""
        return SYSTEM_ACTOR if key == SYSTEM else self.people[key]

    def stand_in(self, db: Connection, unit: str, now: datetime) -> Person:
        """Return an appraiser of a unit, who answers for it."""
        key = f"({unit})"
        if key not in self.people:
            email = f"{''.join(filter(str.isalnum, unit)).lower()}@stand-in.example.org"
            found = people.find_by_email(db, email)
            self.people[key] = (
                found.person
                if found
                else people.create_person(
                    db,
                    SYSTEM_ACTOR,
                    now,
                    email=email,
                    name=f"{unit} (stand-in)",
                    roles=["appraiser"],
                    unit=unit,
                )
            )
        return self.people[key]


@dataclass(frozen=True, slots=True)
class Doing:
    """One step being played, in its transaction."""

    play: Play
    db: Connection
    actor: Person
    now: datetime
    do: str
    number: str
    given: Mapping[str, Any]

    @property
    def library(self) -> Library:
        """Return the library that the scenario goes by."""
        return self.play.library


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
        _take(playing, timed)
        playing.differences += comparing.differences(playing, timed.step.then, timed.line)
    progress(len(script.steps), len(script.steps))
    playing.differences += comparing.differences(playing, script.scenario.expect, script.expect_line)
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
            found = people.find_by_email(db, f"{key}@example.org")
            playing.people[key] = (
                found.person
                if found
                else people.create_person(
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
            settings.enter_rate(
                db,
                SYSTEM_ACTOR,
                now,
                rate.currency,
                date.fromisoformat(rate.day),
                Decimal(rate.per_usd),
                rate.source,
            )
        for holiday in scenario.holidays:
            settings.enter_holiday(
                db, SYSTEM_ACTOR, now, holiday.station, date.fromisoformat(holiday.day), holiday.name
            )


def _take(playing: Play, timed: Timed) -> None:
    """Take one step; a refusal that was not expected, or one that was and did not come, is a difference."""
    step, number = timed.step, playing.numbers.get(timed.step.to or "", "")
    before = _marks(playing)
    try:
        with playing.database.begin() as db:
            doing = Doing(playing, db, playing.actor(step.by), timed.at, step.do, number, step.with_)
            found = VERBS[step.do].do(doing) if step.do in VERBS else _transition(doing)
    except NotAllowed as error:
        _compare_refusal(playing, timed, error, before)
        return
    except NotFound:
        _compare_refusal(playing, timed, NotAllowed([refuse("not_visible")]), before)
        return
    except (proposals.BadContent, proposals.BadFile, people.BadPerson, settings.BadSettingGiven) as error:
        playing.differences.append(f"line {timed.line}: {step.do}: {error}")
        return
    if step.refused is not None:
        playing.differences.append(
            f"line {timed.line}: {step.do} was to be refused ({', '.join(step.refused)}), but was done"
        )
    if step.as_ is not None and found is not None:
        playing.numbers[step.as_] = found.number


def _compare_refusal(playing: Play, timed: Timed, error: NotAllowed, before: tuple[int, ...]) -> None:
    step = timed.step
    if step.refused is None:
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


def _marks(playing: Play) -> tuple[int, ...]:
    """Count what a refused step must not have written."""
    with playing.database.read() as db:
        table = tables.Proposal.__table__
        versions = db.execute(select(table.c.row_version).order_by(table.c.id)).scalars().all()
    return tuple(versions)


def _propose(doing: Doing) -> Case:
    given = doing.given
    complete = given.get("complete") != "false"
    scenario = doing.play.script.scenario
    content = (
        neutral_content(given)
        if complete
        else {"identification": {"title": str(given.get("title", "Untitled"))}}
    )
    _resolve_numbers(doing, content)
    case = proposals.create_proposal(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        content,
        illustrative=scenario.illustrative,
        source=str(given.get("source", "")),
    )
    if complete and given.get("documents") != "false":
        case = _attach_needed(doing, case)
    return case


def _resolve_numbers(doing: Doing, content: dict[str, dict[str, Any]]) -> None:
    """Let ``parent`` and ``predecessor`` name a handle of the scenario."""
    fields = content["identification"]
    for key in ("parent", "predecessor"):
        if key in fields:
            fields[key] = doing.play.numbers.get(fields[key], fields[key])


def _attach_needed(doing: Doing, case: Case) -> Case:
    """Attach an illustrative file for every document that the track will ask for."""
    workflow = doing.library.newest_workflow()
    given = tracks.contributions(case.content, load_rates(doing.db), geneva_date(doing.now))
    track = tracks.derive(workflow, case.content, tracks.total_usd(given))
    for kind in tracks.documents_missing(workflow, track, case.content, case.documents):
        name, data = neutral_documents(kind)
        case = proposals.attach_document(
            doing.db, doing.library, doing.play.files, doing.actor, doing.now, case.number, kind, name, data
        )
    return case


def _revise(doing: Doing) -> Case:
    """Write into the draft: short names as for propose, or whole fields under ``content``."""
    case = load_case(doing.db, doing.number)
    changed: dict[str, dict[str, Any]] = {key: dict(fields) for key, fields in case.content.items()}
    neutral = neutral_content({**_short_names(case), **doing.given})
    changed["identification"] = {**changed.get("identification", {}), **neutral["identification"]}
    if "learning_component" in doing.given or "provider" in doing.given:
        changed["turin"] = neutral["turin"]
    for section, fields in doing.given.get("content", {}).items():
        changed[section] = {**changed.get(section, {}), **fields}
    for section, fields in changed.items():
        if fields != case.content.get(section):
            proposals.save_section(
                doing.db, doing.library, doing.actor, doing.now, doing.number, section, fields
            )
    return _attach_needed(doing, load_case(doing.db, doing.number))


def _short_names(case: Case) -> dict[str, Any]:
    fields = case.content.get("identification", {})
    names = ("title", "kind", "countries", "region", "unit", "contributions", "start", "end", "summary")
    return {name: fields[name] for name in names if name in fields}


def _rate(doing: Doing) -> Case:
    """Rate every applicable item with ``default``, and single items as given."""
    case = load_case(doing.db, doing.number)
    book = rulebooks.rulebook(doing.library, case.workflow, case.set)
    running = case.appraisal
    version = case.version
    criteria = book.criteria_for(version.threshold_usd if version else None)
    items = {item.id for criterion in criteria for item in criterion.checklist.items}
    given = {key: str(value) for key, value in doing.given.items() if key not in ("default", "comments")}
    if "default" in doing.given and running is not None:
        given = {item: str(doing.given["default"]) for item in sorted(items)} | given
    comments = doing.given.get("comments", {})
    puts = {}
    for item, value in given.items():
        rating = book.set.rating(value)
        needed = rating is not None and rating.comment == "required"
        puts[item] = RatingPut(value, str(comments.get(item, _NOTE if needed else "")))
    return appraisals.rate(doing.db, doing.library, doing.actor, doing.now, doing.number, puts)


def _recommend(doing: Doing) -> Case:
    """Save the lead's choice and conditions; what a conditional recommendation needs is filled in."""
    case = load_case(doing.db, doing.number)
    running = case.appraisal
    chosen = str(doing.given.get("recommendation", running.chosen if running else ""))
    reason = str(doing.given.get("reason", running.reason if running else ""))
    conditions: list[ConditionPut] = [
        _condition(entry, doing.now)
        for entry in doing.given.get("conditions", [])
        if isinstance(entry, Mapping)
    ]
    if running is not None and doing.given.get("conditions") != "false":
        book = rulebooks.rulebook(doing.library, case.workflow, case.set)
        computed = rulebooks.assess_appraisal(book, case, running)
        final = chosen or computed.recommendation or ""
        means = (
            book.set.recommendation(final).means
            if final in {e.code for e in book.set.recommendations}
            else ""
        )
        written = {condition.item for condition in conditions}
        if means == "conditional":
            conditions += [
                _condition({"item": item}, doing.now) for item in computed.conditions if item not in written
            ]
    return appraisals.recommend(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        doing.number,
        chosen=chosen,
        reason=reason,
        conditions=conditions,
    )


def _condition(given: Mapping[str, Any], now: datetime) -> ConditionPut:
    due = given.get("due")
    return ConditionPut(
        text=str(given.get("text", _NOTE)),
        item=str(given.get("item", "")),
        owner=str(given.get("owner", "Project manager")),
        due_on=date.fromisoformat(str(due)) if due else geneva_date(now) + timedelta(days=30),
        gate="before_donor" if given.get("gate") == "before_donor" else "before_start",
    )


def _transition(doing: Doing) -> Case:
    """Take a transition, with what it asks for filled in unless given."""
    workflow = _workflow(doing)
    transition = workflow.transition(doing.do)
    if transition.act in ("finalise", "request_revision") and _is_lead(doing):
        _recommend(doing)
    if transition.act == "submit" and doing.given.get("answers") != "false":
        _answer_changes(doing)
    case = acts.take_step(
        doing.db, doing.library, doing.actor, doing.now, doing.number, doing.do, _inputs(doing, transition)
    )
    if transition.act == "assign" and doing.given.get("consultations") != "false":
        case = _answer_all(doing, case)
    return case


def _workflow(doing: Doing) -> Any:
    case = load_case(doing.db, doing.number)
    return rulebooks.rulebook(doing.library, case.workflow, case.set).workflow


def _is_lead(doing: Doing) -> bool:
    running = load_case(doing.db, doing.number).appraisal
    return running is not None and running.lead == doing.actor.id


def _inputs(doing: Doing, transition: Any) -> Inputs:
    given = doing.given
    note = str(given.get("note", given.get("reason", _NOTE if transition.note == "required" else "")))
    values: dict[str, Any] = {"note": note, "track": str(given.get("track", ""))}
    if "lead" in transition.needs and "lead" in given:
        values["lead"] = doing.play.people.get(str(given["lead"]))
    if "missing" in transition.needs:
        values["missing"] = str(given.get("missing", _NOTE))
    if "changes" in transition.needs:
        values["changes"] = _changes(given.get("changes", [_NOTE]))
    if "until" in transition.needs:
        until = given.get("until")
        values["until"] = (
            date.fromisoformat(str(until)) if until else geneva_date(doing.now) + timedelta(days=14)
        )
    if "agreement" in transition.needs:
        on = given.get("date")
        values["agreement"] = Agreement(
            date.fromisoformat(str(on)) if on else geneva_date(doing.now), str(given.get("reference", _NOTE))
        )
    if "approval" in transition.needs:
        values["approval"] = _approval(given)
    return Inputs(**values)


def _changes(given: Any) -> tuple[ChangeAsked, ...]:
    if not isinstance(given, list):
        return ()
    return tuple(
        ChangeAsked(str(entry.get("text", _NOTE)), str(entry.get("item", "")))
        if isinstance(entry, Mapping)
        else ChangeAsked(str(entry))
        for entry in given
    )


def _approval(given: Mapping[str, Any]) -> ApprovalGiven:
    at = str(given.get("approved_at", ""))
    moment = datetime.fromisoformat(at) if at and at != "undated" else None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=GENEVA)
    return ApprovalGiven(str(given.get("document", "Minute")), str(given.get("source", _NOTE)), moment)


def _answer_changes(doing: Doing) -> None:
    case = load_case(doing.db, doing.number)
    if doing.actor.id not in case.related("author"):
        return
    for change in case.changes:
        if change.answer is None:
            proposals.answer_change(
                doing.db, doing.library, doing.actor, doing.now, doing.number, change.id, "done", _NOTE
            )


def _answer_all(doing: Doing, case: Case) -> Case:
    running = case.appraisal
    for entry in running.consultations if running else ():
        stand_in = doing.play.stand_in(doing.db, entry.unit, doing.now)
        case = appraisals.answer_consultation(
            doing.db, doing.library, stand_in, doing.now, doing.number, entry.id, _NOTE
        )
    return load_case(doing.db, doing.number)


def _answer(doing: Doing) -> Case:
    """Answer the consultation of a unit."""
    case = load_case(doing.db, doing.number)
    unit = str(doing.given.get("unit", doing.actor.unit))
    entry = next(
        entry
        for appraisal in reversed(case.appraisals)
        for entry in appraisal.consultations
        if entry.unit == unit and entry.answered_at is None
    )
    text = str(doing.given.get("text", _NOTE))
    return appraisals.answer_consultation(
        doing.db, doing.library, doing.actor, doing.now, doing.number, entry.id, text
    )


def _condition_of(doing: Doing) -> int:
    """Find a condition by its number or its item."""
    final = load_case(doing.db, doing.number).finalised
    wanted = str(doing.given.get("condition", doing.given.get("item", "1")))
    found = [
        entry for entry in (final.conditions if final else ()) if wanted in (str(entry.number), entry.item)
    ]
    return found[0].id if found else 0


def _clear(doing: Doing) -> Case:
    evidence = str(doing.given.get("evidence", _NOTE))
    return appraisals.clear_condition(
        doing.db, doing.library, doing.actor, doing.now, doing.number, _condition_of(doing), evidence
    )


def _waive(doing: Doing) -> Case:
    reason = str(doing.given.get("reason", _NOTE))
    return appraisals.waive_condition(
        doing.db, doing.library, doing.actor, doing.now, doing.number, _condition_of(doing), reason
    )


def _register(doing: Doing) -> Case:
    """Register an outside approval: of the proposal named by ``to``, else of one that never came here."""
    if doing.number:
        return _transition(doing)
    given = doing.given
    # Nothing of a form that was never filled in is invented: only what a registration holds.
    identification = {
        key: value
        for key, value in neutral_content(given)["identification"].items()
        if key in ("title", "contributions") or key in given
    }
    return approvals.register_outside(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        {"identification": identification},
        _approval(given),
        illustrative=doing.play.script.scenario.illustrative,
        source=str(given.get("source", "")),
    )


def _add_author(doing: Doing) -> Case:
    person = doing.play.people[str(doing.given["author"])]
    return proposals.add_author(doing.db, doing.library, doing.actor, doing.now, doing.number, person.id)


def _confirm(doing: Doing) -> Case:
    return appraisals.confirm_unchanged(doing.db, doing.library, doing.actor, doing.now, doing.number)


def _enter_rate(doing: Doing) -> None:
    given = doing.given
    settings.enter_rate(
        doing.db,
        doing.actor,
        doing.now,
        str(given["currency"]),
        date.fromisoformat(str(given["day"])),
        Decimal(str(given["per_usd"])),
        str(given.get("source", "")),
    )


def _tick(doing: Doing) -> None:
    for number in ticks.due(doing.db, doing.library):
        ticks.tick_one(doing.db, doing.library, doing.now, number)


@dataclass(frozen=True, slots=True)
class Verb:
    """A use case that a scenario may name beside the transitions of its workflow."""

    kind: VerbKind
    do: Callable[[Doing], Case | None]
    about: str


VERBS: Final[Mapping[str, Verb]] = {
    "propose": Verb("begins", _propose, "write a draft; with: title, funding, budget, countries, content, …"),
    "revise": Verb("proposal", _revise, "write into the draft; with: as for propose"),
    "add_author": Verb("proposal", _add_author, "let another designer write along; with: author"),
    "rate": Verb("proposal", _rate, "rate items; with: default, single items, comments"),
    "confirm": Verb("proposal", _confirm, "confirm carried-over ratings whose evidence did not change"),
    "recommend": Verb(
        "proposal", _recommend, "choose a recommendation; with: recommendation, reason, conditions"
    ),
    "answer": Verb("proposal", _answer, "answer a consultation; with: unit, text"),
    "clear_condition": Verb("proposal", _clear, "close a condition; with: condition or item, evidence"),
    "waive_condition": Verb("proposal", _waive, "waive a condition; with: condition or item, reason"),
    "register_approval": Verb(
        "begins", _register, "register an outside approval; with: document, source, approved_at (or undated)"
    ),
    "enter_rate": Verb("site", _enter_rate, "enter a rate; with: currency, day, per_usd, source"),
    "tick": Verb("site", _tick, "do what time demands, as the actor system"),
}


def verbs() -> Mapping[str, VerbKind]:
    """Return the use cases that a scenario may name."""
    return {name: verb.kind for name, verb in VERBS.items()}
