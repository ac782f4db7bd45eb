"""YAML is read here as plain strings, lists and mappings, with the line of every part.

Only the composer of PyYAML is used, never its constructor: composing resolves nothing, so
``no`` stays the word "no", ``010`` stays three digits, and no tag can build an object. The C
composer reads the whole catalogue of definitions in a few hundredths of a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from appraisal.canonical import digest
from appraisal.errors import Fault, FaultyInput
from appraisal.language.texts import Text

Path_ = tuple[str | int, ...]
D = TypeVar("D", bound=BaseModel)


@dataclass(slots=True)
class Document:
    """One YAML file as plain data; ``lines`` gives the line of every path in it."""

    name: str
    data: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of a path, or of the nearest part of the file that encloses it."""
        parts = tuple(path)
        while parts and parts not in self.lines:
            parts = parts[:-1]
        return self.lines.get(parts, 1)

    def fault(self, path: Sequence[str | int], message: str) -> None:
        """Note one fault at a path."""
        self.faults.append(Fault(self.name, self.line(path), message))


def read_document(file: Path, name: str | None = None) -> Document:
    """Read one YAML file; syntax faults, duplicate keys, tags and aliases stand in its ``faults``."""
    return read_text(file.read_bytes(), name or file.name)


def read_text(text: str | bytes, name: str) -> Document:
    """Read YAML from memory, as :func:`read_document` does from a file."""
    document = Document(name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            if event.start_mark is not None and (complaint := _notation_complaint(event)):
                document.faults.append(Fault(name, event.start_mark.line + 1, complaint))
        # A composed alias is the same node again, which could even hold itself.
        node = None if document.faults else yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.faults.append(Fault(name, mark.line + 1 if mark else 1, f"not YAML: {error.problem}"))
        return document
    except yaml.reader.ReaderError as error:
        raw = text.encode() if isinstance(text, str) else text
        line = raw[: error.position].count(b"\n") + 1
        document.faults.append(Fault(name, line, f"not YAML: {error.reason}"))
        return document
    if node is not None:
        try:
            document.data = _plain(document, node, ())
        except RecursionError:
            document.faults.append(Fault(name, 1, "nested too deeply"))
    elif not document.faults:
        document.faults.append(Fault(name, 1, "the file is empty"))
    return document


def _notation_complaint(event: yaml.Event) -> str:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not used in definitions; write it out"
    tag = getattr(event, "tag", None)
    return f"the tag {tag} is not used in definitions" if tag else ""


def _plain(document: Document, node: yaml.Node, path: Path_) -> Any:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(document, child, (*path, index)) for index, child in enumerate(node.value)]
    # Nothing at all is null; the words null and ~ stay words.
    return None if node.tag.endswith(":null") and not node.value else str(node.value)


def _mapping(document: Document, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append(Fault(document.name, line, "a key must be a single word"))
            continue
        key = str(key_node.value)
        if key in mapping:
            first = document.lines[(*path, key)]
            complaint = f"the key ‘{key}’ stands twice (first in line {first})"
            document.faults.append(Fault(document.name, line, complaint))
            continue
        document.lines[(*path, key)] = line
        mapping[key] = _plain(document, value_node, (*path, key))
    return mapping


def _flag(given: Any) -> Any:
    if isinstance(given, bool):
        return given
    if given in ("true", "false"):
        return given == "true"
    raise ValueError(f"write true or false, not ‘{given}’")


def _count(given: Any) -> Any:
    if isinstance(given, int):
        return given
    if isinstance(given, str) and given.isascii() and given.isdigit():
        return int(given)
    raise ValueError(f"write a whole number, not ‘{given}’")


def _decimal(given: Any) -> Any:
    if isinstance(given, Decimal):
        return given
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or "e" in str(given).lower():
        raise ValueError(f"write a decimal number, not ‘{given}’")
    return number


def listed(given: Any) -> Any:
    """Let one word stand for a list of one."""
    return [given] if isinstance(given, str) else given


Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, BeforeValidator(_count)]
Amount = Annotated[Decimal, BeforeValidator(_decimal)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Words = Annotated[tuple[str, ...], BeforeValidator(listed)]
Schema = Annotated[Literal[1], BeforeValidator(_count)]


class Part(BaseModel):
    """Base of every part of a definition: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Definition(Part):
    """What every definition file declares about itself; the file's name must say the same."""

    schema_: Schema
    kind: str
    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Count
    title: Text

    def __hash__(self) -> int:
        # Definitions are values that carry mappings; their key is enough to find them by.
        return hash((self.kind, self.id, self.version))

    def complaints(self) -> Iterator[tuple[Path_, str]]:
        """Yield what is wrong between the parts of the definition, each with its path in the file."""
        yield from ()

    @property
    def key(self) -> str:
        """Return the name under which proposals pin this definition, for example ``standard.v1``."""
        return f"{self.id}.v{self.version}"


_MESSAGES = {
    "missing": "‘{key}’ is missing",
    "extra_forbidden": "the key ‘{key}’ is not known here",
    "string_too_short": "‘{key}’ is empty",
    "string_type": "‘{key}’ must be a text",
    "tuple_type": "‘{key}’ must be a list",
    "list_type": "‘{key}’ must be a list",
    "dict_type": "‘{key}’ must hold named entries",
    "model_type": "‘{key}’ must hold named entries",
    "model_attributes_type": "‘{key}’ must hold named entries",
}


def faults_of(document: Document, error: ValidationError) -> list[Fault]:
    """Turn a validation error into readable faults, each with its line."""
    faults = []
    for entry in error.errors(include_url=False):
        shown = _shown_path(document, entry["loc"])
        key = str(shown[-1]) if shown else "file"
        given = entry.get("input")
        message = _MESSAGES.get(entry["type"], "").format(key=key)
        if not message:
            reason = entry["msg"].removeprefix("Value error, ")
            quoted = f" (‘{given}’)" if isinstance(given, str) and given not in reason else ""
            named = "" if key.isdigit() else f"{key}: "
            message = f"{named}{reason}{quoted}"
        faults.append(Fault(document.name, document.line(shown), message))
    return faults


def _shown_path(document: Document, location: Path_) -> Path_:
    # Tags of discriminated unions stand in the location but not in the file; what is missing comes last.
    shown: Path_ = ()
    for index, part in enumerate(location):
        name = "schema" if part == "schema_" else part
        if (*shown, name) in document.lines or index == len(location) - 1:
            shown = (*shown, name)
    return shown


def parse(document: Document, model: type[D], context: object = None) -> D:
    """Validate a read document as a model; raises ``FaultyInput`` with all faults, of reading too."""
    if document.data is None or not isinstance(document.data, dict):
        if not document.faults:
            document.fault((), "the file must hold named entries")
        raise FaultyInput(document.faults)
    data = dict(document.data)
    if "schema" in data and "schema_" in model.model_fields:
        data["schema_"] = data.pop("schema")
    faults = list(document.faults)
    try:
        value = model.model_validate(data, context=context)
    except ValidationError as error:
        raise FaultyInput(faults + faults_of(document, error)) from None
    if isinstance(value, Definition):
        for path, message in value.complaints():
            faults.append(Fault(document.name, document.line(path), message))
        if Path(document.name).name != f"{value.key}.yaml":
            message = f"the file of ‘{value.key}’ is called {value.key}.yaml"
            faults.append(Fault(document.name, document.line(("id",)), message))
    if faults:
        raise FaultyInput(faults)
    return value


def digest_of(definition: BaseModel) -> str:
    """Return the digest of a definition: SHA-256 of the canonical JSON of what it says.

    What a definition leaves to the default is left out, so that a later version of the product may
    know more keys without changing what was released.
    """
    return digest(contents_of(definition))


def contents_of(definition: BaseModel) -> dict[str, Any]:
    """Return what a definition says as plain data, without what it leaves to the default."""
    return definition.model_dump(mode="json", by_alias=False, exclude_defaults=True)
