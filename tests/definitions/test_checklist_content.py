"""What the shipped checklists ask: the seven criteria of GB.306/TC/1, para. 33, and EVAL's review."""

import re
from collections.abc import Iterator

import pytest

from appraisal.definitions.checklists import Checklist, Item
from appraisal.definitions.library import Library
from appraisal.language.texts import LANGUAGES, Text

COUNTS = {"ALI": 8, "TRI": 8, "ILS": 7, "GEN": 8, "TUR": 6, "CAP": 8, "RBM": 9, "EVA": 9}
GATING = [
    *("ALI-1", "ALI-3", "TRI-1", "TRI-2", "ILS-1", "ILS-4", "GEN-1", "GEN-4", "TUR-1", "CAP-1"),
    *("RBM-1", "RBM-2", "EVA-1a", "EVA-1b", "EVA-2", "EVA-7"),
]
# When an item may be rated X: by facts of the form, or (an empty tuple) as the appraiser states.
NOT_RELEVANT = {
    "ALI-8": ("no_private_funder",),
    "ILS-6": (),
    "TUR-2": ("no_learning_component",),
    "TUR-3": ("no_learning_component",),
    "TUR-4": ("no_learning_component", "centre_is_provider"),
    "TUR-5": ("no_learning_component",),
    "TUR-6": ("no_learning_component",),
    "CAP-8": (),
}


@pytest.fixture
def checklists(library: Library) -> list[Checklist]:
    return [criterion.checklist for criterion in library.criteria("appraisal.v1")]


@pytest.fixture
def items(checklists: list[Checklist]) -> list[Item]:
    return [item for checklist in checklists for item in checklist.items]


def test_criteria_and_their_items(checklists: list[Checklist]) -> None:
    assert {checklist.code: len(checklist.items) for checklist in checklists} == COUNTS


def test_items_are_numbered_in_order(checklists: list[Checklist]) -> None:
    for checklist in checklists:
        numbers = [int(re.sub(r"\D", "", item.id)) for item in checklist.items]
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(1, max(numbers) + 1))


def test_gating_items(items: list[Item]) -> None:
    assert [item.id for item in items if item.gating] == GATING


def test_when_an_item_may_be_not_relevant(items: list[Item]) -> None:
    assert {item.id: item.not_relevant.facts for item in items if item.not_relevant} == NOT_RELEVANT


def test_only_the_turin_centre_may_stay_unrated(checklists: list[Checklist]) -> None:
    waived = {
        entry.code: entry.rated_share_waived_when for entry in checklists if entry.rated_share_waived_when
    }
    assert waived == {"TUR": "no_learning_component"}


def test_the_evaluability_review_applies_above_five_million(library: Library) -> None:
    thresholds = {
        criterion.checklist.code: str(criterion.member.applies.above_usd)
        for criterion in library.criteria("appraisal.v1")
        if criterion.member.applies
    }
    assert thresholds == {"EVA": "5000000"}


def test_both_bureaux_are_always_awaited(library: Library) -> None:
    assert library.set("appraisal.v1").awaits == ("ACT/EMP", "ACTRAV")


def test_appraisal_and_evaluation_are_never_the_same_word(
    library: Library, checklists: list[Checklist]
) -> None:
    """French and Spanish have one word for both; on screen they must not be confused."""
    appraisal_titles = [library.set("appraisal.v1").title, library.workflow("standard.v1").title]
    for title in appraisal_titles:
        assert "appréciation" in title.fr.lower()
        assert "valoración" in title.es.lower()
        assert not re.search("évaluation|evaluación", f"{title.fr} {title.es}".lower())
    evaluability = next(checklist.title for checklist in checklists if checklist.code == "EVA")
    assert "évaluabilité" in evaluability.fr
    assert "evaluabilidad" in evaluability.es
    workflow = library.workflow("standard.v1")
    texts = [state.title for state in workflow.states.values()] + [
        entry.label for entry in workflow.transitions
    ]
    for text in texts:
        assert not re.search("évaluation|evaluación", f"{text.fr} {text.es}".lower())


def _texts(checklist: Checklist) -> Iterator[Text]:
    yield from (checklist.title, checklist.purpose)
    for item in checklist.items:
        yield from (item.ask, item.answered_by, item.guidance)
        if item.not_relevant:
            yield item.not_relevant.when


def test_wherever_english_says_evaluation_the_others_do(checklists: list[Checklist]) -> None:
    for text in (text for checklist in checklists for text in _texts(checklist)):
        if re.search(r"\bevaluations?\b", text.en):
            assert re.search("évaluation|évalue", text.fr), text.en
            assert re.search("evaluaci|evalúa", text.es), text.en


def test_questions_are_questions(items: list[Item]) -> None:
    for item in items:
        assert item.ask.en.endswith("?")
        assert item.ask.fr.endswith("\N{NO-BREAK SPACE}?")
        assert "¿" in item.ask.es
        assert item.ask.es.endswith("?")


def test_languages_differ(checklists: list[Checklist]) -> None:
    """A text that was copied instead of translated would be the same in two languages."""
    for text in (text for checklist in checklists for text in _texts(checklist)):
        assert len({text[language] for language in LANGUAGES}) == 3


def test_guidance_says_what_each_rating_looks_like(items: list[Item]) -> None:
    for item in items:
        for language in LANGUAGES:
            assert [int(found) for found in re.findall(r"\b([123])\s?:", item.guidance[language])] == [
                1,
                2,
                3,
            ], item.id


def test_every_item_names_its_source_and_its_evidence(items: list[Item]) -> None:
    assert all(item.source and item.evidence for item in items)
