"""Forms of pages share these fields of days, checks and rows, with errors in the reader's language."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Any, Final

from flask import request
from werkzeug.datastructures import MultiDict
from wtforms import DateField, ValidationError
from wtforms.fields.core import UnboundField

from appraisal.clock import geneva_date
from appraisal.language.texts import N_
from appraisal.vocabulary import bounds
from appraisal.vocabulary.limits import LINE_LIMIT, PROSE_LIMIT
from appraisal.web.context import language, number, say, site

Check = Callable[[Any, Any], None]


class DayField(DateField):
    """A day, written year-month-day; empty is None."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read the day; ``ValueError`` with a sentence for what is none, or lies out of all bounds."""
        text = " ".join(valuelist).strip()
        self.data = None
        if text:
            try:
                day = date.fromisoformat(text)
            except ValueError:
                raise ValueError(say(N_("Write a date as year-month-day, like 2010-06-30"))) from None
            if not bounds.is_sensible(day):
                raise ValueError(say(bounds.FAR_DAY))
            self.data = day


def needed(message: str) -> Check:
    """Return the check that something was given; ``message`` is a sentence of the catalogue."""

    def check(form: Any, field: Any) -> None:
        # What could not be read says so itself.
        if not field.errors and (not field.data or (isinstance(field.data, str) and not field.data.strip())):
            raise ValidationError(say(message))

    return check


def at_most(limit: int) -> Check:
    """Return the check that a text is not longer than what is kept of it."""

    def check(form: Any, field: Any) -> None:
        length = len((field.data or "").strip())
        if length > limit:
            sentence = N_("At most %(limit)s characters; this has %(length)s")
            raise ValidationError(say(sentence, limit=limit, length=length))

    return check


def one_of(values: Collection[str]) -> Check:
    """Return the check that a value is one of those offered; nothing at all is one."""

    def check(form: Any, field: Any) -> None:
        if field.data and field.data not in values:
            raise ValidationError(say(N_("Choose one of the values offered")))

    return check


def not_past(form: Any, field: Any) -> None:
    """Check that a day is today or later, in Geneva."""
    if field.data and not field.errors and field.data < geneva_date(site().now()):
        raise ValidationError(say(N_("A due date cannot lie in the past: choose today or a later day")))


def not_far(form: Any, field: Any) -> None:
    """Check that a day on which something is due lies no more than years ahead."""
    today = geneva_date(site().now())
    if field.data and not field.errors and (late := bounds.due_late(field.data, today)) is not None:
        raise ValidationError(late.say(language()))


# So many rows that nobody suggested, beside those for the items of the checklists.
FREE_ROWS: Final = 40
LINE: Check = at_most(LINE_LIMIT)
PROSE: Check = at_most(PROSE_LIMIT)


def rows_at_most(rows: Any, limit: int) -> Any:
    """Return the field of a form class for a list of rows as another, with no more rows than a limit."""
    limited = UnboundField(
        rows.field_class, *rows.args, name=rows.name, **{**rows.kwargs, "max_entries": limit}
    )
    # Fields stand in the order in which they were made.
    limited.creation_counter = rows.creation_counter
    return limited


def sent() -> MultiDict[str, str]:
    """Return the form sent, without the row whose button *remove* was pressed.

    Taken out before anything is read, so that what was typed into the other rows stays as it is.
    """
    form = request.form
    group, _, place = form.get("remove", "").rpartition("-")
    indices, row = _indices(form, group) if group else [], number(place)
    if row is None or row >= len(indices):
        return form
    gone = f"{group}-{indices[row]}"
    return MultiDict(
        (name, value)
        for name, value in form.items(multi=True)
        if name != gone and not name.startswith(f"{gone}-")
    )


def _indices(form: MultiDict[str, str], group: str) -> list[int]:
    found = {
        name.removeprefix(f"{group}-").partition("-")[0] for name in form if name.startswith(f"{group}-")
    }
    return sorted(index for index in map(number, found) if index is not None)


def changes_rows(*groups: Any) -> bool:
    """Tell whether a row is to be added or taken away, not the form to be saved; adds the row asked for."""
    for group in groups:
        is_full = group.max_entries is not None and len(group) >= group.max_entries
        if request.form.get("add") == group.name and not is_full:
            group.append_entry()
    return "add" in request.form or "remove" in request.form
