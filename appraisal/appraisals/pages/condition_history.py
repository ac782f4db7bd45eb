"""The page of one condition tells its history in full sentences."""

from typing import Any

from flask import url_for

from appraisal.appraisals.rules import condition_sentences
from appraisal.appraisals.rules import conditions as rules
from appraisal.errors import NotFound
from appraisal.language.texts import N_
from appraisal.proposals.facts import Case, Condition
from appraisal.proposals.rules import access, disclosure
from appraisal.proposals.rules.disclosure import Happened
from appraisal.proposals.services.opening import view
from appraisal.proposals.store import lists
from appraisal.web import formats
from appraisal.web.context import actor, language, page, read, say, signed_in, site


def lines(event: Happened, only: int | None = None) -> list[str]:
    """Return what an event says of conditions, of one alone if its number is given, a sentence for each."""
    name = formats.signed(event.by_name, event.for_name)
    return condition_sentences.sentences(event.name, event.facts, name, language(), only)


@signed_in
def show(number: str, condition: int) -> str:
    """Show a condition and everything that became of it, as far as the reader reads its appraisal."""
    with read() as db:
        case, _ = view(db, site().library, number, actor())
        happened = disclosure.history_for(case, actor(), lists.history_of(db, case.id))
    entry = next((entry for entry in rules.every(case) if entry.id == condition), None)
    if entry is None or access.is_blind(case, actor()):
        raise NotFound("condition", str(condition))
    return page(
        "appraisals/condition.html",
        case=case,
        entry=entry,
        rows=_rows(case, entry),
        life=[(event, said) for event in happened if (said := lines(event, entry.number))],
    )


def _rows(case: Case, entry: Condition) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"key": say(N_("What has to be done")), "value": entry.text},
        {"key": say(N_("Item")), "value": entry.item or say(N_("The whole proposal"))},
        {"key": say(N_("Owner")), "value": entry.owner},
        {"key": say(N_("Due on")), "value": formats.day(entry.due_on)},
        {"key": say(N_("To be met")), "value": formats.gate(entry.gate)},
        {"key": say(N_("Status")), "value": _status(case, entry)},
    ]
    places = (
        (N_("Superseded by"), [other for other in rules.every(case) if other.number == entry.superseded_by]),
        (
            N_("Takes the place of"),
            [other for other in rules.every(case) if other.superseded_by == entry.number],
        ),
    )
    for key, others in places:
        for other in others:
            href = url_for("conditions.show", number=case.number, condition=other.id)
            value = say(N_("Condition %(number)s"), number=other.number)
            rows.append({"key": say(key), "value": value, "href": href, "action": say(N_("Read"))})
    return rows


def _status(case: Case, entry: Condition) -> list[str]:
    """Say how a condition stands, by whom and since when; first what ended it."""
    ended = (
        (N_("Withdrawn by %(name)s, %(at)s"), entry.withdrawn_by, entry.withdrawn_at, ""),
        (N_("Met: %(name)s, %(at)s"), entry.cleared_by, entry.cleared_at, entry.evidence),
        (N_("Waived by %(name)s, %(at)s"), entry.waived_by, entry.waived_at, entry.evidence),
        (N_("Reported as met by %(name)s, %(at)s"), entry.reported_by, entry.reported_at, entry.report),
        (N_("Written by %(name)s, %(at)s"), entry.written_by, entry.written_at, ""),
    )
    found = []
    if entry.is_open:
        found.append(say(N_("Not asked for any more")) if rules.is_moot(case) else say(N_("Open")))
    for sentence, by, at, said in ended:
        if at is not None:
            name = case.name(by) if by is not None else say(N_("nobody who is known"))
            found.append(
                formats.headed(say(sentence, name=name, at=formats.moment(at)), said)
                if said
                else say(sentence, name=name, at=formats.moment(at))
            )
    return found


def condition_line(entry: Condition) -> str:
    """Write a condition on one line: number, item, text, owner, date and gate."""
    return condition_sentences.line(entry, language())
