"""Authorship: what the pages have in common that only the authors of a proposal may open."""

from sqlalchemy import Connection

from appraisal.domain.facts import Case
from appraisal.domain.refusals import NotAllowed, refuse
from appraisal.domain.rulebooks import Rulebook
from appraisal.services import proposals, steps
from appraisal.web.context import actor, sentences, site


def load_own(db: Connection, number: str) -> tuple[Case, Rulebook]:
    """Load a proposal for one of its authors; raises ``NotAllowed`` for others who may read it."""
    case, book = steps.view(db, site().library, number, actor())
    if actor().id not in case.related("author"):
        raise NotAllowed([refuse("not_author")])
    return case, book


def closed_because(case: Case, book: Rulebook) -> list[str]:
    """Return in sentences why the author cannot write in the proposal now; nothing where that is open."""
    try:
        proposals.check_editable(case, book, actor())
    except NotAllowed as error:
        return sentences(error)
    return []
