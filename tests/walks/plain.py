"""Plain figures: what the indicators come to by the texts of events alone, written a second time.

This follows the rules of the field and imports nothing that computes them: no facts, no routes, no tallies.
It reads the texts of events in their order, and by the digests that they name those of versions and records.
Lists are read row by row. It is slow, and simple enough to be believed.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

HEADLINE: Final = frozenset({"XBTC", "RBSA"})
EVALUABILITY: Final = Decimal(5_000_000)
ADEQUATE: Final = Decimal("0.8")
_GENEVA: Final = ZoneInfo("Europe/Zurich")
_GOOD: Final = ("READY", "READY_WITH_CONDITIONS")

Text = Mapping[str, Any]


@dataclass
class Approval:
    """An approval that stands, as it was given."""

    route: str
    reason: str
    at: datetime | None
    version: str
    content: Text
    money: list[tuple[str, str, Decimal | None]]
    track: str
    # The number of its event in the chain.
    sequence: int = 0
    # What came after it: the names of the steps, and the days that the donor's answers bear.
    followed: dict[str, date] = field(default_factory=dict)

    @property
    def funds(self) -> frozenset[str]:
        """Return the funds that give to it."""
        return frozenset(fund for _, fund, _ in self.money)

    @property
    def usd(self) -> Decimal:
        """Return what is known of its US$."""
        return sum((usd for _, _, usd in self.money if usd is not None), Decimal(0))


@dataclass
class Finalised:
    """An appraisal that was finalised and not recalled."""

    version: str
    at: datetime
    final: str
    evaluable: bool


@dataclass
class Known:
    """What is known of one proposal by its events."""

    number: str
    state: str = "draft"
    counted: bool = False
    umbrella: bool = False
    illustrative: bool = False
    version: str = ""
    # What was submitted last takes this one, unless somebody or a sibling made it stricter since.
    track: str = ""
    # The symbol of what was submitted or registered last.
    symbol: str = ""
    entered_at: datetime | None = None
    # How many appraisals were finalised and not opened again.
    appraised: int = 0
    final: Finalised | None = None
    # Whether EVAL's block was signed since the version in force was submitted, and whether one was waived.
    signed_block: bool = False
    waived: bool = False
    approval: Approval | None = None
    decided: str = ""
    decided_at: datetime | None = None
    annulled: bool = False
    corrected: bool = False
    void: bool = False
    submitted: list[tuple[datetime, str, str]] = field(default_factory=list)
    states: list[tuple[datetime, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Match:
    """What a project was taken for, and with what it was looked at."""

    id: int
    project: str
    number: str | None
    how: str
    basis: Text | None


@dataclass
class Trail:
    """The texts that everything is computed from."""

    proposals: dict[str, list[Text]]
    site: list[Text]
    texts: dict[str, Text]
    entries: dict[str, list[tuple[str, str]]]
    matches: list["Match"]


def read(db: Connection) -> Trail:
    """Read the trail as it lies."""
    proposals: dict[str, list[Text]] = defaultdict(list)
    for row in db.execute(text("SELECT body FROM events ORDER BY id")):
        body = json.loads(row.body)
        proposals[body["proposal"]].append(body)
    site = [
        json.loads(row.body) for row in db.execute(text("SELECT body FROM site_events ORDER BY sequence"))
    ]
    texts = {
        row.digest: json.loads(row.value)
        for row in db.execute(
            text("SELECT digest, value FROM versions UNION ALL SELECT digest, value FROM records")
        )
    }
    entries: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in db.execute(text("SELECT dataset, key, value FROM entries ORDER BY id")):
        entries[row.dataset].append((row.key, row.value))
    rows = db.execute(
        text(
            "SELECT m.id, m.project, p.number, m.how, m.basis"
            " FROM matches m LEFT JOIN proposals p ON p.id = m.proposal_id ORDER BY m.id"
        )
    )
    matches = [
        Match(row.id, row.project, row.number, row.how, json.loads(row.basis) if row.basis else None)
        for row in rows
    ]
    return Trail(dict(proposals), site, texts, dict(entries), matches)


def acts(trail: Trail) -> int:
    """Count the events that move a proposal or are acts of its workflow, and those that waive or sign."""
    aside = ("sign_review", "waive_condition", "create")
    return sum(
        bool(body["columns"].get("act")) or body["action"] in aside
        for bodies in trail.proposals.values()
        for body in bodies
    )


def moment(stamp: str) -> datetime:
    """Read a moment of the trail."""
    return datetime.fromisoformat(stamp)


def biennium(at: datetime) -> str:
    """Return the biennium of a moment, by the calendar of Geneva."""
    year = at.astimezone(_GENEVA).date().year
    first = year - year % 2
    return f"{first:04d}-{(first + 1) % 100:02d}"


# --- One proposal ------------------------------------------------------------------------------------------


def known(trail: Trail, until: datetime | None = None) -> list[Known]:
    """Hear the events of every proposal, up to a moment or all, and say what became of it."""
    return [
        _heard(trail, number, [body for body in bodies if until is None or moment(body["at"]) <= until])
        for number, bodies in sorted(trail.proposals.items())
    ]


def _heard(trail: Trail, number: str, bodies: list[Text]) -> Known:
    found = Known(number)
    # What is so again once a registration is corrected.
    before: tuple[bool, bool] = (False, False)
    created_at = moment(bodies[0]["at"]) if bodies else None
    for body in bodies:
        facts, act, at = body["facts"], body["columns"].get("act", ""), moment(body["at"])
        found.state = body["columns"].get("to_state", found.state)
        found.states.append((at, found.state))
        if body["action"] == "create":
            found.illustrative = facts["illustrative"]
        elif body["action"] == "sign_review":
            found.signed_block |= any(item.startswith("EVA-") for item in facts["ratings"])
        elif body["action"] == "waive_condition":
            found.waived = True
        if body["action"] == "raise_threshold" or act in ("submit", "assign"):
            found.track = facts["track"]
        if act == "submit":
            found.version, found.counted, found.umbrella = facts["digest"], True, facts["kind"] == "umbrella"
            found.symbol = _said(trail.texts[found.version]["content"], "symbol").strip().upper()
            # What was waived stays with the version that it was about.
            found.signed_block = found.waived = False
            found.entered_at = found.entered_at or at
            found.submitted.append((at, facts["digest"], facts["usd"]))
        elif act in ("finalise", "request_revision"):
            found.appraised += 1
            evaluable = found.signed_block and "EVA" in facts["verdicts"]
            found.final = Finalised(facts["version"], at, facts["final"], evaluable)
        elif act == "recall":
            found.final = None
            found.appraised -= 1
        elif act in ("approve", "countersign"):
            found.approval = replace(_inside(trail, found, act, at), sequence=body["sequence"])
            found.decided, found.decided_at = "approved", at
        elif act == "register_approval":
            before = (found.counted, found.umbrella)
            found.approval = replace(
                _outside(trail, body, created_at), sequence=body["sequence"], track=found.track
            )
            found.counted, found.umbrella = True, _said(found.approval.content, "kind") == "umbrella"
            found.symbol = _said(found.approval.content, "symbol").strip().upper()
        elif act == "reject":
            found.decided, found.decided_at = "not_approved", at
        elif act == "annul":
            found.approval, found.annulled = None, True
            found.decided = "not_approved" if found.decided else ""
        elif act in ("correct_registration", "confirm_correction"):
            found.approval, found.void, found.corrected = None, facts["void"], True
            found.counted, found.umbrella = before
        elif found.approval is not None and act in ("send_to_donor", "fund", "decline_funding", "start"):
            day = facts.get("agreed_on")
            found.approval.followed[act] = date.fromisoformat(day) if day else at.astimezone(_GENEVA).date()
    return found


def _said(content: Text, key: str, section: str = "identification") -> str:
    return str(content.get(section, {}).get(key, ""))


def _inside(trail: Trail, found: Known, act: str, at: datetime) -> Approval:
    version = trail.texts[found.version]
    reason = _reason(found, act, at, Decimal(version["threshold_usd"]))
    route = "outside" if reason else "override" if act == "countersign" else "mechanism"
    return Approval(
        route, reason.strip(), at, found.version, version["content"], _money(version), found.track
    )


def _reason(found: Known, act: str, at: datetime, threshold: Decimal) -> str:
    """Say why an approval that was given here went past the mechanism; a space where it has no name."""
    final = found.final
    if final is None or final.version != found.version:
        return "other_version"
    if not final.at < at:
        return "appraisal_after_approval"
    if act == "countersign":
        return ""
    if threshold > EVALUABILITY and not final.evaluable:
        return "evaluability_missing"
    return "" if final.final in _GOOD and not found.waived else " "


def _outside(trail: Trail, body: Text, created_at: datetime | None) -> Approval:
    """Return an approval that was given elsewhere: of the version there was, or of what the form said."""
    facts = body["facts"]
    sheet = trail.texts[facts["record"]]
    at = sheet["decision"]["approved_at"]
    if facts["version"]:
        version = trail.texts[facts["version"]]
        content, money = version["content"], _money(version)
    else:
        content = sheet["proposal"]["content"]
        # One that bears no date is worth what it was when the proposal was written down.
        day = moment(at) if at else created_at or moment(body["at"])
        money = _valued(trail, content, day, moment(body["at"]))
    return Approval("outside", "registered", moment(at) if at else None, facts["version"], content, money, "")


def _money(version: Text) -> list[tuple[str, str, Decimal | None]]:
    return [
        (entry["donor"], entry["fund"], None if entry["usd"] is None else Decimal(entry["usd"]))
        for entry in version["contributions"]
    ]


def _valued(
    trail: Trail, content: Text, at: datetime, until: datetime
) -> list[tuple[str, str, Decimal | None]]:
    """Value what a form says at the rates of a day, as they were known at a moment."""
    rows = content.get("identification", {}).get("contributions") or []
    day = at.astimezone(_GENEVA).date()
    return [
        (
            row["donor"],
            row["fund"],
            _usd(trail, Decimal(row["amount"]), row.get("currency", "USD"), day, until),
        )
        for row in rows
        if row.get("amount")
    ]


def _usd(trail: Trail, amount: Decimal, currency: str, day: date, until: datetime) -> Decimal | None:
    per_usd = Decimal(1) if currency == "USD" else None
    newest = date.min
    for body in trail.site:
        if body["action"] in ("enter_rate", "correct_rate") and moment(body["at"]) <= until:
            facts = body["facts"]
            entered = date.fromisoformat(facts["day"])
            # Of one day the last one that was entered counts.
            if facts["currency"] == currency and newest <= entered <= day:
                newest, per_usd = entered, Decimal(facts["per_usd"])
    return None if per_usd is None else (amount / per_usd).quantize(Decimal("0.01"), ROUND_HALF_UP)


# --- 2.1 ---------------------------------------------------------------------------------------------------


def headline(found: Iterable[Known], of: str) -> dict[str, Any]:
    """Return indicator 2.1 of a biennium, in the words of a report, as far as they are compared."""
    counted = [entry for entry in found if entry.counted and not entry.void and not entry.umbrella]
    approved = [(entry, entry.approval) for entry in counted if entry.approval is not None]
    falling = [pair for pair in approved if pair[1].at is not None and biennium(pair[1].at) == of]
    within = [pair for pair in falling if pair[1].funds & HEADLINE]
    undated = [pair for pair in approved if pair[1].at is None and pair[1].funds & HEADLINE]
    decided = [entry for entry in counted if entry.decided_at and biennium(entry.decided_at) == of]
    states: dict[str, int] = defaultdict(int)
    for entry in counted:
        states[entry.state] += 1
    through = [pair for pair in within if pair[1].route == "mechanism"]
    overrides = [pair for pair in within if pair[1].route == "override"]

    def share(pairs: Iterable[tuple[Known, Approval]]) -> list[int]:
        listed = list(pairs)
        return [sum(given.route == "mechanism" for _, given in listed), len(listed)]

    return {
        "numerator": len(through),
        "denominator": len(within),
        "with_overrides": [len(through) + len(overrides), len(within)],
        "xbtc": share(pair for pair in falling if "XBTC" in pair[1].funds),
        "rbsa": share(pair for pair in falling if "RBSA" in pair[1].funds),
        "usd": [_text(given.usd for _, given in through), _text(given.usd for _, given in within)],
        "approved_of_appraised": [
            sum(entry.decided == "approved" for entry in decided),
            len(decided),
        ],
        "states": dict(sorted(states.items())),
        "breakdowns": {
            "region": _lines(within, lambda given: {_said(given.content, "region"): given.usd}),
            "unit": _lines(within, lambda given: {_said(given.content, "unit"): given.usd}),
            "track": _lines(within, lambda given: {given.track: given.usd}),
            "donor": _lines(within, _by_donor),
        },
        "proposals": {
            "mechanism": _numbers(through),
            "override": _numbers(overrides),
            "outside": _numbers(pair for pair in within if pair[1].route == "outside"),
            "undated": _numbers(undated),
            "other_funds": _numbers(pair for pair in falling if not pair[1].funds & HEADLINE),
        },
    }


def _text(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0)).quantize(Decimal("0.01"))


def _by_donor(given: Approval) -> dict[str, Decimal]:
    parts: dict[str, Decimal] = defaultdict(Decimal)
    for donor, _, usd in given.money:
        parts[donor] += usd or 0
    return parts


def _lines(pairs: Iterable[tuple[Known, Approval]], by: Any) -> dict[str, list[Any]]:
    lines: dict[str, list[Any]] = {}
    for _, given in pairs:
        for value, usd in by(given).items():
            line = lines.setdefault(value, [0, 0, Decimal(0), Decimal(0)])
            through = given.route == "mechanism"
            line[0] += through
            line[1] += 1
            line[2] += usd if through else 0
            line[3] += usd
    return dict(sorted(lines.items()))


def _numbers(pairs: Iterable[tuple[Known, Approval]]) -> dict[str, tuple[str, str]]:
    return {entry.number: (given.reason, str(_text([given.usd]))) for entry, given in pairs}


# --- The finance list --------------------------------------------------------------------------------------


def rows_of(trail: Trail, dataset: str) -> dict[str, Text]:
    """Return the rows of a list as they stand by their keys: the last that came of each, unless it left."""
    last = dict(trail.entries.get(dataset, ()))
    return {key: json.loads(value) for key, value in sorted(last.items()) if value}


def finance_list(trail: Trail, found: Iterable[Known], of: str) -> dict[str, Any]:
    """Return which projects of the list are not here, which were opened without an approval here, and which
    links somebody has to look at again.
    """
    known = {entry.number: entry for entry in found}
    taken = {entry.project: entry for entry in trail.matches}
    rows = rows_of(trail, "projects")
    missing, unapproved = [], []
    for key, row in rows.items():
        if not _counts(row, of):
            continue
        match = taken.get(key)
        number = match.number if match else None
        if number is None:
            missing.append(row["symbol"])
        elif (given := known[number].approval) is None or _is_beside(row, given.funds):
            unapproved.append((row["symbol"], number))
    changed = [
        (rows[link.project]["symbol"] if link.project in rows else link.project.upper(), link.number)
        for link in taken.values()
        if link.number is not None
        and link.how in ("confirmed", "outside")
        and _is_changed(link, rows, known[link.number], taken.values())
        and _bears_on(link, rows, of)
    ]
    return {"symbols": sorted(missing), "unapproved": sorted(unapproved), "changed": sorted(changed)}


def _is_beside(row: Text, funds: frozenset[str]) -> bool:
    """Tell whether a project of the headline is approved with other funds only, which are not counted."""
    return row.get("fund") in HEADLINE and bool(funds) and not funds & HEADLINE


def _counts(row: Text, of: str) -> bool:
    opened, fund = row.get("opened_on"), row.get("fund")
    is_then = not opened or biennium(moment(f"{opened}T12:00:00+00:00")) == of
    return is_then and (not fund or fund in HEADLINE)


def _bears_on(link: Match, rows: Mapping[str, Text], of: str) -> bool:
    """Tell whether the row of a link counts in a biennium, as it is or was looked at; true without one."""
    seen = [rows[link.project]] if link.project in rows else []
    if link.basis is not None and link.basis["listed"] == "yes":
        seen.append(link.basis)
    return not seen or any(_counts(row, of) for row in seen)


def _is_changed(link: Match, rows: Mapping[str, Text], known: Known, links: Iterable[Match]) -> bool:
    """Tell whether a person has to look again at what a project was taken for."""
    row, approved = rows.get(link.project), known.approval.sequence if known.approval else 0
    if row is None and not approved:
        return False
    if link.basis is None:
        return True
    kept = link.basis
    if (row is not None) != (kept["listed"] == "yes"):
        return True
    if row is not None:
        if Decimal(row.get("amount") or 0) != Decimal(kept["amount"] or 0):
            return True
        if (row.get("currency") or "USD") != kept["currency"]:
            return True
        if any((row.get(name) or "") != kept[name] for name in ("fund", "opened_on")):
            return True
    symbol = known.symbol
    if symbol != kept["symbol"] and symbol.casefold() != link.project:
        return True
    if kept["approval"] and kept["approval"] != approved:
        return True
    earlier = (
        other
        for other in links
        if other.number == link.number and other.id < link.id and other.how in ("confirmed", "outside")
    )
    if row is None or kept["reason"]:
        return False
    return any(other.project in rows and not (other.basis or {}).get("reason") for other in earlier)


def loose(trail: Trail, found: Iterable[Known]) -> list[tuple[str, str]]:
    """Return the projects that a symbol alone makes a proposal which does not bear it any more."""
    known = {entry.number: entry for entry in found}
    rows, taken = rows_of(trail, "projects"), {entry.project: entry for entry in trail.matches}
    return [
        (link.project, link.number)
        for link in taken.values()
        if link.how == "symbol" and link.number is not None and link.project in rows
        if known[link.number].symbol != rows[link.project]["symbol"].upper()
    ]


def unvalued(found: Iterable[Known], of: str) -> list[str]:
    """Return the approvals that a biennium counts and whose US$ nobody knows."""
    return sorted(
        entry.number
        for entry in found
        if entry.counted
        and not entry.umbrella
        and (given := entry.approval) is not None
        and given.at is not None
        and not given.version
        and biennium(given.at) == of
        and given.funds & HEADLINE
        and any(usd is None or not usd for _, _, usd in given.money)
    )


# --- 1.1 ---------------------------------------------------------------------------------------------------


def gaps(trail: Trail, found: Iterable[Known], of: str) -> dict[str, Any]:
    """Return indicator 1.1 of a biennium: the gaps recorded in it, and those that are filled by its end."""
    years = (int(of[:4]), int(of[:4]) + 1)
    given: dict[str, list[Decimal | None]] = defaultdict(list)
    for entry in found:
        if entry.approval is None or "fund" not in entry.approval.followed:
            continue
        gap = _said(entry.approval.content, "resource_gap", "alignment").casefold()
        amount = _said(entry.approval.content, "resource_gap_amount", "alignment")
        if gap and entry.approval.followed["fund"].year <= years[1]:
            # What was typed counts as far as there is money for it.
            is_known = all(usd is not None for _, _, usd in entry.approval.money)
            most = entry.approval.usd if is_known else Decimal(amount or 0)
            given[gap].append(min(Decimal(amount), most) if amount else None)
    filled = total = 0
    complete = True
    for key, row in rows_of(trail, "gaps").items():
        if int(row["recorded_on"][:4]) not in years:
            continue
        needed = Decimal(row["amount"])
        if not needed:
            # Nobody knows how much it is about: it is neither filled nor not.
            complete = False
            continue
        amounts = given.get(key, [])
        complete = complete and None not in amounts
        total += 1
        filled += sum((amount for amount in amounts if amount is not None), Decimal(0)) >= needed * ADEQUATE
    return {"numerator": filled, "denominator": total, "complete": complete}


def frameworks(trail: Trail, of: str) -> dict[str, Any]:
    """Return indicator 3.1 of a biennium: of each country and cycle what was answered last, if at all."""
    years = (of[:4], f"{int(of[:4]) + 1:04d}")
    rows = sorted(rows_of(trail, "undafs").values(), key=lambda row: str(row["assessed_on"]))
    answers: dict[tuple[str, str], Any] = {}
    for row in rows:
        if row["assessed_on"][:4] in years:
            key = (row["country"], row["cycle"])
            said = row.get("reflects")
            answers[key] = answers.get(key) if said is None else said
    return {"numerator": list(answers.values()).count(True), "complete": None not in answers.values()}


# --- The funnel --------------------------------------------------------------------------------------------


def funnel(found: Iterable[Known], of: str) -> dict[str, int]:
    """Return how far the proposals came that were first submitted in a biennium."""
    counts = dict.fromkeys(("submitted", "appraised", "approved", "with_donor", "funded"), 0)
    for entry in found:
        if entry.entered_at is None or biennium(entry.entered_at) != of:
            continue
        followed = entry.approval.followed if entry.approval else {}
        counts["submitted"] += 1
        counts["appraised"] += entry.appraised > 0
        counts["approved"] += entry.approval is not None
        counts["with_donor"] += "send_to_donor" in followed
        counts["funded"] += "fund" in followed
    return counts


# --- Thresholds --------------------------------------------------------------------------------------------


def thresholds(trail: Trail, found: Iterable[Known]) -> list[tuple[str, Decimal, Decimal]]:
    """Return for every version its number, the US$ that its threshold is measured by, and what it should be.

    That is its own money and that of the other proposals of its umbrella programme which had been submitted
    or registered by then and had not come to nothing.
    """
    listed = list(found)
    differing = []
    for entry in listed:
        for at, digest, _ in entry.submitted:
            version = trail.texts[digest]
            own = sum((usd or Decimal(0) for _, _, usd in _money(version)), Decimal(0))
            parent = _said(version["content"], "parent")
            if parent and parent not in trail.proposals:
                differing.append((f"{entry.number} under {parent}, which is not here", Decimal(0), own))
            others = sum((_worth(trail, other, parent, at) for other in listed if other is not entry), own)
            differing.append((entry.number, Decimal(version["threshold_usd"]), others if parent else own))
    return [row for row in differing if row[1] != row[2]]


def _worth(trail: Trail, other: Known, parent: str, at: datetime) -> Decimal:
    """Return what another proposal added to an umbrella programme at a moment."""
    if not parent:
        return Decimal(0)
    then = _heard(trail, other.number, [b for b in trail.proposals[other.number] if moment(b["at"]) < at])
    if not then.counted or then.void or then.state in ("rejected", "withdrawn", "annulled"):
        return Decimal(0)
    if then.version:
        version = trail.texts[then.version]
        return (
            sum((usd or Decimal(0) for _, _, usd in _money(version)), Decimal(0))
            if _said(version["content"], "parent") == parent
            else Decimal(0)
        )
    if then.approval is not None and _said(then.approval.content, "parent") == parent:
        return then.approval.usd
    return Decimal(0)
