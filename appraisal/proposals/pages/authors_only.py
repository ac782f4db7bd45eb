"""Pages that only the authors of a proposal may open share what stands here."""

from sqlalchemy import Connection

from appraisal.proposals.facts import Case
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.services import drafts
from appraisal.proposals.services.opening import view
from appraisal.vocabulary.refusals import NotAllowed, refuse
from appraisal.web.context import actor, sentences, site


def load_own(db: Connection, number: str) -> tuple[Case, Rulebook]:
    """Load a proposal for one of its authors; raises ``NotAllowed`` for others who may read it."""
    case, book = view(db, site().library, number, actor())
    if actor().id not in case.related("author"):
        raise NotAllowed([refuse("not_author")])
    return case, book


def closed_because(case: Case, book: Rulebook) -> list[str]:
    """Return in sentences why the author cannot write in the proposal now; nothing where that is open."""
    try:
        drafts.check_editable(case, book, actor())
    except NotAllowed as error:
        return sentences(error)
    return []
