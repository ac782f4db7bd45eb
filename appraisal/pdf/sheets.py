"""Sheets: the parts of a record's pages that need thought: the cover, its stamp, and the tiles."""

from collections.abc import Mapping
from typing import Any

from appraisal import canonical
from appraisal.domain import responses
from appraisal.domain.records import is_signed
from appraisal.i18n import N_
from appraisal.pdf import codes, rules, words
from appraisal.pdf.texts import bare, cut_to, width
from appraisal.pdf.words import Words

Value = Mapping[str, Any]
# The running header holds so many ems at its size (174 mm of 7.8 pt), gaps and paddings taken off; its bold
# words are so much wider than regular ones.
HEADER_EMS = 59.0
BOLD = 1.1
# So many donors or authors are named on the cover.
NAMES = 6


def sheet(value: Value, say: Words) -> dict[str, Any]:
    """Return what the template of a record reads beside the value itself."""
    appraisal = value.get("appraisal")
    title = value["proposal"]["title"] or value["number"]
    kind = say.label(words.RECORD_KINDS, value["kind"])
    reference = " · ".join(part for part in (value["number"], _version(value, say)) if part)
    tag = say.say(N_("Illustrative")) if value["illustrative"] else ""
    return {
        "kind": kind,
        "title": title,
        "short_title": cut_to(bare(title), HEADER_EMS - BOLD * width(kind + tag) - width(reference)),
        "title_size": "large" if len(title) <= 80 else "middle" if len(title) <= 160 else "small",
        "reference": reference,
        "illustrative": tag,
        "date": say.day_of(value["issued_at"]),
        "digest": canonical.digest(value),
        "address": codes.address_of(value, canonical.digest(value)),
        "code": codes.code_of(value, canonical.digest(value)),
        "signed": is_signed(value),
        "stamp": stamp(value, say),
        "facts": facts(value, say),
        "tiles": tiles(appraisal, say) if appraisal else [],
        "ratings": {entry["value"]: entry for entry in appraisal["scale"]} if appraisal else {},
        "rules": rules.sentences(appraisal, say) if appraisal else {},
        "differing": differing(appraisal, say) if appraisal else {},
    }


def differing(appraisal: Value, say: Words) -> dict[str, str]:
    """Return for each item whose final rating needed a reason the reviewers with another one, by name."""
    given: dict[str, list[tuple[str, str]]] = {}
    for review in responses.counting(appraisal):
        for entry in review["ratings"]:
            given.setdefault(entry["id"], []).append((review["person"]["name"], entry["rating"]))
    return {
        item["id"]: ", ".join(
            _first(
                [f"{name} ({rating})" for name, rating in given[item["id"]] if rating != item["rating"]], say
            )
        )
        for criterion in appraisal["criteria"]
        for item in criterion["items"]
        if "reason" in item
    }


def stamp(value: Value, say: Words) -> dict[str, str]:
    """Return the words of the stamp on the cover: a recommendation or a decision, its day and its person."""
    if value["kind"] == "appraisal":
        appraisal = value["appraisal"]
        return {
            "text": say.text(appraisal["recommendation_titles"].get(appraisal["final"]))
            or appraisal["final"],
            "day": say.day_of(appraisal["finalised_at"]),
            "by": say.signed(appraisal) if "by" in appraisal else appraisal["lead"]["name"],
        }
    decision = value["decision"]
    labels = words.OUTCOMES if decision["kind"] in words.OUTCOMES else words.DECISIONS
    return {
        "text": say.label(labels, decision["kind"]),
        "day": say.say(N_("undated"))
        if decision["undated"]
        else say.day_of(decision["approved_at"] or decision["at"]),
        "by": say.signed(decision),
    }


def facts(value: Value, say: Words) -> list[tuple[str, list[str]]]:
    """Return the facts of the cover, each a label and its lines; what is not known is left out."""
    proposal = value["proposal"]
    found: list[tuple[str, list[str]]] = [
        (
            say.say(N_("Countries")),
            [say.countries(proposal["countries"]), say.label(words.REGIONS, proposal["region"])],
        ),
        (say.say(N_("Responsible unit")), [proposal["unit"]]),
        (
            say.say(N_("Budget")),
            [say.money(proposal["usd"]), *(_contribution(entry, say) for entry in _foreign(proposal))],
        ),
        (say.say(N_("Duration")), _duration(proposal, say)),
        (say.say(N_("Donors")), _first([entry["donor"] for entry in proposal["contributions"]], say)),
        (say.say(N_("Lead outcome")), [proposal["outcome"]]),
        (say.say(N_("Authors")), _first(proposal["authors"], say)),
        (say.say(N_("Lead appraiser")), _lead(value)),
        (say.say(N_("Track")), [say.label(words.TRACKS, proposal["track"])]),
        (say.say(N_("Kind of proposal")), [say.label(words.KINDS, proposal["kind"])]),
        (say.say(N_("Submitted")), [say.day_of(proposal["submitted_at"])]),
        (say.say(N_("Project symbol")), [proposal["symbol"]]),
    ]
    if value["origin"] != "native":
        found.append((say.say(N_("Origin")), [say.label(words.ORIGINS, value["origin"])]))
    shown = [(label, [line for line in lines if line]) for label, lines in found]
    return [(label, lines) for label, lines in shown if lines]


def tiles(appraisal: Value, say: Words) -> list[dict[str, str]]:
    """Return one tile a criterion, and one that says so where no evaluability review was required."""
    found = [
        {
            "code": criterion["code"],
            "title": say.text(criterion["title"]),
            "verdict": say.text(appraisal["verdict_titles"].get(criterion["verdict"]))
            or say.say(N_("No verdict")),
            "tone": appraisal["verdict_tones"].get(criterion["verdict"], "neutral"),
        }
        for criterion in appraisal["criteria"]
    ]
    if not appraisal["evaluability_required"]:
        found.append(
            {
                "code": "EVA",
                "title": say.say(N_("Evaluability review")),
                "verdict": say.say(N_("Not required")),
                "tone": "neutral",
            }
        )
    return found


def _version(value: Value, say: Words) -> str:
    number = value["proposal"]["version"]
    return say.say(N_("version %(number)s"), number=number) if number else ""


def _lead(value: Value) -> list[str]:
    if "appraisal" not in value:
        return []
    lead = value["appraisal"]["lead"]
    return [f"{lead['name']} ({lead['unit']})" if lead["unit"] else lead["name"]]


def _first(names: list[str], say: Words) -> list[str]:
    different = list(dict.fromkeys(names))
    if len(different) <= NAMES:
        return different
    return [*different[: NAMES - 1], say.say(N_("and %(count)s more"), count=len(different) - NAMES + 1)]


def _foreign(proposal: Value) -> list[Value]:
    # On the cover only what fits; the table of contributions holds all of them.
    given = [entry for entry in proposal["contributions"] if entry["currency"] != "USD"]
    return given if len(given) <= 2 else []


def _contribution(entry: Value, say: Words) -> str:
    return say.money(entry["amount"], entry["currency"])


def _duration(proposal: Value, say: Words) -> list[str]:
    start, end = proposal["start"], proposal["end"]
    days = " – ".join(say.day(day) for day in (start, end) if day)
    return [say.months(start, end), days]
