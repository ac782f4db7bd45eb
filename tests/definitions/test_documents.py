"""YAML becomes plain strings, lists and mappings with lines, and nothing else."""

from decimal import Decimal
from textwrap import dedent

import pytest
from pydantic import TypeAdapter, ValidationError

from appraisal.definitions.checklists import Checklist
from appraisal.definitions.documents import Amount, Count, Flag, digest_of, parse, read_text
from appraisal.errors import Fault, FaultyInput
from appraisal.language.texts import Text


def faults_in(text: str) -> list[str]:
    return [str(fault) for fault in read_text(dedent(text), "x.yaml").faults]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "null", "~", "010", "1.10", "2010-01-01", "1e3", "0x1F", ".inf"]
)
def test_words_stay_words(word: str) -> None:
    assert read_text(f"key: {word}", "x.yaml").data == {"key": word}


def test_keys_stay_words() -> None:
    assert read_text("{on: a, no: b, 1: c}", "x.yaml").data == {"on": "a", "no": "b", "1": "c"}


def test_only_nothing_at_all_is_null() -> None:
    assert read_text("a:\nb: ''", "x.yaml").data == {"a": None, "b": ""}


def test_every_part_has_its_line() -> None:
    document = read_text("a:\n  - x\n  - b: y\n    c: z\n", "x.yaml")
    assert document.line(("a", 0)) == 2
    assert document.line(("a", 1, "c")) == 4
    assert document.line(("a", 1, "nowhere")) == 3
    assert document.line(()) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb: 2\na: 3", "x.yaml:3: the key ‘a’ stands twice (first in line 1)"),
        ("a: {b: 1, b: 2}", "x.yaml:1: the key ‘b’ stands twice (first in line 1)"),
        ("a: 1\n? [b]\n: 2", "x.yaml:2: a key must be a single word"),
        ("a: &x 1", "x.yaml:1: anchors and aliases are not used in definitions; write it out"),
        ("a: !!str no", "x.yaml:1: the tag tag:yaml.org,2002:str is not used in definitions"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "x.yaml:1: the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("a:\n  - b\n c", "x.yaml:3: not YAML: "),
        ("a: 1\n---\nb: 2", "x.yaml:2: not YAML: "),
        ("a: \x00", "x.yaml:1: not YAML: control characters are not allowed"),
        ("", "x.yaml:1: the file is empty"),
        ("# nothing", "x.yaml:1: the file is empty"),
        ("[" * 990 + "]" * 990, "x.yaml:1: nested too deeply"),
    ],
)
def test_what_is_refused(text: str, fault: str) -> None:
    (only,) = read_text(text, "x.yaml").faults
    assert str(only).startswith(fault)


def test_anchor_and_alias_are_both_reported() -> None:
    assert [line.split(":")[1] for line in faults_in("a: &x [1]\nb:\n  c: *x\n")] == ["1", "3"]


def test_an_alias_to_itself_is_refused() -> None:
    assert len(faults_in("a: &x [*x]")) == 2


@pytest.mark.parametrize(("given", "value"), [("true", True), ("false", False)])
def test_flags(given: str, value: bool) -> None:
    assert TypeAdapter(Flag).validate_python(given) is value


@pytest.mark.parametrize("given", ["no", "yes", "True", "FALSE", "off", "0", "", None])
def test_what_is_no_flag(given: object) -> None:
    with pytest.raises(ValidationError, match="write true or false"):
        TypeAdapter(Flag).validate_python(given)


@pytest.mark.parametrize("given", ["-1", "1.0", "1e3", "٣", "", "one", None])
def test_what_is_no_count(given: object) -> None:
    with pytest.raises(ValidationError, match="write a whole number"):
        TypeAdapter(Count).validate_python(given)


def test_amounts_are_exact() -> None:
    assert TypeAdapter(Amount).validate_python("0.1") == Decimal("0.1")


@pytest.mark.parametrize("given", ["1e6", "NaN", "Infinity", "1,000", "", None])
def test_what_is_no_amount(given: object) -> None:
    with pytest.raises(ValidationError, match="write a decimal number"):
        TypeAdapter(Amount).validate_python(given)


def test_a_part_of_a_choice_is_reported_at_its_own_line() -> None:
    """The tags of choices between rules stand in locations, but in no file."""
    from appraisal.definitions.sets import ChecklistSet

    document = read_text(
        "verdict_rule:\n  name: weighted_mean\n  bands:\n    - name: GOOD\n      colour: red\n", "x"
    )
    with pytest.raises(FaultyInput) as refused:
        parse(document, ChecklistSet)
    assert Fault("x", 5, "the key ‘colour’ is not known here") in refused.value.faults


def test_all_faults_are_reported_at_once_in_order() -> None:
    document = read_text(
        "schema: 2\nkind: checklist\nid: X\nversion: 1\ntitle: {en: a}\ncode: low\n", "x.yaml"
    )
    with pytest.raises(FaultyInput) as refused:
        parse(document, Checklist)
    lines = [fault.line for fault in refused.value.faults]
    assert lines == sorted(lines)
    messages = " ".join(fault.message for fault in refused.value.faults)
    for part in (
        "schema",
        "id",
        "‘fr’ is missing",
        "‘es’ is missing",
        "code",
        "‘purpose’ is missing",
        "‘items’ is missing",
    ):
        assert part in messages


def test_digest_does_not_depend_on_how_a_definition_is_written() -> None:
    text = "{en: a, fr: b, es: c}"
    block = "es: 'c'\nfr: >-\n  b\nen: a\n"
    assert digest_of(parse(read_text(text, "x"), Text)) == digest_of(parse(read_text(block, "x"), Text))


def test_digest_leaves_defaults_out() -> None:
    """So a later version of the product may know more keys without changing what is released."""
    from appraisal.definitions.rules import Clause

    spelt = Clause.model_validate({"recommend": "A", "at_least": "1"})
    assert digest_of(spelt) == digest_of(Clause.model_validate({"recommend": "A"}))
    assert digest_of(spelt) != digest_of(Clause.model_validate({"recommend": "A", "at_least": "2"}))
