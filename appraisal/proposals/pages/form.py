"""The pages of the proposal form are built here with WTForms from the sections that it has.

What may stand in a field is judged by ``proposals.rules.content`` alone; these classes draw and read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from wtforms import FieldList, Form, FormField, RadioField, SelectField, StringField, TextAreaField

from appraisal.language.texts import N_, Language, say
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.content import Complaint
from appraisal.proposals.rules.form import Content, Field, Section
from appraisal.vocabulary.limits import ROWS_LIMIT
from appraisal.web import formats
from appraisal.web.fields import changes_rows, sent
from appraisal.web.forms import choice

# Inside a row: what needs little room, and what needs more than its share.
NARROW: Final = frozenset({"ref", "currency", "code"})
BROAD: Final = frozenset({"donor", "fund", "modality", "who", "institution", "reference", "title", "bureau"})


def _line(field: Field, language: Language, **common: Any) -> Any:
    width = {"currency": "3", "symbol": "20"}.get(field.key, "")
    return StringField(render_kw={"kind": field.kind, "width": width, **_room(field)}, **common)


def _room(field: Field) -> dict[str, bool]:
    return {"narrow": field.key in NARROW, "broad": field.key in BROAD}


def _prose(field: Field, language: Language, **common: Any) -> Any:
    return TextAreaField(render_kw={"kind": "prose"}, **common)


def _choice(field: Field, language: Language, **common: Any) -> Any:
    offered = [choice("", say(language, N_("Choose"))), *_offered(field, language)]
    return SelectField(choices=offered, render_kw={"kind": "choice", **_room(field)}, **common)


def _flag(field: Field, language: Language, **common: Any) -> Any:
    return RadioField(choices=_offered(field, language), render_kw={"kind": "flag"}, **common)


def _rows(field: Field, language: Language, **common: Any) -> Any:
    row = FormField(_form(field.columns, language))
    return FieldList(row, max_entries=ROWS_LIMIT, **common)


def _offered(field: Field, language: Language) -> list[Any]:
    return [choice(entry.value, say(language, entry.label)) for entry in field.choices]


_KINDS: Final[Mapping[str, Callable[..., Any]]] = {
    "prose": _prose,
    "choice": _choice,
    "flag": _flag,
    "rows": _rows,
}


@cache
def _form(fields: tuple[Field, ...], language: Language) -> type[Form]:
    """Build the class of a form in a language, once for each; what all its fields are is not said of each."""
    marks = not all(field.needed for field in fields)
    built = {
        field.key: _built(
            field,
            language,
            label=_needed(field, language) if field.needed and marks else say(language, field.label),
            description=say(language, field.hint) if field.hint else "",
        )
        for field in fields
    }
    return type("SectionForm", (Form,), built)


def _built(field: Field, language: Language, **common: Any) -> Any:
    build: Callable[..., Any] = _KINDS.get(field.kind, _line)
    return build(field, language, **common)


def _needed(field: Field, language: Language) -> str:
    return say(language, N_("%(label)s (needed)"), label=say(language, field.label))


def draw(section: Section, content: Content, language: Language) -> Form:
    """Return the form of a section filled with what the content holds."""
    kept = dict(content.get(section.key, {}))
    for field in section.fields:
        if field.kind == "countries" and field.key in kept:
            kept[field.key] = ", ".join(kept[field.key])
    return _mark(_form(section.fields, language)(data=kept), section, content, language)


def read(section: Section, content: Content, language: Language) -> tuple[Form, bool]:
    """Return the form of a section as it was sent, and whether a row was added or removed, not saved.

    ``content`` is the rest of the proposal, on which it depends what is needed.
    """
    form = _form(section.fields, language)(sent())
    groups = [form[field.key] for field in section.fields if field.kind == "rows"]
    return _mark(form, section, content, language), changes_rows(*groups)


def typed(form: Form, section: Section) -> dict[str, Any]:
    """Return what was typed as it is to be tidied: countries may be written by name, with commas between."""
    given = dict(form.data)
    for field in section.fields:
        if field.kind == "countries":
            parts = (given[field.key] or "").replace(";", ",").split(",")
            given[field.key] = ", ".join(formats.country_code(part.strip()) for part in parts)
    return given


def _mark(form: Form, section: Section, content: Content, language: Language) -> Form:
    for field in section.fields:
        if not field.needed and field.is_needed(content):
            form[field.key].label.text = _needed(field, language)
    return form


def complain(form: Form, section: Section, found: Iterable[Complaint], language: Language) -> None:
    """Write complaints about a tidy section to the fields that they are about."""
    for complaint in found:
        facts = {name: _fact(name, value, language) for name, value in complaint.facts.items()}
        bound = _bound(form, section, complaint.path)
        bound.errors = [*bound.errors, say(language, complaint.sentence, **facts)]


def _fact(name: str, value: Any, language: Language) -> Any:
    return say(language, value) if name == "field" else value


def _bound(form: Form, section: Section, path: str) -> Any:
    key, *rest = path.split("-")
    bound: Any = form[key]
    if not rest:
        return bound
    # Empty rows are left out of what is kept, so its rows are counted among those that are not.
    field = next(entry for entry in section.fields if entry.key == key)
    alone = Section(section.key, "", (field,))
    filled = [entry for entry in bound.entries if proposals_content.tidy(alone, {key: [entry.data]})]
    return filled[int(rest[0])].form[rest[1]]


def describe(section: str, typed: Mapping[str, str], language: Language) -> Iterator[tuple[str, str]]:
    """Name what was typed into a section by the labels of its fields; rows are counted from one."""
    fields = {field.key: field for field in proposals_form.section(section).fields}
    for name, value in typed.items():
        key, *rest = name.split("-")
        field = fields.get(key)
        column = next((entry for entry in field.columns if rest[1:] == [entry.key]), None) if field else None
        if field is None:
            yield name, value
        elif column is None:
            yield say(language, field.label), value
        else:
            group = say(language, field.label)
            yield f"{group}, {int(rest[0]) + 1}: {say(language, column.label)}", value
