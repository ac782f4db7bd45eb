"""The parts of a record's pages that need thought are made here: the cover, its stamp, and the tiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from appraisal import canonical
from appraisal.appraisals.rules import in_words, responses
from appraisal.definitions.workflows import TrackCondition
from appraisal.language.texts import N_
from appraisal.printing import qr_code, words
from appraisal.printing.printable import bare, cut_to, width
from appraisal.printing.words import RecordWords
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.labels import KINDS, REGIONS
from appraisal.records.rules.value import is_same, is_signed

Value = Mapping[str, Any]
# The running header holds so many ems at its size (174 mm of 7.8 pt), gaps and paddings taken off; its bold
# words are so much wider than regular ones.
HEADER_EMS = 59.0
BOLD = 1.1
# So many donors or authors are named on the cover.
NAMES = 6


@dataclass(frozen=True, slots=True)
class Signer:
    """A reviewer as the row of a rating names them: with the unit, and when the review was signed."""

    name: str
    signed: str
    late: bool
    set_aside: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A rating that reviewers signed, with what they say; empty where they commented without rating."""

    rating: str
    comment: str
    evidence: str
    by: list[Signer]


def sheet(value: Value, say: RecordWords) -> dict[str, Any]:
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
        "address": qr_code.address_of(value, canonical.digest(value)),
        "code": qr_code.code_of(value, canonical.digest(value)),
        "signed": is_signed(value),
        "stamp": stamp(value, say),
        "facts": facts(value, say),
        "tiles": tiles(appraisal, say) if appraisal else [],
        "ratings": {entry["value"]: entry for entry in appraisal["scale"]} if appraisal else {},
        "rules": in_words.sentences(appraisal, say) if appraisal else {},
        "differing": differing(appraisal, say) if appraisal else {},
        "reviewed": reviewed(appraisal, say) if appraisal else {},
        "deciding": deciding(value, say),
    }


def differing(appraisal: Value, say: RecordWords) -> dict[str, str]:
    """Return for each item whose final rating needed a reason the reviewers with another one, by name."""
    given: dict[str, list[tuple[str, str]]] = {}
    for review in responses.counting(appraisal):
        for entry in review["ratings"]:
            if entry["rating"]:
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


def reviewed(appraisal: Value, say: RecordWords) -> dict[str, list[Row]]:
    """Return for each item what reviewers signed: a row for each of them, in the order of the reviews.

    Those who give one rating without a word share a row. What its unit finalised stands in the item's own.
    """
    items = {item["id"]: item for entry in appraisal["criteria"] for item in entry["items"]}
    blocks = {
        item["id"]: entry["finalised_by"]
        for entry in appraisal["criteria"]
        if "finalised_by" in entry
        for item in entry["items"]
    }
    found: dict[str, dict[tuple[str, int | None], Row]] = {}
    for number, review in enumerate(appraisal.get("reviews", ())):
        for given in review["ratings"]:
            comment, evidence = given["comment"], given.get("evidence", "")
            final = items.get(given["id"])
            if final and _finalises(review, blocks.get(given["id"])) and given["rating"] == final["rating"]:
                continue
            key = (given["rating"], number if comment or evidence else None)
            row = found.setdefault(given["id"], {}).setdefault(
                key, Row(given["rating"], comment, evidence, [])
            )
            row.by.append(_signer(review, say))
    return {item: list(rows.values()) for item, rows in found.items()}


def _finalises(review: Value, block: Value | None) -> bool:
    return (
        block is not None
        and review["signed_at"] == block["signed_at"]
        and is_same(review["person"], block["person"])
    )


def _signer(review: Value, say: RecordWords) -> Signer:
    unit = review["person"]["unit"]
    name = say.signed({"by": review["person"], "for": review["for"]})
    return Signer(
        f"{name} ({unit})" if unit else name,
        say.say(N_("signed on %(day)s"), day=say.day_of(review["signed_at"], short=True)),
        review["late"],
        review["declaration"] == "declared",
    )


def deciding(value: Value, say: RecordWords) -> list[str]:
    """Return what the amount of a version decided: its track, and which criteria apply above a threshold.

    Records of earlier versions of the product name the amounts nowhere.
    """
    proposal = value["proposal"]
    usd, decisive = proposal["usd"], proposal["threshold_usd"]
    if usd is None or decisive is None:
        return []
    if Decimal(usd) == Decimal(decisive):
        sentence = N_("Amount that decides: %(amount)s, at the rates above, those of the day of submission.")
    else:
        sentence = N_(
            "Amount that decides: %(amount)s together with the other proposals of its umbrella programme, "
            "%(usd)s by itself, at the rates above, those of the day of submission."
        )
    found = [say.say(sentence, amount=say.money(decisive), usd=say.money(usd)), _track(proposal, say)]
    for entry in value.get("appraisal", {}).get("thresholds", ()):
        if Decimal(decisive) > Decimal(entry["above_usd"]):
            sentence = N_("%(criterion)s: required, since it applies above %(amount)s.")
            if entry["unit"]:
                sentence = N_(
                    "%(criterion)s: required, since it applies above %(amount)s; "
                    "%(unit)s has the last word on it."
                )
        else:
            sentence = N_("%(criterion)s: not required, since it applies only above %(amount)s.")
        facts = {"criterion": say.text(entry["title"]), "amount": say.money(entry["above_usd"])}
        found.append(say.say(sentence, **facts, unit=entry["unit"]))
    return found


def _track(proposal: Value, say: RecordWords) -> str:
    """Say on which track a proposal is, and why."""
    titled = {entry["key"]: say.text(entry["title"]) for entry in proposal.get("tracks", ())}
    conditions = {
        entry["key"]: None if entry["when"] is None else TrackCondition(**entry["when"])
        for entry in proposal.get("tracks", ())
    }
    track = proposal["track"]
    facts = {"track": titled.get(track) or say.label(words.TRACKS, track)}
    if track not in conditions:
        return say.say(N_("Track: %(track)s."), **facts)
    derived = track_and_money.strictest(conditions, proposal["content"], Decimal(proposal["threshold_usd"]))
    if derived != track:
        return say.say(
            N_("Track: %(track)s, chosen by a coordinator; the facts alone give %(right)s."),
            **facts,
            right=titled[derived],
        )
    said = (
        say.say(sentence, **{name: say.number(amount) for name, amount in given.items()})
        for sentence, given in track_and_money.conditions(conditions[track])
    )
    return say.say(N_("Track: %(track)s (%(conditions)s)."), **facts, conditions=", ".join(said))


def stamp(value: Value, say: RecordWords) -> dict[str, str]:
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


def facts(value: Value, say: RecordWords) -> list[tuple[str, list[str]]]:
    """Return the facts of the cover, each a label and its lines; what is not known is left out."""
    proposal = value["proposal"]
    found: list[tuple[str, list[str]]] = [
        (
            say.say(N_("Countries")),
            [say.countries(proposal["countries"]), say.label(REGIONS, proposal["region"])],
        ),
        (say.say(N_("Responsible unit")), [proposal["unit"]]),
        (
            say.say(N_("Budget")),
            [say.money(proposal["usd"]), *(_contribution(entry, say) for entry in _foreign(proposal))],
        ),
        (say.say(N_("Duration")), _duration(proposal, say)),
        (
            say.say(N_("Donors")),
            _first(list(dict.fromkeys(entry["donor"] for entry in proposal["contributions"])), say),
        ),
        (say.say(N_("Lead outcome")), [proposal["outcome"]]),
        (say.say(N_("Authors")), _first(proposal["authors"], say)),
        (say.say(N_("Lead appraiser")), _lead(value)),
        (say.say(N_("Track")), [say.label(words.TRACKS, proposal["track"])]),
        (say.say(N_("Kind of proposal")), [say.label(KINDS, proposal["kind"])]),
        (say.say(N_("Submitted")), [say.day_of(proposal["submitted_at"])]),
        (say.say(N_("Project symbol")), [proposal["symbol"]]),
    ]
    if value["origin"] != "native":
        found.append((say.say(N_("Origin")), [say.label(words.ORIGINS, value["origin"])]))
    shown = [(label, [line for line in lines if line]) for label, lines in found]
    return [(label, lines) for label, lines in shown if lines]


def tiles(appraisal: Value, say: RecordWords) -> list[dict[str, str]]:
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


def _version(value: Value, say: RecordWords) -> str:
    number = value["proposal"]["version"]
    return say.say(N_("version %(number)s"), number=number) if number else ""


def _lead(value: Value) -> list[str]:
    if "appraisal" not in value:
        return []
    lead = value["appraisal"]["lead"]
    return [f"{lead['name']} ({lead['unit']})" if lead["unit"] else lead["name"]]


def _first(names: list[str], say: RecordWords) -> list[str]:
    # People may share a name, so none is left out here.
    if len(names) <= NAMES:
        return names
    return [*names[: NAMES - 1], say.say(N_("and %(count)s more"), count=len(names) - NAMES + 1)]


def _foreign(proposal: Value) -> list[Value]:
    # On the cover only what fits; the table of contributions holds all of them.
    given = [entry for entry in proposal["contributions"] if entry["currency"] != "USD"]
    return given if len(given) <= 2 else []


def _contribution(entry: Value, say: RecordWords) -> str:
    return say.money(entry["amount"], entry["currency"])


def _duration(proposal: Value, say: RecordWords) -> list[str]:
    start, end = proposal["start"], proposal["end"]
    days = " – ".join(say.day(day) for day in (start, end) if day)
    return [say.months(start, end), days]
