"""Activities are written as XML one after the other, however many there are."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from appraisal.clock import stamp
from appraisal.iati.rules.activities import Activity, contribution_facts
from appraisal.iati.rules.drafts import EXTENSION, VERSION
from appraisal.settings import Publisher

# What the standard calls the organisation's own vocabulary, and developing countries at large.
_OWN: Final = "99"
_DEVELOPING: Final = "998"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
# Everything but what may stand in XML 1.0.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PIECE: Final = 1 << 16


class _Sink:
    """Where XML is written to, until it is taken away."""

    def __init__(self) -> None:
        self.kept = bytearray()

    def write(self, data: bytes) -> int:
        self.kept += data
        return len(data)

    def taken(self) -> bytes:
        data = bytes(self.kept)
        self.kept.clear()
        return data


def pieces(activities: Iterable[Activity], publisher: Publisher, now: datetime) -> Iterator[bytes]:
    """Yield the file of some activities piece by piece; the standard knows no file without any.

    Each is written and forgotten before the next is asked for. Characters that XML cannot hold become spaces.
    """
    sink = _Sink()
    with etree.xmlfile(sink, encoding="UTF-8", buffered=False) as file:
        file.write_declaration()
        about = {"version": VERSION, "generated-datetime": stamp(now)}
        with file.element("iati-activities", about, nsmap={"appraisal": EXTENSION}):
            for entry in activities:
                file.write("\n")
                file.write(_activity(entry, publisher))
                if len(sink.kept) >= _PIECE:
                    yield sink.taken()
            file.write("\n")
    yield sink.taken() + b"\n"


def _activity(given: Activity, publisher: Publisher) -> etree._Element:
    """Write one activity; the standard prescribes the order of its parts."""
    about = {
        _LANGUAGE: given.language,
        "default-currency": "USD",
        "hierarchy": str(given.hierarchy),
        "last-updated-datetime": stamp(given.updated_at),
    }
    root = etree.Element("iati-activity", about, nsmap={"appraisal": EXTENSION})
    if given.illustrative:
        root.set(f"{{{EXTENSION}}}illustrative", "yes")
    _put(root, "iati-identifier", text=given.identifier)
    _named(root, "reporting-org", publisher.name, {"ref": publisher.ref, "type": publisher.kind})
    _named(root, "title", given.title)
    for kind, text in (("1", given.description), ("2", given.objectives), ("3", given.target_groups)):
        if text:
            _named(root, "description", text, {"type": kind})
    _organisations(root, given, publisher)
    for kind, name in (("A1", given.symbol), ("A3", given.previous)):
        if name:
            _put(root, "other-identifier", {"ref": name, "type": kind})
    _put(root, "activity-status", {"code": given.status})
    for kind, day in given.dates:
        _put(root, "activity-date", {"type": kind, "iso-date": day.isoformat()})
    _places(root, given)
    _named(root, "sector", given.sector, {"vocabulary": _OWN, "code": given.sector, "percentage": "100"})
    if given.marker:
        _put(root, "policy-marker", {"vocabulary": "1", "code": "1", "significance": given.marker})
    _defaults(root)
    for budget in given.budgets:
        _budget(root, budget.first, budget.last, budget.usd, given)
    for kind, ref in given.related:
        _put(root, "related-activity", {"type": kind, "ref": ref})
    for entry in given.contributions:
        _put(root, f"{{{EXTENSION}}}contribution", contribution_facts(entry))
    return root


def _organisations(root: etree._Element, given: Activity, publisher: Publisher) -> None:
    for name, private in given.funders:
        # Of a public donor nothing is known but that: a government, an agency, another organisation.
        _named(root, "participating-org", name, {"role": "1", **({"type": "70"} if private else {})})
    # Accountable, extending, implementing.
    for role in ("2", "3", "4"):
        about = {"role": role, "ref": publisher.ref, "type": publisher.kind}
        _named(root, "participating-org", publisher.name, about)


def _places(root: etree._Element, given: Activity) -> None:
    _put(root, "activity-scope", {"code": given.scope})
    for code, share in given.countries:
        _put(root, "recipient-country", {"code": code, "percentage": f"{share.normalize():f}"})
    if given.region is None:
        return
    key, name = given.region
    if given.scope == "1":
        _put(root, "recipient-region", {"vocabulary": "1", "code": _DEVELOPING, "percentage": "100"})
    else:
        _named(root, "recipient-region", name, {"vocabulary": _OWN, "code": key, "percentage": "100"})


def _defaults(root: etree._Element) -> None:
    """Write what holds in general: multilateral outflow, ODA, grant, project, untied."""
    for name, code in (
        ("collaboration-type", "4"),
        ("default-flow-type", "10"),
        ("default-finance-type", "110"),
        ("default-aid-type", "C01"),
        ("default-tied-status", "5"),
    ):
        _put(root, name, {"code": code})


def _budget(root: etree._Element, first: date, last: date, usd: Decimal, given: Activity) -> None:
    budget = _put(root, "budget", {"type": "1", "status": "2" if given.status == "2" else "1"})
    _put(budget, "period-start", {"iso-date": first.isoformat()})
    _put(budget, "period-end", {"iso-date": last.isoformat()})
    _put(budget, "value", {"currency": "USD", "value-date": given.valued_on.isoformat()}, f"{usd:f}")


def _named(
    parent: etree._Element, name: str, narrative: str, attributes: Mapping[str, str] | None = None
) -> None:
    _put(_put(parent, name, attributes), "narrative", text=narrative)


def _put(
    parent: etree._Element, name: str, attributes: Mapping[str, str] | None = None, text: str = ""
) -> etree._Element:
    made = etree.SubElement(parent, name, {key: _clean(value) for key, value in (attributes or {}).items()})
    if text:
        made.text = _clean(text)
    return made


def _clean(text: str) -> str:
    return _FORBIDDEN.sub(" ", text)
