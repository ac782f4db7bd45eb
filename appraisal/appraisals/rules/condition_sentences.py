"""Sentences that say what an event did to conditions."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from appraisal.appraisals.rules import conditions as rules
from appraisal.language.texts import N_, Language, say, write_day
from appraisal.proposals.facts import Condition
from appraisal.proposals.rules.labels import GATES

_ACTS: Final[Mapping[str, str]] = {
    "report_condition": N_("%(name)s reported condition %(number)s as met: %(said)s"),
    "clear_condition": N_("%(name)s cleared condition %(number)s on this evidence: %(said)s"),
    "waive_condition": N_("%(name)s waived condition %(number)s: %(said)s"),
    "name_owner": N_("%(name)s gave condition %(number)s to %(after)s instead of %(before)s: %(said)s"),
}


def sentences(
    event: str, facts: Mapping[str, Any], name: str, language: Language, only: int | None = None
) -> list[str]:
    """Return what an event says of conditions, of one alone if its number is given, a sentence for each.

    ``name`` is who did what the event tells of, in words.
    """
    return list(_sentences(event, facts, name, language, only))


def _sentences(
    event: str, facts: Mapping[str, Any], name: str, language: Language, only: int | None
) -> Iterator[str]:
    parts: Mapping[str, Any] = facts.get(rules.FACTS) or {}
    for entry in _about(parts, "written", only):
        sentence = N_("%(name)s wrote a condition: %(line)s")
        yield say(language, sentence, name=name, line=_line(entry, language))
    for entry in _about(parts, "changed", only):
        before, after = ({**entry, **entry[key]} for key in ("before", "after"))
        sentence = N_("%(name)s changed a condition, now: %(after)s. Before: %(before)s")
        yield say(language, sentence, name=name, after=_line(after, language), before=_line(before, language))
        if entry.get("unreported"):
            sentence = N_("The report that condition %(number)s is met was about what was asked for before.")
            yield say(language, sentence, number=entry["number"])
    for entry in _about(parts, "withdrawn", only):
        sentence = N_("%(name)s withdrew a condition: %(line)s")
        yield say(language, sentence, name=name, line=_line(entry, language))
    for entry in _about(parts, "superseded", only):
        sentence = N_("Condition %(number)s took the place of one of an earlier version: %(line)s")
        yield say(language, sentence, number=entry["by"], line=_line(entry, language))
    carried = [number for number in parts.get("carried", ()) if only in (None, number)]
    if carried:
        sentence = N_("Carried over to the new appraisal as they are: conditions %(numbers)s")
        yield say(language, sentence, numbers=", ".join(map(str, carried)))
    if parts.get("order") and only is None:
        sentence = N_("%(name)s put the conditions into this order: %(numbers)s")
        yield say(language, sentence, name=name, numbers=", ".join(map(str, parts["order"])))
    if event in _ACTS and "condition" in facts and only in (None, facts["condition"]):
        before, after = (facts.get(key, {}).get("owner", "") for key in ("before", "after"))
        said = facts.get("evidence") or facts.get("reason") or ""
        places = {"number": facts["condition"], "said": said, "before": before or "–", "after": after}
        yield say(language, _ACTS[event], name=name, **places)


def _about(parts: Mapping[str, Any], key: str, only: int | None) -> list[Mapping[str, Any]]:
    return [entry for entry in parts.get(key, ()) if only in (None, entry["number"], entry.get("by"))]


def _line(entry: Mapping[str, Any], language: Language) -> str:
    due_on = entry["due_on"] and date.fromisoformat(entry["due_on"])
    shown = Condition(
        entry["id"], entry["number"], entry["item"], entry["text"], entry["owner"], due_on, entry["gate"]
    )
    return line(shown, language)


def line(entry: Condition, language: Language) -> str:
    """Write a condition on one line: number, item, text, owner, date and gate."""
    item = f" ({entry.item})" if entry.item else ""
    due_on = write_day(language, entry.due_on) if entry.due_on else ""
    gate = say(language, GATES[entry.gate]) if entry.gate in GATES else ""
    facts = [entry.owner, due_on, gate]
    return f"{entry.number}.{item} {entry.text} – {', '.join(fact for fact in facts if fact)}"
