"""The page of one proposal is put together here from its case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from appraisal.appraisals.pages import reviewers
from appraisal.appraisals.pages.consultations import comments_of
from appraisal.appraisals.rules import conditions, reviews
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case, Contribution, Version
from appraisal.proposals.pages import answers
from appraisal.proposals.pages.titles import RECORD_TITLES, decision_title, state_tone
from appraisal.proposals.rules import access, form, routes, rulebook, track_and_money
from appraisal.proposals.rules.disclosure import Happened
from appraisal.proposals.rules.form import Content
from appraisal.proposals.rules.rounds import awaits_manager, changes_to_answer
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.web import formats
from appraisal.web.context import actor, language, say, site
from appraisal.workflow.pages import progress
from appraisal.workflow.rules import event_sentences


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a proposal a person sees: the draft where it is theirs, else the version submitted last."""

    content: Content
    contributions: tuple[Contribution, ...]
    version: Version | None
    is_draft: bool


def seen_of(case: Case, book: Rulebook, person: Person, now: datetime) -> Seen:
    """Return what a person sees of a proposal that is theirs to read in full."""
    version = case.version
    edited = version is None or (case.edited_at is not None and case.edited_at > version.at)
    state = book.workflow.states[case.state]
    if version is None or (access.sees_draft(case, person) and edited and state.editable_by is not None):
        given = track_and_money.contributions(case.content, book.rates, geneva_date(now))
        return Seen(case.content, given, version, True)
    return Seen(version.content, version.contributions, version, False)


def overlap(case: Case) -> dict[str, Any]:
    """Return what a designer is shown of other people's proposals: enough to find an overlap, and no more."""
    flow = site().library.workflow(case.workflow)
    content = case.version.content if case.version else case.content
    given = (
        case.version.contributions
        if case.version
        else track_and_money.contributions(content, (), geneva_date(case.created_at))
    )
    return {
        "case": case,
        "state": flow.states[case.state],
        "title": form.value(content, "identification.title"),
        "countries": form.countries(content),
        "donors": "; ".join(dict.fromkeys(entry.donor for entry in given)),
        "tone": state_tone(flow.states[case.state]),
    }


def dossier(case: Case, book: Rulebook) -> dict[str, Any]:
    """Return everything that the page of a proposal shows to somebody who reads it in full."""
    now = site().now()
    return {
        "case": case,
        "book": book,
        "today": geneva_date(now),
        **_standing(case, book, now),
        **_doable(case, book, now),
        **_papers(case, seen_of(case, book, actor(), now)),
        **_appraised(case, book),
    }


def _standing(case: Case, book: Rulebook, now: datetime) -> dict[str, Any]:
    """Return where the proposal stands, and with whom until when."""
    state = book.workflow.states[case.state]
    lapses = not awaits_manager(book.workflow, case)
    return {
        "state": state,
        "tone": state_tone(state),
        "stages": progress.stages(case, book.workflow),
        "holder": progress.holder(case, book),
        "clock": progress.clock(case, book, now),
        "lapses_on": working_days.lapses_on(case, state.lapses_after)
        if lapses and state.lapses_after
        else None,
        "track": book.workflow.tracks[case.track].title if case.track else None,
        "route": routes.route(case, book),
    }


def _doable(case: Case, book: Rulebook, now: datetime) -> dict[str, Any]:
    """Return what the person may do with it."""
    person, state = actor(), book.workflow.states[case.state]
    return {
        "offers": progress.offers(case, book, person, now),
        "is_author": person.id in case.related("author"),
        "may_write": access.may_edit(case, person, state.editable_by == "author"),
        "changes_to_answer": changes_to_answer(case),
        "sees_ratings": access.sees_running_ratings(case, person),
        "owes_review_by": reviews.owed(case, person),
        "sees_reviewers": bool(case.appraisals) and reviewers.sees_reviewers(case, person),
    }


def _papers(case: Case, seen: Seen) -> dict[str, Any]:
    """Return what was written: the summary, the money, files, decisions and required changes."""
    frozen = seen.version.documents if seen.version else ()
    return {
        "seen": seen,
        "title": form.value(seen.content, "identification.title"),
        "facts": _facts(seen.content),
        "summary": answers.value(seen.content, "identification.summary"),
        "contributions": answers.contribution_rows(seen.contributions),
        "total": track_and_money.known_usd(seen.contributions),
        "documents": case.documents if seen.is_draft else frozen,
        "kinds": answers.document_titles(),
        "decisions": _decisions(case),
        "changes": _rounds(case),
        "record_titles": {kind: say(title) for kind, title in RECORD_TITLES.items()},
    }


def _facts(content: Content) -> list[dict[str, str]]:
    """Return what sums a proposal up, as rows of a summary."""
    keys = (
        "kind",
        "predecessor",
        "parent",
        "countries",
        "region",
        "theme",
        "unit",
        "duty_station",
        "contact",
        "symbol",
    )
    rows = [
        {"key": say(field.label), "value": answers.value(content, f"identification.{field.key}")}
        for key in keys
        for field in form.section("identification").fields
        if field.key == key
    ]
    period = [answers.value(content, f"identification.{key}") for key in ("start", "end")]
    rows.append({"key": say(N_("Period")), "value": " – ".join(day for day in period if day)})
    return [row for row in rows if row["value"]]


def _appraised(case: Case, book: Rulebook) -> dict[str, Any]:
    """Return what the last finalised appraisal found."""
    appraisal = progress.last_appraisal(case)
    running = case.appraisal
    found: dict[str, Any] = {
        "appraisal": appraisal,
        "running": running,
        "verdicts": [],
        "recommendation": None,
        "moot": conditions.is_moot(case),
    }
    latest = running or appraisal
    # A reviewer who has not signed is told of nobody else who was asked.
    blind = access.is_blind(case, actor())
    found["consultations"] = comments_of(case, latest, actor()) if latest and not blind else ()
    if appraisal is not None:
        found["verdicts"] = _verdicts(case, book, appraisal)
        found["recommendation"] = book.set.recommendation(appraisal.final) if appraisal.final else None
        found["appraised_version"] = next(
            entry for entry in case.versions if entry.id == appraisal.version_id
        )
    return found


def _verdicts(case: Case, book: Rulebook, appraisal: Appraisal) -> list[dict[str, str]]:
    return [
        {
            "code": criterion.checklist.code,
            "title": criterion.checklist.title[language()],
            "verdict_title": verdict.title[language()],
            "tone": verdict.tone,
            "href": url_for("appraisals.checklist", number=case.number, code=criterion.checklist.code),
        }
        for criterion in book.criteria
        if criterion.checklist.code in appraisal.verdicts
        for verdict in [book.set.verdict(appraisal.verdicts[criterion.checklist.code])]
    ]


def _decisions(case: Case) -> list[dict[str, Any]]:
    versions = {version.id: version for version in case.versions}
    return [
        {
            "title": decision_title(entry),
            "decision": entry,
            "name": formats.signed(case.name(entry.by), case.name(entry.behalf)),
            "version": versions.get(entry.version_id) if entry.version_id else None,
        }
        for entry in case.decisions
    ]


def _rounds(case: Case) -> Mapping[int, list[Any]]:
    """Return the required changes by round, the newest first."""
    rounds = sorted({change.round for change in case.changes}, reverse=True)
    return {number: [change for change in case.changes if change.round == number] for number in rounds}


def history_sentences(case: Case, happened: Sequence[Happened]) -> list[list[str]]:
    """Return what each event of a history says, in sentences of the reader's language."""
    book = rulebook.rulebook(site().library, case.workflow, case.set)
    names = {person.id: person.name for person in case.people.values()}
    return list(event_sentences.tell(happened, book.set, names, language()))
