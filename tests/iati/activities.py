"""Activities written and read for tests: from a form to a file and back."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any, Final

from appraisal.definitions.library import Library
from appraisal.iati.rules import activities, drafts
from appraisal.iati.rules.activities import Activity, Publishable
from appraisal.iati.rules.drafts import Intake
from appraisal.iati.xml import reading, writing
from appraisal.proposals.rules import track_and_money
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.settings import Publisher

ILO: Final = Publisher()
AT: Final = datetime(2010, 3, 1, 9, tzinfo=UTC)


def activity(
    library: Library, content: Mapping[str, Any], number: str = "TC-2010-0007", **given: Any
) -> Activity:
    """Return the activity of a form, approved unless told otherwise."""
    state = library.newest_workflow().states[given.pop("state", "approved")]
    contributions = given.pop("contributions", None) or track_and_money.contributions(
        content, (), date(2010, 3, 1)
    )
    found = activities.activity(
        Publishable(number, state, content, contributions, valued_at=AT, updated_at=AT, **given), ILO, "en"
    )
    assert isinstance(found, Activity)
    return found


def neutral(library: Library, **given: Any) -> Activity:
    """Return the activity of an unremarkable form."""
    return activity(library, neutral_content(given))


def written(found: Iterable[Activity]) -> bytes:
    """Write a file."""
    return b"".join(writing.pieces(found, ILO, AT))


def read(file: bytes, *known: str) -> list[Intake]:
    """Read a file where there are proposals of some numbers."""
    return [
        drafts.read(node, ILO, "en", lambda key, number: number in known)
        for node in reading.nodes(BytesIO(file))
    ]


def wrapped(*parts: str, version: str = "2.03", inside: str = "") -> bytes:
    """Write a file of activities by hand; ``inside`` are attributes of its root."""
    return f'<iati-activities version="{version}" {inside}>{"".join(parts)}</iati-activities>'.encode()


def element(
    *parts: str, identifier: str = "XM-DAC-1-1", title: str = "Decent work", start: str = "2010-07-01"
) -> str:
    """Write an activity by hand: identifier, title, start, and what else is given."""
    begun = f'<activity-date type="1" iso-date="{start}"/>' if start else ""
    return (
        f'<iati-activity xml:lang="en" default-currency="USD"><iati-identifier>{identifier}</iati-identifier>'
        f"<title><narrative>{title}</narrative></title>{begun}{''.join(parts)}</iati-activity>"
    )


def budget(value: str, first: str = "2010-07-01", last: str = "2010-12-31", **given: str) -> str:
    """Write a budget by hand; ``given`` are its attributes, and ``currency`` that of its value."""
    currency = f' currency="{given.pop("currency")}"' if "currency" in given else ""
    about = "".join(f' {name}="{text}"' for name, text in given.items())
    return (
        f'<budget{about}><period-start iso-date="{first}"/><period-end iso-date="{last}"/>'
        f'<value value-date="2010-01-01"{currency}>{value}</value></budget>'
    )
