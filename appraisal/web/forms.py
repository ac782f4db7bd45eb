"""Forms have fields whose words are said in the reader's language; the application checks their token."""

from dataclasses import replace
from typing import Any

from wtforms import Form, SelectField

# The stubs are those of a version that had tuples instead.
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from appraisal.web.context import say


class TranslatedForm(Form):
    """A form that is written with sentences of the catalogue and drawn with their translations.

    Labels, hints and titles of choices are translated when the form is made; what is wrong is
    added by the views, which have it from the services.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:
            field.label.text = say(field.label.text)
            field.description = say(field.description) if field.description else ""
            if isinstance(field, SelectField):
                field.choices = [_translated(entry) for entry in field.choices or ()]

    def complain(self, name: str, message: str, **facts: Any) -> None:
        """Add a message of the catalogue to a field."""
        self[name].errors = [*self[name].errors, say(message, **facts)]


def choice(value: str, title: str, hint: str = "") -> Any:
    """Write one choice of a field, with sentences of the catalogue."""
    return SelectChoice(value, title, {"hint": hint} if hint else {})


def _translated(entry: Any) -> Any:
    return replace(
        entry, label=say(entry.label), render_kw={name: say(text) for name, text in entry.render_kw.items()}
    )


def written(field: Any) -> str:
    """Return the text of a field as it is kept."""
    return (field.data or "").replace("\r\n", "\n").strip()
