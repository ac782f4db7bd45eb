"""Round trip: what a form holds and an activity can say comes back from the file, letter for letter."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.definitions.library import Library
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form
from appraisal.scenarios.complete_proposal import neutral_content
from tests.iati.activities import activity, read, written
from tests.iati.schemas import validated

# What a line of the form holds: any characters on one line with single spaces between words.
LINE = (
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=20,
    )
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
DONORS = st.lists(
    st.fixed_dictionaries(
        {
            "donor": LINE,
            "private": st.sampled_from(["yes", "no"]),
            "fund": st.sampled_from([choice.value for choice in form.FUNDS]),
            "modality": st.sampled_from([choice.value for choice in form.MODALITIES]),
            "amount": st.decimals(0, 10**9, places=2).map(lambda amount: f"{amount:f}"),
            "currency": st.sampled_from(["USD", "EUR", "CHF"]),
        }
    ),
    min_size=1,
    max_size=4,
)
COUNTRIES = st.lists(
    st.sampled_from(sorted(proposals_content.countries())), min_size=1, max_size=6, unique=True
)
DAYS = st.tuples(st.dates(date(1995, 1, 1), date(2040, 1, 1)), st.integers(0, 4000)).map(
    lambda span: (span[0].isoformat(), (span[0] + timedelta(days=span[1])).isoformat())
)
SYMBOL = st.from_regex(r"[A-Z]{3}/[0-9]{2}/[0-9]{2}M?/[A-Z]{3}", fullmatch=True)


@pytest.mark.thorough
@settings(max_examples=60)
@given(
    title=LINE, symbol=SYMBOL, countries=COUNTRIES, days=DAYS, donors=DONORS, marker=st.sampled_from("012")
)
def test_a_form_comes_back(
    library: Library,
    title: str,
    symbol: str,
    countries: list[str],
    days: tuple[str, str],
    donors: list[dict[str, Any]],
    marker: str,
) -> None:
    content = neutral_content({"title": title, "symbol": symbol, "countries": countries})
    content["identification"] |= {"start": days[0], "end": days[1], "contributions": donors}
    content["gender"]["marker"] = marker
    content = {key: proposals_content.tidy(form.section(key), fields) for key, fields in content.items()}
    made = activity(library, content)
    file = written([made])
    root = validated(file)
    (back,) = read(file)
    assert back.wrong == ()
    assert back.symbol == symbol
    for key in ("title", "symbol", "countries", "start", "end", "contributions", "summary"):
        assert back.content["identification"][key] == content["identification"][key], key
    assert back.content["gender"] == {"marker": marker}
    assert back.content["alignment"] == {"outcome": content["alignment"]["outcome"]}
    assert back.content["results"] == {"development_objective": content["results"]["development_objective"]}
    shares = [Decimal(part.get("percentage", "")) for part in root.iter("recipient-country")]
    assert sum(shares) == 100
    budgets = sum((Decimal(part.text or "") for part in root.iter("value")), Decimal(0))
    if all(row["currency"] == "USD" for row in donors):
        assert budgets == sum(Decimal(row["amount"]) for row in donors)
    else:
        assert budgets == 0


def test_relatives_come_back_where_they_are_here(library: Library) -> None:
    child = written([activity(library, neutral_content({"kind": "child"}), parent="TC-2010-0001")])
    (back,) = read(child, "TC-2010-0001")
    assert back.content["identification"]["parent"] == "TC-2010-0001"
    assert back.content["identification"]["kind"] == "child"
    (elsewhere,) = read(child)
    assert "parent" not in elsewhere.content["identification"]
    assert ("related-activity[1]", "no proposal here has that number") in [
        (entry.path, entry.sentence) for entry in elsewhere.remarks
    ]
    phase = activity(library, neutral_content({"kind": "next_phase"}), predecessor="TC-2009-0001")
    (back,) = read(written([phase]), "TC-2009-0001")
    assert back.content["identification"]["kind"] == "next_phase"
    assert back.content["identification"]["predecessor"] == "TC-2009-0001"


def test_what_an_own_export_says_beyond_the_form_is_named(library: Library) -> None:
    (back,) = read(written([activity(library, neutral_content({"countries": ["ZM", "TZ", "KE"]}))]))
    assert [(entry.path, entry.count) for entry in back.remarks] == sorted(
        [
            ("activity-scope", 1),
            ("activity-status", 1),
            ("collaboration-type", 1),
            ("default-aid-type", 1),
            ("default-finance-type", 1),
            ("default-flow-type", 1),
            ("default-tied-status", 1),
            ("recipient-country/@percentage", 1),
        ]
    )
