"""Ratings and items of a checklist get their names here, in the reader's language."""

from appraisal.definitions.checklists import Item
from appraisal.definitions.sets import ChecklistSet
from appraisal.language.texts import N_
from appraisal.web.context import language, say


def rating_words(chosen: ChecklistSet, value: str) -> tuple[str, str]:
    """Return a rating in words and its tone; none reads as not rated."""
    rating = chosen.rating(value)
    if rating is None:
        return say(N_("Not rated")), "neutral"
    return f"{rating.value} – {rating.title[language()]}", rating.tone


def gating_words(chosen: ChecklistSet, item: Item) -> str:
    """Say what a low rating of a gating item does; nothing of other items."""
    if not item.gating:
        return ""
    rule = chosen.verdict_rule
    if rule.name != "gate":
        return say(N_("Gating item."))
    return say(
        N_("Gating item: a %(low)s here makes the whole criterion “%(verdict)s”."),
        low=rule.low,
        verdict=chosen.verdict(rule.not_met).title[language()],
    )
