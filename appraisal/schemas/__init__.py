"""Published JSON Schemas of records and of indicator reports lie here, and tell where a value departs.

May import nothing of ours. Begin with ``schema_text``.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

Kind = Literal["record", "indicator", "figure"]
FOLDER: Final = Path(__file__).parent
# Of a value that departs in many places, so many are named.
_NAMED = 8


def schema_text(kind: Kind = "record") -> str:
    """Return the schema of records, of reports of 2.1, or of those of other indicators, as published."""
    return (FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8")


def departures(value: Any, kind: Kind = "record") -> list[str]:
    """Return where a value is not what the schema asks for, the first of many.

    Each is a path and the rule, like ``$.appraisal.lead: required name``.
    """
    return [_place(error) for error in islice(_deepest(_validator(kind).iter_errors(value)), _NAMED)]


@cache
def _validator(kind: Kind) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema_text(kind)))


def _deepest(errors: "Iterator[ValidationError]") -> "Iterator[ValidationError]":
    """Yield, for a value that fits none of two forms, what keeps it from the one that it comes nearest to."""
    for error in errors:
        if error.validator == "anyOf" and error.context:
            nearest = max(error.context, key=lambda entry: len(entry.absolute_path))
            yield from _deepest(iter([nearest]))
        else:
            yield error


def _place(error: "ValidationError") -> str:
    rule, given, wanted = str(error.validator), error.instance, error.validator_value
    if rule == "required" and isinstance(given, dict) and isinstance(wanted, list):
        rule = f"required {', '.join(key for key in wanted if key not in given)}"
    elif rule == "additionalProperties" and isinstance(given, dict) and isinstance(error.schema, Mapping):
        known = error.schema.get("properties", {})
        rule = f"unknown {', '.join(key for key in given if key not in known)[:100]}"
    return f"{error.json_path[:200]}: {rule}"
