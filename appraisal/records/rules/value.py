"""The value of an appraisal record or decision sheet is made here; PDFs are drawn from it alone.

The value says everything that was true, in words that need no database: the wording in force of
every item stands beside its rating. Its canonical JSON is what is digested, stored and embedded.
Content follows EVAL's own form (header of the tool for evaluability review) and domain rules 3.6.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appraisal.appraisals.rules import conditions, reviews
from appraisal.deadlines.rules import due_dates, working_days
from appraisal.definitions.checklists import Item
from appraisal.definitions.library import Criterion
from appraisal.definitions.workflows import FINALISING, Workflow
from appraisal.language.texts import Text
from appraisal.people.facts import Person
from appraisal.proposals.facts import (
    Appraisal,
    Case,
    Condition,
    Contribution,
    Decision,
    DecisionKind,
    RatingGiven,
    Review,
    Step,
    Version,
)
from appraisal.proposals.rules import form, routes
from appraisal.proposals.rules.rounds import changes_asked
from appraisal.proposals.rules.rulebook import Rulebook, applicable
from appraisal.records.facts import NOBODY, Issuer
from appraisal.vocabulary.roles import ROLES

SCHEMA = "appraisal-record/1"


def appraisal_record(
    case: Case, book: Rulebook, appraisal: Appraisal, now: datetime, issuer: Issuer = NOBODY
) -> dict[str, Any]:
    """Build the value of an appraisal record. The appraisal must be finalised in the case given.

    A record that corrects another names it by its digest under ``supersedes``.
    """
    return {
        **_head(case, book, appraisal.version_id, now, "appraisal"),
        "issuer": issuer.value(),
        "supersedes": _superseded(case, appraisal),
        "appraisal": _appraisal(case, book, appraisal),
    }


def is_signed(value: Mapping[str, Any]) -> bool:
    """Tell whether a record says that its files are signed; those of earlier versions say nothing of it."""
    issuer = value.get("issuer")
    return isinstance(issuer, dict) and issuer.get("signed") is True


def _superseded(case: Case, appraisal: Appraisal) -> str:
    earlier = (
        entry.record
        for entry in reversed(case.appraisals)
        if entry.version_id == appraisal.version_id and entry.superseded_at and entry.id != appraisal.id
    )
    return next(earlier, "")


@dataclass(frozen=True, slots=True)
class Issued:
    """A decision sheet that was issued: of which decision, its digest, and when."""

    kind: DecisionKind
    digest: str
    at: datetime


def decision_sheet(
    case: Case,
    book: Rulebook,
    decision: Decision,
    now: datetime,
    issuer: Issuer = NOBODY,
    annulled: Sequence[Issued] = (),
) -> dict[str, Any]:
    """Build the value of a decision sheet, which quotes the digest of the appraisal record it relies on.

    That of an annulment names the sheets of the approval that it annuls.
    """
    appraisal = next((entry for entry in case.appraisals if entry.id == decision.appraisal_id), None)
    found = routes.route(case, book) if case.approval and case.approval.id == decision.id else None
    value = {
        **_head(case, book, decision.version_id, now, "decision", decision.contributions or ()),
        "issuer": issuer.value(),
        "appraisal_record": appraisal.record if appraisal else "",
        "decision": _decision(case, decision)
        | {
            "route": found.kind if found else "",
            "route_reason": found.reason if found else "",
            "conditions": [_condition(case, entry) for entry in appraisal.conditions] if appraisal else [],
            "changes": _changes(case, decision.at) if decision.kind == "return" else [],
            **({"annuls": [_issued(case, entry) for entry in annulled]} if decision.kind == "annul" else {}),
        },
    }
    if appraisal is not None and appraisal.finalised_at is not None:
        value["appraisal"] = _appraisal(case, book, appraisal)
    return value


def _head(
    case: Case,
    book: Rulebook,
    version_id: int | None,
    now: datetime,
    kind: str,
    given: Sequence[Contribution] = (),
) -> dict[str, Any]:
    version = next((entry for entry in case.versions if entry.id == version_id), None)
    return {
        "schema": SCHEMA,
        "kind": kind,
        "number": case.number,
        "origin": case.origin,
        "illustrative": case.illustrative,
        "source": case.source,
        "issued_at": now,
        "proposal": _proposal(case, book, version, version.contributions if version else given),
        "definitions": {
            "workflow": {"key": book.workflow.key, "title": _text(book.workflow.title)},
            "set": {"key": book.set.key, "title": _text(book.set.title)},
            "digests": dict(book.digests),
        },
        "steps": _steps(case, book),
        "chain": {"sequence": case.sequence, "head": case.head},
    }


def _proposal(
    case: Case, book: Rulebook, version: Version | None, given: Sequence[Contribution]
) -> dict[str, Any]:
    content = version.content if version else case.content
    get = form.value
    authors = sorted((case.name(person), person) for person in case.related("author"))
    return {
        "title": get(content, "identification.title"),
        "symbol": get(content, "identification.symbol"),
        "kind": get(content, "identification.kind"),
        "countries": form.countries(content),
        "region": get(content, "identification.region"),
        "unit": get(content, "identification.unit"),
        "start": get(content, "identification.start"),
        "end": get(content, "identification.end"),
        "summary": get(content, "identification.summary"),
        "outcome": get(content, "alignment.outcome"),
        "authors": [name for name, _ in authors],
        "author_ids": [person for _, person in authors],
        "version": version.number if version else 0,
        "version_digest": version.digest if version else "",
        "submitted_at": version.at if version else None,
        # Since the version was frozen, a coordinator or a sibling may have made it stricter.
        "track": case.track,
        "tracks": tracks_of(book.workflow),
        "usd": version.usd if version else None,
        "threshold_usd": version.threshold_usd if version else None,
        "contributions": [
            {
                "donor": entry.donor,
                "fund": entry.fund,
                "private": entry.private,
                "amount": entry.amount,
                "currency": entry.currency,
                "usd": entry.usd,
                "rate": entry.rate,
                "rate_on": entry.rate_on,
            }
            for entry in given
        ],
        "documents": [
            {"kind": entry.kind, "filename": entry.filename, "sha256": entry.sha256, "size": entry.size}
            for entry in (version.documents if version else ())
        ],
        "content": content,
    }


def tracks_of(workflow: Workflow) -> list[dict[str, Any]]:
    """List the tracks from lightest to strictest, each with what brings a proposal on it."""
    return [
        {"key": key, "title": _text(track.title), "when": track.when.model_dump() if track.when else None}
        for key, track in workflow.tracks.items()
    ]


def thresholds(criteria: Iterable[Criterion]) -> list[dict[str, Any]]:
    """List the criteria that apply only above an amount, each with the amount and who finalises it."""
    return [
        {
            "code": entry.checklist.code,
            "title": _text(entry.checklist.title),
            "above_usd": entry.member.applies.above_usd,
            "unit": entry.member.finalised_by,
        }
        for entry in criteria
        if entry.member.applies is not None
    ]


def _appraisal(case: Case, book: Rulebook, appraisal: Appraisal) -> dict[str, Any]:
    version = next(entry for entry in case.versions if entry.id == appraisal.version_id)
    criteria = applicable(book.criteria, version.threshold_usd)
    return {
        "number": appraisal.number,
        "record": appraisal.record,
        "lead": _person(case, appraisal.lead),
        **_closed(case, appraisal),
        "rated_for_lead": _rated_for_lead(
            case, appraisal, [item.id for entry in criteria for item in _items_of_lead(entry)]
        ),
        "opened_at": appraisal.opened_at,
        "finalised_at": appraisal.finalised_at,
        "scale": [
            {"value": entry.value, "title": _text(entry.title), "tone": entry.tone}
            for entry in book.set.scale
        ],
        "rule": {
            "verdict": book.set.verdict_rule.model_dump(mode="json"),
            "recommendation": book.set.recommendation_rule.model_dump(mode="json"),
            "rated_share": book.set.rated_share,
        },
        "evaluability_required": book.needs_evaluability(version.threshold_usd),
        "thresholds": thresholds(book.criteria),
        "criteria": _criteria(case, book, appraisal, criteria),
        "verdict_titles": {entry.code: _text(entry.title) for entry in book.set.verdicts},
        "verdict_tones": {entry.code: entry.tone for entry in book.set.verdicts},
        "recommendation_titles": {entry.code: _text(entry.title) for entry in book.set.recommendations},
        "recommendation_tones": {entry.code: entry.tone for entry in book.set.recommendations},
        "computed": appraisal.computed,
        "final": appraisal.final,
        "reason": appraisal.reason,
        "conditions": [_condition(case, entry) for entry in appraisal.conditions],
        "changes": _changes(case, appraisal.finalised_at) if _asks_revision(book, appraisal) else [],
        "consultations": [
            {
                "unit": entry.unit,
                "asked_at": entry.asked_at,
                "due_on": due_dates.due_day(case, entry),
                "answered_at": entry.answered_at,
                "answered_by": case.name(entry.answered_by),
                "late": entry.late,
                "text": entry.text,
                "silent_at": entry.silent_at,
                "released_at": entry.released_at,
            }
            for entry in appraisal.consultations
        ],
        "reviews": [_review(case, entry) for entry in appraisal.reviews],
    }


def _criteria(
    case: Case, book: Rulebook, appraisal: Appraisal, criteria: Iterable[Criterion]
) -> list[dict[str, Any]]:
    """List the criteria with their items; one that a unit finalises says by whom it was done."""
    differing = {row.item for row in reviews.side_by_side(case, book, appraisal) if row.differs}
    return [
        {
            "code": criterion.checklist.code,
            "key": criterion.checklist.key,
            "title": _text(criterion.checklist.title),
            "weight": criterion.member.weight,
            "verdict": appraisal.verdicts.get(criterion.checklist.code, ""),
            **_finalised(case, appraisal, criterion),
            "items": [
                {
                    "id": item.id,
                    "ask": _text(item.ask),
                    "gating": item.gating,
                    "source": item.source,
                    "rating": given.value if given else "",
                    "comment": given.comment if given else "",
                    "evidence": given.evidence if given else "",
                    **({"reason": given.reason} if given and item.id in differing else {}),
                }
                for item in criterion.checklist.items
                for given in [_counting(appraisal, item.id)]
            ],
        }
        for criterion in criteria
    ]


def _counting(appraisal: Appraisal, item: str) -> RatingGiven | None:
    """Return the rating of an item, a comment without a value too; what is only proposed is none."""
    given = appraisal.ratings.get(item)
    return None if given is None or given.proposed else given


def _finalised(case: Case, appraisal: Appraisal, criterion: Criterion) -> dict[str, Any]:
    unit = criterion.member.finalised_by
    if not unit:
        return {}
    review = reviews.finaliser(appraisal, criterion.checklist.code, unit)
    return {
        "finalised_by": {
            "unit": unit,
            "person": _person(case, review.person) if review else None,
            "signed_at": review.signed_at if review else None,
        }
    }


def _review(case: Case, review: Review) -> dict[str, Any]:
    """Say what became of a review that was asked for; what is not signed stays its reviewer's own."""
    given = review.ratings.values() if review.signed_at else ()
    return {
        "person": {**_person(case, review.person), "unit": review.unit},
        "for": None if review.behalf is None else _person(case, review.behalf),
        "checklists": list(review.checklists),
        "asked_at": review.asked_at,
        "due_on": due_dates.due_day(case, review),
        "declaration": review.declaration,
        "declared_at": review.declared_at,
        "declined": review.declined_at is not None,
        "signed_at": review.signed_at,
        "late": review.late,
        "silent_at": review.silent_at,
        "released_at": review.released_at,
        "withdrawn_at": review.withdrawn_at,
        "comment": review.comment if review.signed_at else "",
        "ratings": [
            {
                "id": entry.item,
                "rating": entry.value,
                "comment": entry.comment,
                "evidence": entry.evidence,
            }
            for entry in given
            # A unit may comment on an item without a rating; what it carried over and left so is neither.
            if not entry.proposed
        ],
    }


def _closed(case: Case, appraisal: Appraisal) -> dict[str, Any]:
    """Say who closed the appraisal, and in whose place."""
    step = next(
        (step for step in case.steps if step.act in FINALISING and step.at == appraisal.finalised_at), None
    )
    return _signed(case, step.by, step.behalf) if step else _signed(case, appraisal.lead, None)


def _items_of_lead(criterion: Criterion) -> Iterable[Item]:
    """Return the items that the lead rates: of a block that a unit finalises, none."""
    return () if criterion.member.finalised_by else criterion.checklist.items


def _rated_for_lead(case: Case, appraisal: Appraisal, items: Iterable[str]) -> list[dict[str, Any]]:
    """List who gave ratings in the place of the lead, each with the items.

    Whoever does is noted as a lead; so may a unit's reviewer be, who led before, but no block is the lead's.
    """
    instead = case.related("lead") - {appraisal.lead}
    found: dict[int, list[str]] = {}
    for item in items:
        given = _counting(appraisal, item)
        if given is not None and given.by in instead:
            found.setdefault(given.by, []).append(item)
    return [{**_person(case, rater), "items": rated} for rater, rated in found.items()]


def _asks_revision(book: Rulebook, appraisal: Appraisal) -> bool:
    return bool(appraisal.final) and book.set.recommendation(appraisal.final).means == "revise"


def _decision(case: Case, decision: Decision) -> dict[str, Any]:
    first = case.signature or next(
        (
            entry
            for entry in reversed(case.decisions)
            if entry.kind in ("propose_override", "propose_annulment") and entry.id < decision.id
        ),
        None,
    )
    second = decision.kind in ("countersign", "annul")
    return {
        "kind": decision.kind,
        **_signed(case, decision.by, decision.behalf),
        "at": decision.at,
        "note": decision.note,
        "approved_at": decision.approved_at,
        "undated": decision.kind == "register_approval" and decision.approved_at is None,
        "document": decision.document,
        "source": decision.source,
        "contradicts": decision.contradicts,
        "first_signature": {
            **_signed(case, first.by, first.behalf),
            "at": first.at,
            "note": first.note,
        }
        if second and first
        else None,
    }


def _issued(case: Case, sheet: Issued) -> dict[str, Any]:
    return {"number": case.number, "kind": sheet.kind, "digest": sheet.digest, "issued_at": sheet.at}


def _changes(case: Case, at: datetime | None) -> list[dict[str, Any]]:
    """List what was required at a moment; since an appraisal, a manager may have required more."""
    return [
        {"number": change.number, "item": change.item, "text": change.text}
        for change in (changes_asked(case, at) if at is not None else ())
    ]


def _condition(case: Case, condition: Condition) -> dict[str, Any]:
    """Say what is asked for, who wrote it, and who reported, cleared or waived it on what evidence.

    Who wrote what older versions of the product kept is not known.
    """
    replaced = (entry.number for entry in conditions.every(case) if entry.superseded_by == condition.number)
    return {
        "number": condition.number,
        "item": condition.item,
        "text": condition.text,
        "owner": condition.owner,
        "due_on": condition.due_on,
        "gate": condition.gate,
        "by_hand": condition.by_hand,
        "waived": condition.waived_at is not None,
        "cleared_at": condition.cleared_at,
        "supersedes": next(replaced, None),
        "written": _done(case, condition.written_by, condition.written_at),
        "reported": _done(case, condition.reported_by, condition.reported_at, condition.report),
        "cleared": _done(case, condition.cleared_by, condition.cleared_at, condition.evidence),
        "waiver": _done(case, condition.waived_by, condition.waived_at, condition.evidence),
    }


def _done(case: Case, by: int | None, at: datetime | None, text: str | None = None) -> dict[str, Any] | None:
    """Say who did something with a condition, when, and in which words if any; None where nobody did."""
    if by is None or at is None:
        return None
    return {"by": _person(case, by), "at": at, **({} if text is None else {"text": text})}


def _steps(case: Case, book: Rulebook) -> list[dict[str, Any]]:
    """List every step with the working days that the state before it took, against its limit."""
    labels = {entry.name: _text(entry.label) for entry in book.workflow.transitions}
    found: list[dict[str, Any]] = []
    since = case.created_at
    for step in case.steps:
        used, limit = _days(case, book, step, since)
        found.append(
            {
                "name": step.name,
                "label": labels.get(step.name),
                "from": _title(book, step.from_state),
                "to": _title(book, step.to_state),
                "at": step.at,
                **_signed(case, step.by, step.behalf),
                "note": step.note,
                "days_used": used,
                "days_limit": limit,
            }
        )
        if step.from_state != step.to_state:
            since = step.at
    return found


def _days(case: Case, book: Rulebook, step: Step, since: datetime) -> tuple[int | None, int | None]:
    """Return the working days that a step ended, and their limit, as they were measured when it was taken.

    A step from before that was written down is measured now, on the present track.
    """
    state = book.workflow.states.get(step.from_state)
    if step.days_limit is not None or state is None or step.from_state == step.to_state:
        return step.days_used, step.days_limit
    measured = working_days.measure(case, state, case.track, since, step.at)
    return (measured.used, measured.limit) if measured else (None, None)


def _title(book: Rulebook, state: str) -> Mapping[str, str] | None:
    return _text(book.workflow.states[state].title) if state in book.workflow.states else None


def _signed(case: Case, by: int, behalf: int | None) -> dict[str, Any]:
    """Say who did something, and for whom: nobody, where it was done in one's own place."""
    return {"by": _person(case, by), "for": None if behalf is None else _person(case, behalf)}


def _person(case: Case, person: int) -> dict[str, Any]:
    """Describe a person; what tells two of one name apart is the id."""
    found: Person | None = case.people.get(person)
    if found is None:
        return {"id": person, "name": case.name(person), "unit": "", "roles": []}
    return {"id": person, "name": found.name, "unit": found.unit, "roles": _roles(found.roles)}


def _roles(roles: Iterable[str]) -> list[str]:
    return [role for role in ROLES if role in set(roles)]


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "fr": text.fr, "es": text.es}


def is_same(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Tell whether two people in a record are one: by their ids, or by their names in records without ids."""
    if other is None:
        return False
    key = "id" if "id" in one and "id" in other else "name"
    return bool(one[key] == other[key])
