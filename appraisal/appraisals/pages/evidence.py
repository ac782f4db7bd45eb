"""Evidence is what a proposal says in the fields that an item of a checklist cites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from appraisal.proposals.facts import Document
from appraisal.proposals.pages import answers
from appraisal.proposals.rules import form
from appraisal.proposals.rules.form import Field
from appraisal.web.context import say

DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Cited:
    """A field that is cited, by its label: what stands in it, or the ``documents`` of its kind."""

    label: str
    entry: answers.Entry | None = None
    documents: tuple[Document, ...] = ()


@cache
def _fields() -> Mapping[str, Field]:
    return {path: field for path, _, field in form.walk()}


class Citable(Protocol):
    """What holds fields and files: a version that was submitted, or a draft."""

    @property
    def content(self) -> form.Content:
        """Return the fields."""

    @property
    def documents(self) -> tuple[Document, ...]:
        """Return the files."""


def cited(version: Citable, paths: Sequence[str]) -> list[Cited]:
    """Return what stands at field paths of a version or draft, in order; ``documents.kind`` gives files."""
    return [_cited(version, path) for path in paths]


def _cited(version: Citable, path: str) -> Cited:
    section, _, key = path.partition(".")
    if section == DOCUMENTS:
        found = tuple(entry for entry in version.documents if entry.kind == key)
        return Cited(answers.document_titles()[key], documents=found)
    field, value = _fields()[path], form.value(version.content, path)
    return Cited(say(field.label), answers.entry(field, value) if value else None)
