"""The columns by which lists show a proposal are made here of its case."""

from typing import Any

from appraisal.proposals.rules import form, track_and_money
from appraisal.vocabulary.project_symbols import normalised


def summary(content: form.Content, given: tuple[Any, ...], usd: Any) -> dict[str, Any]:
    """Return the columns by which lists show a proposal."""

    def get(key: str) -> Any:
        return form.value(content, f"identification.{key}")

    return {
        "title": get("title"),
        "countries": " ".join(get("countries") or []),
        "donors": "; ".join(dict.fromkeys(entry.donor for entry in given if entry.donor)),
        "funds": " ".join(sorted(track_and_money.funds(given))),
        "unit": get("unit"),
        "region": get("region"),
        "symbol": normalised(get("symbol")),
        "kind": get("kind") or "new",
        "parent": normalised(get("parent")),
        "predecessor": normalised(get("predecessor")),
        "usd": usd,
    }
