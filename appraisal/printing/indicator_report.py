"""A published report of indicator 2.1 becomes two pages here, made of its value and nothing else.

However long its lists are, there are two pages: pictures sum up what is beyond their lines, tables name
the first proposals and count the others. The attached ``report.json`` holds all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from appraisal import canonical
from appraisal.definitions.percentages import displayed_percent
from appraisal.indicators.rules import appraised_share, titles
from appraisal.indicators.rules.appraised_share import BREAKDOWNS, Line, Share
from appraisal.indicators.rules.titles import GROUPS
from appraisal.language.texts import N_
from appraisal.language.words import Words
from appraisal.printing import printable, words
from appraisal.proposals.rules.labels import FUNDS, REASONS, REGIONS

Value = Mapping[str, Any]
# What one page holds.
BARS: Final = 5
LISTED: Final = 5
CHANGED: Final = 4
OPENED: Final = 2
WORKFLOWS: Final = 2
_LISTED_GROUPS: Final = ("override", "outside", "undated")
# Ems that two lines hold: of a title in its column, and beside a bar.
_TITLE_EMS, _LABEL_EMS = 32.0, 15.0
_LABELS: Final = {"region": REGIONS, "track": words.TRACKS}


def is_report(value: Value) -> bool:
    """Tell whether a value is that of an indicator's report, by the schema that it names."""
    return str(value.get("schema", "")).startswith("appraisal-indicator/")


def sheet(value: Value, say: Words) -> dict[str, Any]:
    """Return what the template of a report reads beside the value itself."""
    return {
        "title": say.text(value["texts"]["title"]),
        "years": _years(value["biennium"]),
        "day": say.day_of(value["published_at"]),
        "digest": canonical.digest(value),
        "percent": _percent(value["percent"], say),
        "exact": float(Fraction(value["exact"])) if value["exact"] else None,
        "marks": [
            {
                "value": float(entry["percent"]),
                "label": say.say(
                    N_("%(name)s: %(said)s"),
                    name=_years(entry["biennium"]),
                    said=_percent(entry["percent"], say),
                ),
            }
            for entry in value["milestones"]
        ],
        "milestone": _percent(value["milestone"], say) if value["milestone"] else "",
        "standing": _standing(value, say),
        "target": _percent(value["target"], say),
        "baseline": _baseline(value["baseline"], say),
        "scope": ", ".join(say.label(FUNDS, fund) for fund in value["scope"]),
        "readings": _readings(value, say),
        "rate": _reading(value["approved_of_appraised"], say),
        **_workflows(value, say),
        "breakdowns": [_breakdown(name, value["breakdowns"][name], say) for name in BREAKDOWNS],
        **_lists(value, say),
    }


def _workflows(value: Value, say: Words) -> dict[str, Any]:
    """Return the newest workflows that the report used, and what says that there are others."""
    # Reports of earlier versions name none.
    used = value.get("workflows", [])
    others = len(used) - WORKFLOWS
    return {
        "workflows": used[-WORKFLOWS:],
        "other_workflows": say.say(N_("%(count)s others"), count=others) if others > 0 else "",
    }


def _years(biennium: str) -> str:
    return biennium.replace("-", "–")


def _percent(percent: str | None, say: Words) -> str:
    """Write a percentage with the decimals that it has; *no data* where there is none."""
    if percent is None:
        return say.say(N_("no data"))
    figures = percent if say.language == "en" else percent.replace(".", ",")
    return f"{figures}%" if say.language == "en" else f"{figures}\N{NO-BREAK SPACE}%"


def _standing(value: Value, say: Words) -> dict[str, str]:
    """Return how the figure stands against its milestone, in a word and with a tone."""
    if value["milestone"] is None:
        return {"text": say.say(N_("No milestone")), "tone": "neutral"}
    if value["milestone_met"] is None:
        return {"text": say.say(N_("No data")), "tone": "neutral"}
    if value["milestone_met"]:
        return {"text": say.say(N_("Milestone met")), "tone": "good"}
    return {"text": say.say(N_("Milestone not met")), "tone": "bad"}


def _baseline(baseline: Value, say: Words) -> str:
    years = _years(baseline["biennium"] or "")
    if baseline["percent"] is None:
        said = say.say(N_("not entered"))
    else:
        said = f"{_percent(baseline['percent'], say)} ({baseline['document']})"
    return say.say(N_("%(name)s: %(said)s"), name=years, said=said) if years else said


def _readings(value: Value, say: Words) -> list[tuple[str, str, str, str]]:
    """Return the figure under every choice: what it reads, numerator, denominator and percentage."""
    pairs = (
        (N_("The indicator"), (value["numerator"], value["denominator"])),
        (N_("With overrides counted"), value["with_overrides"]),
        (N_("XBTC only"), value["xbtc"]),
        (N_("RBSA only"), value["rbsa"]),
    )
    found = [(say.say(title), *_reading(pair, say)) for title, pair in pairs]
    part, whole = map(Decimal, value["usd"])
    exact = Fraction(part) / Fraction(whole) * 100 if whole else None
    weighted = _percent(displayed_percent(exact, None), say)
    # What the indicator shows may have one decimal more than a reading beside it.
    found[0] = (*found[0][:3], _percent(value["percent"], say))
    return [
        *found,
        (say.weighted(value.get("unvalued", ())), _whole(part, say), _whole(whole, say), weighted),
    ]


def _reading(pair: Sequence[int], say: Words) -> tuple[str, str, str]:
    exact = Share(*pair).exact
    return str(pair[0]), str(pair[1]), _percent(displayed_percent(exact, None), say)


def _whole(amount: Decimal, say: Words) -> str:
    return say.number(str(amount.quantize(Decimal(1)))) or "0"


def _breakdown(name: str, found: Sequence[Value], say: Words) -> dict[str, Any]:
    """Return what a picture draws; its title says all of it, since that is what a screen reader is told."""
    lines = [
        Line(
            entry["value"],
            Share(entry["numerator"], entry["denominator"]),
            (Decimal(entry["usd"][0]), Decimal(entry["usd"][1])),
        )
        for entry in found
    ]
    shown, others = appraised_share.largest(lines, BARS)
    rows = [_bar(_label(name, line.value, say), line.share, say) for line in shown]
    if others:
        label = say.say(N_("%(count)s others"), count=len(others))
        rows.append(_bar(label, appraised_share.summed(others).share, say))
    title = say.label(titles.BREAKDOWNS, name)
    said = "; ".join(f"{row['label']} {row['text']}" for row in rows)
    return {
        "title": title,
        "rows": rows,
        "alt": say.say(N_("%(name)s: %(said)s"), name=title, said=said),
    }


def _label(name: str, value: str, say: Words) -> str:
    if not value:
        return say.say(N_("Not stated"))
    return say.label(_LABELS[name], value) if name in _LABELS else value


def _bar(label: str, share: Share, say: Words) -> dict[str, Any]:
    part, whole, percent = _reading((share.numerator, share.denominator), say)
    return {
        "label": printable.drawn(label, _LABEL_EMS),
        "part": share.numerator,
        "whole": share.denominator,
        "text": say.say(N_("%(part)s of %(whole)s (%(percent)s)"), part=part, whole=whole, percent=percent),
    }


def _lists(value: Value, say: Words) -> dict[str, Any]:
    """Return the proposals that keep the figure from being whole, and those that are counted otherwise."""
    listed = list(_listed(value))
    changes = value["changes"]
    return {
        "listed": [_proposal(group, entry, say) for group, entry in listed[:LISTED]],
        "unlisted": max(0, len(listed) - LISTED),
        "undated": len(value["proposals"]["undated"]),
        **_opened(value["finance_list"].get("unapproved", ()), say),
        **_again(value["finance_list"].get("changed", ())),
        "changes": [
            (entry["number"], _stood(entry, "was", say), _stood(entry, "is", say))
            for entry in changes[:CHANGED]
        ],
        "unchanged": max(0, len(changes) - CHANGED),
    }


def _opened(unapproved: Sequence[Value], say: Words) -> dict[str, Any]:
    """Return the projects that were opened without an approval here: how many, and the first by name."""
    named = [
        f"{printable.drawn(entry['symbol'], _LABEL_EMS)} ({entry['number']}, {say.text(entry['state_title'])})"
        for entry in unapproved[:OPENED]
    ]
    return {
        "unapproved": len(unapproved),
        "opened": "; ".join(named),
        "unopened": max(0, len(unapproved) - OPENED),
    }


def _again(changed: Sequence[Value]) -> dict[str, Any]:
    """Return the links that somebody has to look at again: how many, and the first by name."""
    named = [
        f"{printable.drawn(entry['symbol'], _LABEL_EMS)} ({entry['number']})" for entry in changed[:OPENED]
    ]
    return {"changed": len(changed), "again": "; ".join(named), "unseen": max(0, len(changed) - OPENED)}


def _listed(value: Value) -> Iterator[tuple[str, Value]]:
    for group in _LISTED_GROUPS:
        for entry in value["proposals"][group]:
            yield group, entry


def _proposal(group: str, entry: Value, say: Words) -> dict[str, str]:
    return {
        "number": entry["number"],
        "title": printable.drawn(entry["title"], _TITLE_EMS),
        "day": say.day_of(entry["approved_at"], short=True) or say.say(N_("undated")),
        "group": say.label(_SHORT, group),
        "why": say.label(REASONS, entry["reason"]) or "–",
    }


# The long titles of groups do not go on a line.
_SHORT: Final = GROUPS | {"undated": N_("undated"), "other_funds": N_("Paid for by other funds")}


def _stood(change: Value, then: str, say: Words) -> str:
    """Return how a proposal was or is counted, with its values that differ where it stands in both."""
    said = [_group(change[then], say)]
    for entry in change.get("values", ()):
        if (label := _COLUMNS.get(entry["name"])) and entry[then] is not None:
            text = ", ".join(entry[then]) if isinstance(entry[then], list) else str(entry[then])
            said.append(say.say(N_("%(name)s: %(said)s"), name=say.say(label), said=text))
    return printable.drawn("; ".join(said), _TITLE_EMS)


# Of the values of a proposal, those that its group does not say already.
_COLUMNS: Final = {
    "usd": N_("US$"),
    "approved_at": N_("Approved on"),
    "funds": N_("Funds"),
    "unit": N_("Responsible unit"),
    "donors": N_("Donors"),
    "title": N_("Title"),
}


def _group(group: str | None, say: Words) -> str:
    return say.label(_SHORT, group) if group else say.say(N_("not counted"))
