"""Templates draw what they are given: none of them looks into the form of a proposal, or counts places."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.ext import i18n

from appraisal.paths import folder
from appraisal.proposals.rules import form

TEMPLATES = folder("templates")
FILES = [path for path in sorted(TEMPLATES.rglob("*")) if path.suffix in (".html", ".txt")]
NAMES = [path.relative_to(TEMPLATES).as_posix() for path in FILES]
CODE = TEMPLATES.parent / "appraisal"


ENVIRONMENT = Environment(extensions=[i18n], autoescape=True)


def names_loop(node: nodes.Node | None) -> bool:
    """Tell whether an expression reads ``loop``; the filter of a loop reads that of the loop around it."""
    found = [] if node is None else [node, *node.find_all(nodes.Name)]
    return any(isinstance(entry, nodes.Name) and entry.name == "loop" for entry in found)


def counted(template: nodes.Template) -> Iterator[int]:
    """Yield the lines in which a list is looked up by the place of a loop, or a loop is filtered by one."""
    yield from (loop.lineno for loop in template.find_all(nodes.For) if names_loop(loop.test))
    yield from (found.lineno for found in template.find_all(nodes.Getitem) if names_loop(found.arg))


def looked_into(template: nodes.Template) -> Iterator[int]:
    """Yield the lines in which the content of a proposal is looked into."""
    for found in template.find_all((nodes.Getattr, nodes.Getitem)):
        inner = found.node  # type: ignore[attr-defined]
        if isinstance(inner, nodes.Getattr) and inner.attr == "content":
            yield found.lineno


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_template_takes_a_field_for_given_or_looks_up_by_a_place(path: Path) -> None:
    template = ENVIRONMENT.parse(path.read_text(encoding="utf-8"))
    assert list(counted(template)) == []
    assert list(looked_into(template)) == []


@pytest.mark.parametrize(
    ("template", "finds"),
    [
        ("{% for a in b %}{% for c in d if e[loop.index0] %}{% endfor %}{% endfor %}", counted),
        ("{% for a in b %}{{ c[loop.index0] }}{% endfor %}", counted),
        ("{{ case.content.identification.title }}", looked_into),
        ('{{ version.content["identification"] }}', looked_into),
        ('{{ version.content.get("identification", {}) }}', looked_into),
    ],
)
def test_what_is_looked_for_would_be_found(template: str, finds: object) -> None:
    assert callable(finds)
    assert set(finds(ENVIRONMENT.parse(template))) == {1}


def test_no_code_takes_a_section_of_a_proposal_for_given() -> None:
    sections = "|".join(section.key for section in form.SECTIONS)
    chain = re.compile(rf"\.content\s*\[|content\[\s*[\"'](?:{sections})[\"']\s*\]\s*\[")
    found = [
        f"{path.relative_to(CODE)}: {line.strip()}"
        for path in sorted(CODE.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        # A draft that is being made of a file, section by section.
        if chain.search(line) and not line.strip().startswith("self.content[section]")
    ]
    assert found == []
