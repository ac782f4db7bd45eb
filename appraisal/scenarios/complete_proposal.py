"""A complete and unremarkable proposal fills in all that a scenario leaves out."""

from collections.abc import Mapping
from typing import Any, Final

from appraisal.appraisals.rules.answers_file import Answers
from appraisal.proposals.rules import form

Content = dict[str, dict[str, Any]]

_ENTRY: Final = "Illustrative entry."
_AMOUNT: Final = "900000"
_CONTRIBUTION: Final[Mapping[str, str]] = {
    "donor": "Illustrative donor",
    "private": "no",
    "fund": "XBTC",
    "modality": "direct",
    "amount": _AMOUNT,
    "currency": "USD",
}
_IDENTIFICATION: Final = tuple(field.key for field in form.section("identification").fields)
# The short names that say something of the one contribution.
CONTRIBUTION_NAMES: Final = ("donor", "private", "funding", "budget")
SHORT_NAMES: Final = (*_IDENTIFICATION, *CONTRIBUTION_NAMES, "learning_component", "provider", "content")


def neutral_content(given: Mapping[str, Any]) -> Content:
    """Return a complete form; ``given`` holds the short names of a scenario's ``with``.

    Short names: every field of the section *identification*, funding (XBTC, RBSA, RBTC), budget
    ({amount, currency} or an amount in US$), donor, private, learning_component, provider.
    ``content`` replaces whole fields, by section. Several donors stand under ``contributions``.
    """
    content: Content = {
        "identification": _identification(given),
        "alignment": _alignment(),
        "constituents": _constituents(),
        "results": _results(),
        "risks": {"register": [{"text": _ENTRY, "serves": "1", "owner": "Project manager"}]},
        "standards": {"instruments": [{"number": "C144"}], "output": _ENTRY, "no_conflict": _ENTRY},
        "gender": {"analysis": _ENTRY, "marker": "1", "marker_reason": _ENTRY},
        "turin": _turin(given),
        "capacity": {"assessments": [{"institution": _ENTRY, "date": "2009-11-01"}], "exit": _ENTRY},
        "monitoring": {"plan": _ENTRY, "evaluation": _ENTRY, "budget": "10000"},
        "budget": {
            "lines": [{"output": "1.1", "text": _ENTRY, "amount": _budget(given.get("budget", _AMOUNT))[0]}]
        },
        "workplan": {"activities": [{"text": _ENTRY, "output": "1.1", "start": "2010-07-01"}]},
        "lessons": {"used": [{"reference": "Illustrative lesson", "changed": _ENTRY}]},
    }
    for section, fields in given.get("content", {}).items():
        content.setdefault(section, {}).update(fields)
    return content


def stated_content(given: Mapping[str, Any]) -> Content:
    """Return the part of a form that ``given`` speaks of, with nothing filled in beside it."""
    identification, turin = _identification(given), _turin(given)
    names = [name for name in _IDENTIFICATION if name in given]
    if any(name in given for name in CONTRIBUTION_NAMES):
        names.append("contributions")
    content: Content = {"identification": {name: identification[name] for name in names}}
    if "learning_component" in given:
        content["turin"] = {key: turin.get(key, "") for key in ("learning_component", "role", "provider")}
    elif "provider" in given:
        content["turin"] = {"provider": turin["provider"]}
    for section, fields in given.get("content", {}).items():
        content.setdefault(section, {}).update(fields)
    return content


def with_clearance(content: Content) -> Content:
    """Fill in the clearance that a private partner needs, unless something is said of it."""
    if form.has_private_funder(content):
        content.setdefault("alignment", {}).setdefault("ppp_clearance", "Illustrative clearance")
    return content


def contribution(given: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """Return one contribution as the short names say it, the rest as in ``first``, then neutral."""
    row = {**_CONTRIBUTION, **first}
    if "donor" in given:
        row["donor"] = str(given["donor"])
    if "private" in given:
        row["private"] = _flag(given["private"])
    if "funding" in given:
        row["fund"] = str(given["funding"])
        row["modality"] = _modality(row["fund"], row["modality"])
    if "budget" in given:
        row["amount"], row["currency"] = _budget(given["budget"])
    return row


def _modality(fund: str, before: str) -> str:
    if fund == "RBSA":
        return "rbsa"
    return "direct" if before == "rbsa" else before


def _identification(given: Mapping[str, Any]) -> dict[str, Any]:
    countries = given.get("countries", ["ZM"])
    rows = [_row(row) for row in given["contributions"]] if "contributions" in given else None
    filled = {
        "title": "Illustrative proposal",
        "kind": "new",
        "region": "africa",
        "unit": "Illustrative unit",
        "start": "2010-07-01",
        "end": "2012-06-30",
        "summary": _ENTRY,
    }
    said = {key: str(given[key]) for key in _IDENTIFICATION if key in given}
    return {
        **filled,
        **said,
        "countries": countries if isinstance(countries, str) else list(countries),
        "contributions": [contribution(given, {})] if rows is None else rows,
    }


def _row(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the columns that a row of contributions leaves out."""
    row = {**_CONTRIBUTION, **given}
    if row["private"] != "":
        row["private"] = _flag(row["private"])
    return row if "modality" in given else {**row, "modality": _modality(row["fund"], row["modality"])}


def _alignment() -> dict[str, Any]:
    return {
        "outcome": "Illustrative outcome",
        "country_outcomes": [{"code": "CPO 1", "title": _ENTRY}],
        "resource_gap": "Illustrative gap",
        "dwcp": _ENTRY,
        "framework": _ENTRY,
        "problem": _ENTRY,
        "overlap": _ENTRY,
        "office_confirmed_by": "Country office",
        "office_confirmed_on": "2009-12-15",
    }


def _constituents() -> dict[str, Any]:
    consulted = [{"who": _ENTRY, "when": "2009-12-01", "how": "Meeting", "changed": _ENTRY}]
    return {
        "government": consulted,
        "employers": consulted,
        "workers": consulted,
        "bureaux": [
            {"bureau": bureau, "asked_on": "2009-12-01", "answered_on": "2009-12-10", "comment": _ENTRY}
            for bureau in ("ACT/EMP", "ACTRAV")
        ],
        "roles": _ENTRY,
        "steering": _ENTRY,
    }


def _results() -> dict[str, Any]:
    indicator = {"serves": "1", "text": _ENTRY, "baseline": "0", "target": "10", "means": "Survey"}
    return {
        "development_objective": _ENTRY,
        "objectives": [{"ref": "1", "text": _ENTRY}],
        "outputs": [{"ref": "1.1", "serves": "1", "text": _ENTRY}],
        "indicators": [{**indicator, "by_sex": "yes"}],
    }


def _turin(given: Mapping[str, Any]) -> dict[str, Any]:
    learning = _flag(given.get("learning_component", True))
    found = {
        "learning_component": learning,
        "role": "used" if learning == "yes" else "no_role",
        "reason": _ENTRY,
    }
    if learning == "yes" or "provider" in given:
        found["provider"] = _provider(str(given.get("provider", "turin_centre")))
    return found


def _provider(given: str) -> str:
    """Return the form's value for a provider, who may be called by any name."""
    if not given or given in {choice.value for choice in form.PROVIDERS}:
        return given
    return "turin_centre" if Answers(ratings={}, provider=given).centre_is_provider else "other"


def _budget(given: Any) -> tuple[str, str]:
    if isinstance(given, Mapping):
        return str(given["amount"]), str(given.get("currency", "USD"))
    return str(given), "USD"


def _flag(given: Any) -> str:
    return "yes" if str(given).lower() in ("true", "yes") else "no"


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
