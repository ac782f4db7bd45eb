"""Neutral content: a proposal that is complete and unremarkable, for all that a scenario leaves out."""

from collections.abc import Mapping
from typing import Any

Content = dict[str, dict[str, Any]]

_ENTRY = "Illustrative entry."


def neutral_content(given: Mapping[str, Any]) -> Content:
    """Return a complete form; ``given`` holds the short names of a scenario's ``with``.

    Short names: title, symbol, funding (XBTC, RBSA, RBTC), budget ({amount, currency} or an
    amount in US$), donor, private, countries, region, unit, kind, predecessor, parent, start,
    end, learning_component, provider, theme, summary. ``content`` replaces whole fields, by
    section. Several donors stand under ``contributions``.
    """
    amount, currency = _budget(given.get("budget", "900000"))
    countries = given.get("countries", ["ZM"])
    learning = _flag(given.get("learning_component", True))
    consulted = [{"who": _ENTRY, "when": "2009-12-01", "how": "Meeting", "changed": _ENTRY}]
    contributions = given.get("contributions") or [
        {
            "donor": str(given.get("donor", "Illustrative donor")),
            "private": _flag(given.get("private", False)),
            "fund": str(given.get("funding", "XBTC")),
            "modality": "rbsa" if given.get("funding") == "RBSA" else "direct",
            "amount": amount,
            "currency": currency,
        }
    ]
    content: Content = {
        "identification": {
            "title": str(given.get("title", "Illustrative proposal")),
            "kind": str(given.get("kind", "new")),
            "countries": [countries] if isinstance(countries, str) else list(countries),
            "region": str(given.get("region", "africa")),
            "unit": str(given.get("unit", "Illustrative unit")),
            "contributions": [dict(row) for row in contributions],
            "start": str(given.get("start", "2010-07-01")),
            "end": str(given.get("end", "2012-06-30")),
            "summary": str(given.get("summary", _ENTRY)),
        },
        "alignment": {
            "outcome": "Illustrative outcome",
            "country_outcomes": [{"code": "CPO 1", "title": _ENTRY}],
            "resource_gap": "Illustrative gap",
            "dwcp": _ENTRY,
            "framework": _ENTRY,
            "problem": _ENTRY,
            "overlap": _ENTRY,
            "office_confirmed_by": "Country office",
            "office_confirmed_on": "2009-12-15",
        },
        "constituents": {
            "government": consulted,
            "employers": consulted,
            "workers": consulted,
            "bureaux": [
                {"bureau": bureau, "asked_on": "2009-12-01", "answered_on": "2009-12-10", "comment": _ENTRY}
                for bureau in ("ACT/EMP", "ACTRAV")
            ],
            "roles": _ENTRY,
            "steering": _ENTRY,
        },
        "results": {
            "development_objective": _ENTRY,
            "objectives": [{"ref": "1", "text": _ENTRY}],
            "outputs": [{"ref": "1.1", "serves": "1", "text": _ENTRY}],
            "indicators": [
                {
                    "serves": "1",
                    "text": _ENTRY,
                    "baseline": "0",
                    "target": "10",
                    "means": "Survey",
                    "by_sex": "yes",
                }
            ],
        },
        "risks": {"register": [{"text": _ENTRY, "serves": "1", "owner": "Project manager"}]},
        "standards": {"instruments": [{"number": "C144"}], "output": _ENTRY, "no_conflict": _ENTRY},
        "gender": {"analysis": _ENTRY, "marker": "1", "marker_reason": _ENTRY},
        "turin": {
            "learning_component": learning,
            "role": "used" if learning == "yes" else "no_role",
            "reason": _ENTRY,
            **({"provider": str(given.get("provider", "turin_centre"))} if learning == "yes" else {}),
        },
        "capacity": {"assessments": [{"institution": _ENTRY, "date": "2009-11-01"}], "exit": _ENTRY},
        "monitoring": {"plan": _ENTRY, "evaluation": _ENTRY, "budget": "10000"},
        "budget": {"lines": [{"output": "1.1", "text": _ENTRY, "amount": amount}]},
        "workplan": {"activities": [{"text": _ENTRY, "output": "1.1", "start": "2010-07-01"}]},
        "lessons": {"used": [{"reference": "Illustrative lesson", "changed": _ENTRY}]},
    }
    for key in ("symbol", "predecessor", "parent", "theme"):
        if key in given:
            content["identification"][key] = str(given[key])
    for section, fields in given.get("content", {}).items():
        content.setdefault(section, {}).update(fields)
    return content


def _budget(given: Any) -> tuple[str, str]:
    if isinstance(given, Mapping):
        return str(given["amount"]), str(given.get("currency", "USD"))
    return str(given), "USD"


def _flag(given: Any) -> str:
    return "yes" if given in (True, "true", "yes") else "no"


def neutral_documents(kind: str) -> tuple[str, bytes]:
    """Return name and bytes of a small PDF that stands for a document of a kind."""
    line = f"Illustrative document: {kind}"
    stream = f"BT /F1 14 Tf 72 770 Td ({line}) Tj ET".encode("ascii")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, entry in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%b endobj\n" % (number, entry)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return f"{kind}.pdf", body + b"xref\n0 6\n0000000000 65535 f \n" + table + trailer
