"""Comparing what authors and an appraiser think of the same items."""

from appraisal.appraisals.rules.self_checks import compare, fingerprint
from appraisal.definitions.library import Library
from appraisal.proposals.facts import RatingGiven


def given(**values: str) -> dict[str, RatingGiven]:
    """Return ratings by item, which are named like ``TRI_4``."""
    return {
        name.replace("_", "-"): RatingGiven(name.replace("_", "-"), value) for name, value in values.items()
    }


def test_items_that_differ_come_first_in_the_order_of_the_checklists(library: Library) -> None:
    chosen = library.newest_set()
    criteria = library.criteria(chosen.key)[:2]

    found = compare(
        chosen,
        criteria,
        given(ALI_1="3", ALI_2="2", ALI_3="1", ALI_4="X", ALI_5="", TRI_1="2", TRI_2="2"),
        given(ALI_1="1", ALI_2="2", ALI_3="2", ALI_4="2", ALI_5="2", TRI_1="X", TRI_3="2"),
    )

    assert len(found) == 16
    assert [(entry.item.id, entry.direction) for entry in found[:6]] == [
        ("ALI-1", "higher"),
        ("ALI-3", "lower"),
        ("ALI-4", "other"),
        ("TRI-1", "other"),
        ("ALI-2", "same"),
        ("ALI-5", "unrated"),
    ]
    assert [entry.differs for entry in found] == [True] * 4 + [False] * 12
    assert {entry.direction for entry in found[6:]} == {"unrated"}


def test_the_fingerprint_is_that_of_values_and_notes(library: Library) -> None:
    items = library.criteria(library.newest_set().key)[0].checklist.items
    own = {"ALI-1": RatingGiven("ALI-1", "2", "Why.")}

    assert fingerprint(items, own) == fingerprint(items, dict(own))
    assert fingerprint(items, own) == fingerprint(items, {**own, "TRI-1": RatingGiven("TRI-1", "2")})
    for other in (
        RatingGiven("ALI-1", "3", "Why."),
        RatingGiven("ALI-1", "2"),
        RatingGiven("ALI-2", "2", "Why."),
    ):
        assert fingerprint(items, own) != fingerprint(items, {other.item: other})
