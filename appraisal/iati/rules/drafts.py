"""Activities of IATI 2.03 become the beginning of drafts here; what no form has a place for is named.

Kept are title, descriptions (general, objectives, target groups), planned dates (actual ones where none
is planned), countries, donors with their amounts, the symbol (A1), the gender marker, and what only our
own exports say: the outcome as sector, the region, parent and predecessor. Everything else is named,
element by element, and nothing is guessed silently: fund and modality of a donor's contribution, which
the standard does not know, are filled in and named as such. A draft stands at its beginning, whatever
status the activity has.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from appraisal.iati.rules.activities import (
    ACTUAL_END,
    ACTUAL_START,
    ILLUSTRATIVE,
    PARENT,
    PLANNED_END,
    PLANNED_START,
    SIBLING,
    number_in,
)
from appraisal.language.texts import LANGUAGES, N_, Language, say
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form
from appraisal.settings import Publisher
from appraisal.vocabulary.limits import LINE_LIMIT
from appraisal.vocabulary.project_symbols import normalised

VERSION: Final = "2.03"
# The namespace of what we add to the standard, as it allows.
EXTENSION: Final = "urn:appraisal:activity:1"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_CONTRIBUTION: Final = f"{{{EXTENSION}}}contribution"
_ILLUSTRATIVE: Final = f"{{{EXTENSION}}}illustrative"
_SHOWN: Final = 40
# How many different things are said of one activity; a file may be made of nothing but oddities.
MOST_REMARKS: Final = 200

_NO_PLACE: Final = N_("the form has no place for it")
_TWICE: Final = N_("there is another one, which is kept")
_OTHER_LANGUAGE: Final = N_("a draft is written in one language")
_NOT_HERE: Final = N_("no proposal here has that number")
_ASSUMED: Final = N_("filled in as “%(value)s”, which the activity does not say")
_NO_AMOUNT: Final = N_("no amount is named for “%(donor)s” alone")


@dataclass(frozen=True, slots=True)
class Node:
    """An element of XML: ``name`` with its namespace in braces, ``given`` its attributes."""

    name: str
    given: Mapping[str, str]
    text: str
    parts: tuple["Node", ...]
    line: int


@dataclass(frozen=True, slots=True, order=True)
class Wrong:
    """What keeps a file from being imported: line, activity, element, and a sentence with its facts."""

    line: int
    activity: str
    path: str
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something of an activity that a draft lacks or assumes: where, why, and how often."""

    path: str
    line: int
    sentence: str
    facts: Mapping[str, Any]
    count: int


Remarks = dict[tuple[Any, ...], Remark]


def note(remarks: Remarks, remark: Remark) -> None:
    """Add a remark; the same again is counted, and so is what exceeds all bounds, as one."""
    key = (remark.path, remark.sentence, *remark.facts.items())
    if key not in remarks and len(remarks) >= MOST_REMARKS:
        remark = replace(remark, path="…", sentence=_NO_PLACE, facts={})
        key = ("…",)
    before = remarks.get(key)
    remarks[key] = replace(before, count=before.count + 1) if before else remark


@dataclass(frozen=True, slots=True)
class Intake:
    """An activity read: the content of the draft to be made, what is not in it, and what is wrong.

    One that is wrong has no content.
    """

    line: int
    identifier: str
    symbol: str
    content: form.Content
    illustrative: bool
    remarks: tuple[Remark, ...]
    wrong: tuple[Wrong, ...]

    @property
    def source(self) -> str:
        """Return where the draft says that it comes from."""
        return source_of(self.identifier)


def source_of(identifier: str) -> str:
    """Return the source of a draft that was made of an activity."""
    return f"IATI {identifier}"


@dataclass(slots=True)
class _Taking:
    """One activity on its way into a form."""

    node: Node
    publisher: Publisher
    language: Language
    is_known: Callable[[str, str], bool]
    content: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    remarks: Remarks = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Tell whether the organisation itself reports it, so that its own vocabularies are known."""
        return any(
            part.given.get("ref", "").strip() == self.publisher.ref for part in self.all("reporting-org")
        )

    def all(self, name: str) -> list[Node]:
        """Return the elements of a name."""
        return [part for part in self.node.parts if part.name == name]

    def put(self, path: str, value: Any) -> None:
        """Fill in a field of the form."""
        section, _, key = path.partition(".")
        self.content[section][key] = value

    def remark(self, path: str, line: int, sentence: str = _NO_PLACE, **facts: Any) -> None:
        """Note what is not kept; the same again is counted."""
        note(self.remarks, Remark(path, line, sentence, facts, 1))

    def fault(self, path: str, line: int, sentence: str, **facts: Any) -> None:
        """Note what is wrong."""
        self.wrong.append(Wrong(line, identifier_of(self.node), path, sentence, facts))


def read(
    node: Node, publisher: Publisher, language: Language, is_known: Callable[[str, str], bool]
) -> Intake:
    """Read an activity; ``is_known`` tells whether a field of the form may name a proposal by a number."""
    taking = _Taking(node, publisher, language, is_known)
    identifier = identifier_of(node)
    if not identifier:
        taking.fault("iati-identifier", node.line, N_("the activity has no identifier"))
    taking.put("identification.kind", "new")
    for take in (
        _title,
        _descriptions,
        _organisations,
        _identifiers,
        _dates,
        _places,
        _outcome,
        _marker,
        _related,
    ):
        take(taking)
    _rest(taking)
    for complaint in proposals_content.all_complaints(taking.content):
        taking.fault(complaint.path, node.line, complaint.sentence, **complaint.facts)
    kept = {key: proposals_content.tidy(form.section(key), fields) for key, fields in taking.content.items()}
    return Intake(
        line=node.line,
        identifier=identifier,
        symbol=str(form.value(kept, "identification.symbol"))[:LINE_LIMIT],
        content={} if taking.wrong else {key: fields for key, fields in kept.items() if fields},
        illustrative=node.given.get(_ILLUSTRATIVE) == "yes",
        remarks=tuple(sorted(taking.remarks.values(), key=lambda entry: (entry.line, entry.path))),
        wrong=tuple(taking.wrong),
    )


def clashes(intakes: Sequence[Intake], here: Collection[str], symbols: Mapping[str, str]) -> Iterator[Wrong]:
    """Yield what is here already, or twice in the file.

    ``here`` are the identifiers of what came before, ``symbols`` those of the proposals here by their
    normalised form.
    """
    identifiers: dict[str, Intake] = {}
    named: dict[str, Intake] = {}
    for entry in intakes:
        first = identifiers.setdefault(entry.identifier, entry)
        if entry.identifier and first is not entry:
            sentence = N_("the same identifier as in line %(line)s")
            yield Wrong(entry.line, entry.identifier, "iati-identifier", sentence, {"line": first.line})
        elif entry.identifier in here:
            sentence = N_("this activity is here already")
            yield Wrong(entry.line, entry.identifier, "iati-identifier", sentence)
        symbol = normalised(entry.symbol)
        first = named.setdefault(symbol, entry)
        if symbol and first is not entry:
            sentence = N_("“%(symbol)s” is the symbol of the activity in line %(line)s as well")
            facts = {"symbol": entry.symbol, "line": first.line}
            yield Wrong(entry.line, entry.identifier, "other-identifier", sentence, facts)
        elif symbol in symbols:
            sentence = N_("“%(symbol)s” is here already, as “%(there)s”")
            facts = {"symbol": entry.symbol, "there": symbols[symbol]}
            yield Wrong(entry.line, entry.identifier, "other-identifier", sentence, facts)


def identifier_of(node: Node) -> str:
    """Return the identifier of an activity; empty where it has none."""
    return next((part.text.strip() for part in node.parts if part.name == "iati-identifier"), "")


def shown(text: str) -> str:
    """Return the beginning of a text that stands where it does not belong."""
    line = " ".join(text.split())
    return f"{line[: _SHOWN - 1]}…" if len(line) > _SHOWN else line


def _words(taking: _Taking, node: Node) -> str:
    """Return the narrative of an element in the language wanted, else the first; the others are named."""
    said = [part for part in node.parts if part.name == "narrative" and part.text.strip()]
    if not said:
        return ""
    usual = taking.node.given.get(_LANGUAGE, "")
    tongues = [part.given.get(_LANGUAGE, usual).lower()[:2] for part in said]
    chosen = tongues.index(taking.language) if taking.language in tongues else 0
    for place, part in enumerate(said):
        if place != chosen:
            path = f"{node.name}/narrative[{tongues[place] or '?'}]"
            taking.remark(path, part.line, _OTHER_LANGUAGE)
    return said[chosen].text.strip()


def _title(taking: _Taking) -> None:
    found = [(part, " ".join(_words(taking, part).split())) for part in taking.all("title")]
    if not found or not found[0][1]:
        taking.fault("title", taking.node.line, N_("the activity has no title"))
        return
    title = found[0][1]
    if taking.node.given.get(_ILLUSTRATIVE) == "yes":
        for language in LANGUAGES:
            title = title.removeprefix(say(language, ILLUSTRATIVE, title="").strip()).strip()
    taking.put("identification.title", title)
    for part, _ in found[1:]:
        taking.remark("title", part.line, _TWICE)


_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "1": "identification.summary",
    "2": "results.development_objective",
    "3": "identification.target_groups",
}


def _descriptions(taking: _Taking) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    for part in taking.all("description"):
        path, text = _DESCRIPTIONS.get(part.given.get("type", "1").strip()), _words(taking, part)
        if path is None:
            taking.remark(f"description[{shown(part.given['type'])}]", part.line)
        elif text:
            texts[path].append(text)
    for path, found in texts.items():
        taking.put(path, "\n\n".join(found))


@dataclass(frozen=True, slots=True)
class _Donor:
    name: str
    private: bool
    line: int


def _organisations(taking: _Taking) -> None:
    """Read who gives how much: from our extension, else of one donor from the budgets."""
    donors = list(_donors(taking))
    stated = [dict(part.given) for part in taking.all(_CONTRIBUTION)]
    budgets = taking.all("budget")
    amounts = list(_amounts(taking, budgets))
    if stated:
        columns = ("donor", "private", "fund", "modality", "amount", "currency")
        taking.put(
            "identification.contributions",
            [{key: row[key] for key in columns if key in row} for row in stated],
        )
        return
    currencies = {currency for currency, _ in amounts}
    if len(donors) == 1 and len(currencies) == 1:
        total = sum((amount for _, amount in amounts), Decimal(0))
        taking.put("identification.contributions", [_row(taking, donors[0], total, *currencies)])
        if len(budgets) > 1:
            taking.remark("budget/period-start", budgets[0].line)
        return
    for donor in donors:
        taking.remark("participating-org[1]", donor.line, _NO_AMOUNT, donor=shown(donor.name))
    for part in budgets:
        if len(currencies) > 1:
            taking.remark("budget", part.line, N_("the budgets are in several currencies"))
        else:
            taking.remark("budget", part.line, N_("there is not one donor alone to whom it would belong"))


def _row(taking: _Taking, donor: _Donor, amount: Decimal, currency: str) -> dict[str, str]:
    for value in ("XBTC", "direct"):
        taking.remark("participating-org[1]", donor.line, _ASSUMED, value=value)
    return {
        "donor": donor.name,
        "private": "yes" if donor.private else "no",
        "fund": "XBTC",
        "modality": "direct",
        "amount": f"{amount:f}",
        "currency": currency,
    }


def _donors(taking: _Taking) -> Iterator[_Donor]:
    """Yield each donor once; organisations in other roles are named, save the publisher itself."""
    seen: set[str] = set()
    for part in taking.all("participating-org"):
        role, ref = part.given.get("role", "").strip(), part.given.get("ref", "").strip()
        if role != "1":
            if ref != taking.publisher.ref:
                taking.remark(f"participating-org[{shown(role)}]", part.line)
            continue
        name = " ".join(_words(taking, part).split())
        if name and ref:
            taking.remark("participating-org[1]/@ref", part.line)
        name = name or ref
        if name and name not in seen:
            seen.add(name)
            yield _Donor(name, part.given.get("type", "").strip().startswith("7"), part.line)


# A revised budget takes the place of the original one of the same days, and of one that was revised before.
_REVISED: Final = "2"
_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")


def _amounts(taking: _Taking, budgets: Iterable[Node]) -> Iterator[tuple[str, Decimal]]:
    """Yield currency and amount of every budget that counts; those whose days overlap are named."""
    kept: dict[tuple[str, ...], list[Node]] = {}
    for place, part in enumerate(budgets):
        days = _period(part)
        kept.setdefault(days if len(days) == 2 else (str(place),), []).append(part)
    counted: list[Node] = []
    for parts in kept.values():
        # Of several for the same days the last one that was revised holds; without one they add up.
        last = next((part for part in reversed(parts) if _is_revised(part)), None)
        for part in parts:
            if last is not None and part is not last:
                taking.remark("budget", part.line, N_("a revised budget takes its place"))
        counted += parts if last is None else [last]
    _name_overlaps(taking, counted)
    for part in counted:
        yield from _amount(taking, part)


def _is_revised(budget: Node) -> bool:
    return budget.given.get("type", "1").strip() == _REVISED


def _period(budget: Node) -> tuple[str, ...]:
    """Return the first and the last day of a budget as they are written, as far as they are there."""
    given = {entry.name: entry.given.get("iso-date", "") for entry in budget.parts}
    found = (_DAY.fullmatch(given.get(name, "").strip()) for name in ("period-start", "period-end"))
    return tuple(day[1] for day in found if day)


def _name_overlaps(taking: _Taking, budgets: Sequence[Node]) -> None:
    """Say of each budget whose days overlap those of an earlier one that both are added up."""
    overlapping = N_("its days overlap those of another budget; both are added up")
    dated = [part for part in budgets if len(_period(part)) == 2]
    latest = ""
    for part in sorted(dated, key=_period):
        first, last = _period(part)
        if first <= latest:
            taking.remark("budget", part.line, overlapping)
        latest = max(latest, last)


def _amount(taking: _Taking, budget: Node) -> Iterator[tuple[str, Decimal]]:
    values = [entry for entry in budget.parts if entry.name == "value"]
    if not values:
        taking.fault("budget/value", budget.line, N_("the budget has no value"))
        return
    value, text = values[0], values[0].text.strip()
    currency = (
        value.given.get("currency", "").strip() or taking.node.given.get("default-currency", "").strip()
    )
    if not _AMOUNT.fullmatch(text) or len(text) > _SHOWN:
        sentence = N_("“%(text)s” is no amount: write figures with a decimal point, without spaces or commas")
        taking.fault("budget/value", value.line, sentence, text=shown(text))
    elif not currency:
        taking.fault("budget/value", value.line, N_("the amount has no currency"))
    else:
        yield currency.upper(), Decimal(text)


def _identifiers(taking: _Taking) -> None:
    for part in taking.all("other-identifier"):
        kind, ref = part.given.get("type", "").strip(), " ".join(part.given.get("ref", "").split())
        if kind == "A1" and ref and not form.value(taking.content, "identification.symbol"):
            taking.put("identification.symbol", ref)
        elif kind == "A3" and number_in(taking.publisher, ref):
            _name(taking, "predecessor", ref, "other-identifier[A3]", part.line)
        else:
            taking.remark(f"other-identifier[{shown(kind)}]", part.line)


def _name(taking: _Taking, key: str, ref: str, path: str, line: int) -> bool:
    """Name another proposal, where there is one of that number."""
    number = number_in(taking.publisher, ref)
    if not number or not taking.is_known(key, number):
        taking.remark(path, line, _NOT_HERE if number else _NO_PLACE)
        return False
    taking.put(f"identification.{key}", number)
    return True


def _dates(taking: _Taking) -> None:
    found: dict[str, tuple[date, int]] = {}
    for part in taking.all("activity-date"):
        kind, text = part.given.get("type", "").strip(), part.given.get("iso-date", "").strip()
        day = _day(text)
        if day is None:
            sentence = N_("“%(text)s” is no date: write year-month-day, like 2010-06-30")
            taking.fault("activity-date/@iso-date", part.line, sentence, text=shown(text))
        elif kind in (PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END) and kind not in found:
            found[kind] = (day, part.line)
        else:
            taking.remark(f"activity-date[{shown(kind)}]", part.line)
    for key, planned, actual in (("start", PLANNED_START, ACTUAL_START), ("end", PLANNED_END, ACTUAL_END)):
        kept = found.get(planned) or found.get(actual)
        if kept is not None:
            taking.put(f"identification.{key}", kept[0].isoformat())
        if planned in found and actual in found:
            taking.remark(f"activity-date[{actual}]", found[actual][1])
    if not any(entry.path.startswith("activity-date") for entry in taking.wrong) and not (
        PLANNED_START in found or ACTUAL_START in found
    ):
        sentence = N_("the activity has neither a planned nor an actual start date")
        taking.fault("activity-date", taking.node.line, sentence)


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _places(taking: _Taking) -> None:
    codes: list[str] = []
    shares = set()
    for part in taking.all("recipient-country"):
        code = part.given.get("code", "").strip().upper()
        if code not in proposals_content.countries():
            sentence = N_("not a country code of ISO 3166: %(codes)s")
            taking.remark("recipient-country", part.line, sentence, codes=shown(code))
        elif code not in codes:
            codes.append(code)
            shares.add(part.given.get("percentage", ""))
    if len(shares) > 1:
        taking.remark("recipient-country/@percentage", taking.all("recipient-country")[0].line)
    for part in taking.all("recipient-region"):
        region = _region(taking, part)
        if region is None or codes or form.value(taking.content, "identification.region"):
            taking.remark("recipient-region", part.line)
        else:
            taking.put("identification.region", region)
    if not codes and form.value(taking.content, "identification.region"):
        codes.append(proposals_content.GLOBAL)
    if codes:
        taking.put("identification.countries", codes)


def _region(taking: _Taking, part: Node) -> str | None:
    """Return the region of the form: developing countries at large, or one as we call it ourselves."""
    vocabulary, code = part.given.get("vocabulary", "1").strip(), part.given.get("code", "").strip()
    if vocabulary == "1" and code == "998":
        return "interregional"
    known = {choice.value for choice in form.REGIONS}
    return code if vocabulary == "99" and taking.is_ours and code in known else None


def _outcome(taking: _Taking) -> None:
    for part in taking.all("sector"):
        code = part.given.get("code", "").strip()
        is_own = part.given.get("vocabulary", "").strip() == "99" and taking.is_ours
        if is_own and code and not form.value(taking.content, "alignment.outcome"):
            taking.put("alignment.outcome", code)
        else:
            taking.remark(f"sector[{shown(part.given.get('vocabulary', '1'))}]", part.line)


def _marker(taking: _Taking) -> None:
    values = {choice.value for choice in form.MARKERS}
    for part in taking.all("policy-marker"):
        given = {name: part.given.get(name, "").strip() for name in ("vocabulary", "code", "significance")}
        is_gender = given["vocabulary"] in ("", "1") and given["code"] == "1"
        if is_gender and given["significance"] in values:
            taking.put("gender.marker", given["significance"])
        else:
            taking.remark(f"policy-marker[{shown(given['code'])}]", part.line)


def _related(taking: _Taking) -> None:
    for part in taking.all("related-activity"):
        kind, ref = part.given.get("type", "").strip(), part.given.get("ref", "").strip()
        path = f"related-activity[{shown(kind)}]"
        if kind == PARENT and _name(taking, "parent", ref, path, part.line):
            taking.put("identification.kind", "child")
        elif kind == SIBLING and _name(taking, "predecessor", ref, path, part.line):
            taking.put("identification.kind", "next_phase")
        elif kind not in (PARENT, SIBLING):
            taking.remark(path, part.line)


_READ: Final = frozenset(
    {
        "iati-identifier",
        "title",
        "description",
        "participating-org",
        "budget",
        "other-identifier",
        "activity-date",
        "recipient-country",
        "recipient-region",
        "sector",
        "policy-marker",
        "related-activity",
        _CONTRIBUTION,
    }
)
_ABOUT: Final = frozenset(
    {
        _LANGUAGE,
        _ILLUSTRATIVE,
        "default-currency",
        "last-updated-datetime",
        "hierarchy",
        "budget-not-provided",
    }
)


def _rest(taking: _Taking) -> None:
    """Name every element and attribute that nothing above has read."""
    for part in taking.node.parts:
        is_publisher = part.name == "reporting-org" and taking.is_ours
        if part.name not in _READ and not is_publisher:
            taking.remark(shown(part.name), part.line)
    for name in taking.node.given:
        if name not in _ABOUT:
            taking.remark(f"@{shown(name)}", taking.node.line)
