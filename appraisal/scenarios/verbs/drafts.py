"""These verbs write a proposal, or register one that was approved elsewhere."""

from typing import Any

from appraisal.proposals.facts import Case
from appraisal.proposals.rules import form, rulebook, track_and_money
from appraisal.proposals.services import drafts
from appraisal.proposals.store.case import load_case
from appraisal.scenarios.complete_proposal import (
    CONTRIBUTION_NAMES,
    Content,
    contribution,
    neutral_content,
    neutral_documents,
    stated_content,
    with_clearance,
)
from appraisal.scenarios.play import Doing
from appraisal.scenarios.verbs import transitions
from appraisal.workflow.services import authors, outside_approvals


def propose(doing: Doing) -> Case:
    """Write a draft with neutral values for all that is left out, and with the documents it may need."""
    whole = not doing.switched_off("complete")
    content = with_clearance(neutral_content(doing.given)) if whole else stated_content(doing.given)
    _resolve_numbers(doing, content)
    case = drafts.create_proposal(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        content,
        illustrative=doing.play.script.scenario.illustrative,
        source=doing.text("source"),
    )
    return _attach_needed(doing, case)


def _resolve_numbers(doing: Doing, content: Content) -> None:
    """Let ``parent`` and ``predecessor`` name a handle of the scenario."""
    fields = content["identification"]
    for key in ("parent", "predecessor"):
        if key in fields:
            fields[key] = doing.play.numbers.get(fields[key], fields[key])


def _attach_needed(doing: Doing, case: Case) -> Case:
    """Attach an illustrative file for every document that any track asks for.

    Another rate or another country project may move the proposal to another track later.
    """
    if doing.switched_off("complete") or doing.switched_off("documents"):
        return case
    workflow = rulebook.rulebook(doing.library, case.workflow, case.set).workflow
    needed = dict.fromkeys(
        kind
        for track in workflow.tracks
        for kind in track_and_money.documents_missing(workflow, track, case.content, case.documents)
    )
    for kind in needed:
        name, data = neutral_documents(kind)
        case = drafts.attach_document(
            doing.db, doing.library, doing.play.files, doing.actor, doing.now, case.number, kind, name, data
        )
    return case


def revise(doing: Doing) -> Case:
    """Write into the draft: short names as for propose, or whole fields under ``content``."""
    case = load_case(doing.db, doing.number)
    content = _revised(case, _with_former(case, doing.given), doing)
    _resolve_numbers(doing, content)
    changed = [key for key, fields in content.items() if fields != case.content.get(key, {})]
    # Saved even where nothing changes: whoever may not write is to be refused.
    for section in changed or ["identification"]:
        drafts.save_section(
            doing.db, doing.library, doing.actor, doing.now, doing.number, section, content[section]
        )
    return _attach_needed(doing, load_case(doing.db, doing.number))


def _with_former(case: Case, given: Any) -> dict[str, Any]:
    """Complete short names that say a part of something by what the draft says of the rest."""
    found = dict(given)
    if "contributions" not in given and any(name in given for name in CONTRIBUTION_NAMES):
        rows = form.rows(case.content, "identification.contributions")
        found["contributions"] = [contribution(given, rows[0] if rows else {})]
    provider = form.value(case.content, "turin.provider")
    if "learning_component" in given and provider:
        found.setdefault("provider", provider)
    return found


def _revised(case: Case, given: dict[str, Any], doing: Doing) -> Content:
    stated, before = stated_content(given), case.content
    if doing.text("complete").lower() in ("true", "yes"):
        filled = neutral_content(given)
    elif doing.switched_off("complete"):
        filled = {"identification": {}}
    else:
        filled = {"identification": neutral_content(given)["identification"]}
    sections = dict.fromkeys([*before, *filled, *stated])
    content = {key: {**filled.get(key, {}), **before.get(key, {}), **stated.get(key, {})} for key in sections}
    return content if doing.switched_off("complete") else with_clearance(content)


def add_author(doing: Doing) -> Case:
    """Let another designer write along."""
    person = doing.play.people[doing.text("author")]
    return authors.add_author(doing.db, doing.library, doing.actor, doing.now, doing.number, person.id)


def register(doing: Doing) -> Case:
    """Register an outside approval: of the proposal named by ``to``, else of one that never came here."""
    if doing.number:
        return transitions.transition(doing)
    # Nothing of a form that was never filled in is invented: only what a registration holds.
    held = neutral_content(doing.given)["identification"]
    stated = stated_content(doing.given)
    stated["identification"] = {
        "title": held["title"],
        "contributions": held["contributions"],
        **stated["identification"],
    }
    given = transitions.approval(doing)
    is_phase = doing.text("other_phase", "no").lower() in ("true", "yes")
    alike = outside_approvals.find_alike(doing.db, stated, given.approved_at)[1] if is_phase else []
    return outside_approvals.register_outside(
        doing.db,
        doing.library,
        doing.actor,
        doing.now,
        stated,
        given,
        illustrative=doing.play.script.scenario.illustrative,
        source=doing.text("source"),
        note=doing.text("note", doing.text("reason")),
        apart=[entry.number for entry in alike],
    )
