"""Consequences are what a step will act on, shown before it is taken, as rows of a summary list."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from flask import url_for

from appraisal.appraisals.pages.condition_history import condition_line
from appraisal.appraisals.rules import completeness, conditions
from appraisal.appraisals.rules.assessment import (
    assess_appraisal,
    computed_recommendation,
    final_recommendation,
)
from appraisal.clock import geneva_date
from appraisal.deadlines.rules import working_days
from appraisal.definitions.workflows import Act, Transition
from appraisal.language.texts import N_
from appraisal.people.facts import Person
from appraisal.proposals.facts import Appraisal, Case
from appraisal.proposals.pages import answers
from appraisal.proposals.rules import form, track_and_money
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.web import formats
from appraisal.web.context import language, say
from appraisal.workflow.rules.corrections import closed_by, hold_ended, signature_ended

Row = dict[str, Any]


def consequences(case: Case, book: Rulebook, transition: Transition, now: datetime) -> list[Row]:
    """Return what a step will act on; nothing for a step that only moves."""
    described = _DESCRIBED.get(transition.act)
    return described(case, book, now) if described else []


def _row(key: str, value: Any, **more: Any) -> Row:
    return {"key": say(key), "value": value, **more}


def _submitting(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    given = track_and_money.contributions(case.content, book.rates, geneva_date(now))
    usd = track_and_money.known_usd(given)
    unknown, track = say(N_("not known in full")), None
    if usd is not None:
        track = track_and_money.derive(book.workflow, case.content, usd + case.siblings_usd, case.tightened)
    return [
        _row(
            N_("Version"), say(N_("Version %(number)s is frozen as it stands"), number=len(case.versions) + 1)
        ),
        _row(N_("Total (US$, at today's rates)"), unknown if usd is None else formats.money(usd)),
        _row(N_("Track"), book.workflow.tracks[track].title[language()] if track else unknown),
        _row(N_("Documents"), _documents(case.documents)),
    ]


def _checking(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show what the completeness check looks at: documents, fields, and the track with its reasons."""
    version = case.version
    if version is None:
        return []
    missing = track_and_money.documents_missing(book.workflow, case.track, version.content, version.documents)
    titles = answers.document_titles()
    fields = track_and_money.fields_missing(version.content)
    return [
        _version(case),
        _row(N_("Track"), _track(case, book)),
        _row(N_("Documents"), _documents(version.documents)),
        _row(N_("Documents missing for the track"), [titles[kind] for kind in missing] or say(N_("None"))),
        _row(N_("Fields missing"), [say(label) for label in fields] or say(N_("None"))),
    ]


def _documents(documents: tuple[Any, ...]) -> list[str] | str:
    titles = answers.document_titles()
    return [formats.headed(titles[entry.kind], entry.filename) for entry in documents] or say(N_("None"))


def _version(case: Case) -> Row:
    version = case.version
    assert version is not None
    at = formats.moment(version.at)
    sentence = N_("Version %(number)s, submitted %(at)s")
    value = [
        say(sentence, number=version.number, at=at),
        say(N_("Digest: %(digest)s"), digest=version.digest),
    ]
    href = url_for("proposals.version", number=case.number, version=version.number)
    return _row(N_("Version"), value, href=href, action=say(N_("Read")))


def _track(case: Case, book: Rulebook) -> list[str]:
    """Name the track and the facts that it was derived from."""
    version = case.version
    assert version is not None
    named = form.countries(version.content)
    private = form.has_private_funder(version.content)
    found = [
        book.workflow.tracks[case.track].title[language()],
        say(N_("Budget: US$ %(usd)s"), usd=formats.money(version.threshold_usd)),
        say(N_("Countries: %(countries)s"), countries=formats.countries(named)),
        say(N_("A private partner contributes")) if private else say(N_("No private partner contributes")),
    ]
    if case.tightened:
        found.append(say(N_("Made stricter by a coordinator")))
    return found


def _closing(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show what the record of a running appraisal will say."""
    appraisal = case.appraisal
    if appraisal is None:
        return []
    assessment = assess_appraisal(book, case, appraisal)
    computed = computed_recommendation(book, case, appraisal) or ""
    titles = {entry.checklist.code: entry.checklist.title[language()] for entry in book.criteria}
    verdicts = [
        formats.headed(
            titles[code], book.set.verdict(given).title[language()] if given else say(N_("No verdict yet"))
        )
        for code, given in assessment.verdicts.items()
    ]
    return [
        _row(N_("Verdicts"), verdicts),
        _row(N_("Recommendation computed"), _title(book, computed)),
        _row(N_("Recommendation given"), _title(book, appraisal.chosen or computed)),
        *([_row(N_("Reason"), appraisal.reason)] if appraisal.reason else []),
        *_conditions(book, appraisal, appraisal.chosen or computed),
        *_dropped(book, case),
    ]


def _title(book: Rulebook, code: str) -> str:
    return book.set.recommendation(code).title[language()] if code else say(N_("None can be computed yet"))


def _conditions(book: Rulebook, appraisal: Appraisal, final: str) -> list[Row]:
    """Show the conditions that bind; what is waived or cleared stays whatever is recommended."""
    if not final:
        return []
    dropped = conditions.not_kept(appraisal, book.set.recommendation(final).means)
    kept = [condition_line(entry) for entry in appraisal.conditions if entry not in dropped]
    return [_row(N_("Conditions"), kept)] if kept else []


def _dropped(book: Rulebook, case: Case) -> list[Row]:
    """Show the conditions that closing withdraws: of this appraisal, and of earlier versions."""
    running, gone = case.appraisal, completeness.not_kept(book, case)
    if running is None:
        return []
    final = final_recommendation(book, case, running)
    ending = conditions.closing(
        case, running, book.set.recommendation(final).means if final else "conditional"
    )
    earlier = [condition_line(entry) for entry in ending.withdrawn if entry not in gone]
    followed = [
        say(N_("%(line)s: condition %(number)s takes its place"), line=condition_line(entry), number=number)
        for entry, number in ending.superseded
    ]
    return [
        *([_row(N_("Conditions withdrawn"), [condition_line(entry) for entry in gone])] if gone else []),
        *(
            [_row(N_("Conditions of an earlier version that end"), [*followed, *earlier])]
            if followed or earlier
            else []
        ),
    ]


def _deciding(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show what a decision relies on: the version, the record of its appraisal, the conditions."""
    appraisal = case.finalised
    found = [_version(case)] if case.version else []
    if appraisal is None:
        return [*found, _row(N_("Appraisal"), say(N_("There is no finished appraisal of this version.")))]
    href = url_for("records.show", digest=appraisal.record)
    return [
        *found,
        _row(N_("Appraisal record"), appraisal.record, href=href, action=say(N_("Read"))),
        _row(N_("Recommendation computed"), _title(book, appraisal.computed)),
        _row(N_("Recommendation given"), _title(book, appraisal.final)),
        *_conditions(book, appraisal, appraisal.final),
    ]


def _countersigning(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show who signed first and why, beside what the decision relies on."""
    first = case.signature
    if first is None:
        return _deciding(case, book, now)
    name = formats.signed(case.name(first.by), case.name(first.behalf))
    signed = say(N_("%(name)s, %(at)s"), name=name, at=formats.moment(first.at))
    return [
        _row(N_("First signature"), signed),
        _row(N_("Reason given with it"), first.note),
        *_second_until(case, book, first.at if first.kind == "propose_annulment" else None),
        *_deciding(case, book, now),
    ]


def _annulling(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show what the first signature of an annulment stops, and how long it waits."""
    stopped = _row(
        N_("While it waits"),
        say(N_("The proposal is not sent to the donor, nor its funding or start recorded")),
    )
    return [stopped, *_second_until(case, book, now), *_deciding(case, book, now)]


def _second_until(case: Case, book: Rulebook, since: datetime | None) -> list[Row]:
    """Show the last day for the second signature of an annulment, where the workflow gives one."""
    days = book.workflow.limits.annulment_days
    if since is None or days is None:
        return []
    last = formats.day(working_days.signature_due(case, since, days))
    return [_row(N_("Second signature"), say(N_("Until %(day)s; then the annulment lapses"), day=last))]


def _escalating(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    return [
        *_deciding(case, book, now),
        _row(
            N_("Changes since that version"),
            say(N_("They are set aside: the decision is on the version as appraised")),
        ),
    ]


def _following(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show the conditions that are still open."""
    binding = case.finalised.conditions if case.finalised else ()
    open_ones = [condition_line(entry) for entry in binding if entry.is_open]
    return [_row(N_("Open conditions"), open_ones or say(N_("None")))]


def _registering(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    found = [_row(N_("Route"), say(N_("Outside the mechanism: it will count as not appraised")))]
    if case.appraisal is not None:
        found.append(_row(N_("Running appraisal"), say(N_("It is closed as it stands, and kept"))))
    return found


def _correcting(case: Case, book: Rulebook, now: datetime) -> list[Row]:
    """Show what is taken back, what comes back, and what does not."""
    registration = case.registration
    if registration is None:
        return []
    found = [
        _row(
            N_("What is taken back"),
            [
                say(N_("The approval registered on %(at)s"), at=formats.moment(registration.at)),
                formats.headed(say(N_("Document")), registration.document),
                say(N_("Its decision sheet is kept, and marked as corrected")),
                say(N_("Published reports keep what they said")),
            ],
        )
    ]
    first = case.signature
    if first is not None and first.kind == "propose_correction":
        signed = say(N_("%(name)s, %(at)s"), name=case.name(first.by), at=formats.moment(first.at))
        found += [_row(N_("Proposed by"), signed), _row(N_("Reason given with it"), first.note)]
    if case.is_created_by_registration:
        sentence = N_(
            "The proposal came into being with the registration: it is void, counts nowhere, and keeps its number"
        )
        return [*found, _row(N_("What comes back"), say(sentence))]
    back = [
        say(N_("The state “%(state)s”"), state=book.workflow.states[case.previous_state].title[language()])
    ]
    lost = [say(N_("The time limit of that state starts anew"))]
    if closed_by(case, registration) is not None:
        back.append(say(N_("The appraisal that was running, with all its ratings and reviews")))
    if hold_ended(case, registration):
        lost.append(say(N_("The hold that was in force: put the proposal on hold again")))
    if signature_ended(case, registration) is not None:
        lost.append(say(N_("The first signature that was waiting: it has to be given again")))
    return [*found, _row(N_("What comes back"), back), _row(N_("What does not come back"), lost)]


_DESCRIBED: Final[Mapping[Act, Callable[[Case, Rulebook, datetime], list[Row]]]] = {
    "submit": _submitting,
    "assign": _checking,
    "return_incomplete": _checking,
    "finalise": _closing,
    "request_revision": _closing,
    "recall": _deciding,
    "approve": _deciding,
    "propose_override": _deciding,
    "countersign": _countersigning,
    "return": _deciding,
    "reject": _deciding,
    "escalate": _escalating,
    "register_approval": _registering,
    "correct_registration": _correcting,
    "propose_correction": _correcting,
    "confirm_correction": _correcting,
    "propose_annulment": _annulling,
    "annul": _countersigning,
    "withdraw_signature": _countersigning,
    "decline_signature": _countersigning,
    "send_to_donor": _following,
    "fund": _following,
    "start": _following,
}


def deciders_left(case: Case, people: list[Person], lead: Person | None = None) -> list[Person]:
    """Return the managers who could still decide: neither authors, nor ever lead, nor the lead to be."""
    barred = case.related("author") | case.related("lead") | ({lead.id} if lead else set())
    return [person for person in people if person.has("manager") and person.id not in barred]
