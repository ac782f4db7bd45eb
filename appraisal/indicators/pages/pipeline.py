"""Readers follow proposals from submission to funding by biennium, with the items that fail most."""

from typing import Any, Final

from flask import Blueprint, request, url_for

from appraisal.clock import geneva_date
from appraisal.definitions.workflows import Workflow
from appraisal.errors import NotFound
from appraisal.indicators.pages.appraised_share import share_percent
from appraisal.indicators.rules import pipeline
from appraisal.indicators.rules.appraised_share import Share
from appraisal.indicators.rules.pipeline import Failing, Funnel, Stage
from appraisal.indicators.services import appraised_share
from appraisal.indicators.services.appraised_share import CODE
from appraisal.indicators.store import pipeline as stored
from appraisal.language.texts import N_
from appraisal.vocabulary.biennium import biennium_of, first_year
from appraisal.web.context import actor, language, page, read, say, site, with_role
from appraisal.web.formats import years

bp = Blueprint("pipelines", __name__, url_prefix="/indicators")
STAGE_TITLES: Final[dict[Stage, str]] = {
    "submitted": N_("Submitted"),
    "appraised": N_("Appraised"),
    "approved": N_("Approved"),
    "with_donor": N_("Sent to the donor"),
    "funded": N_("Funded"),
}


@bp.get(f"/{CODE}/pipeline")
@with_role("coordinator", "manager", "auditor")
def show() -> str:
    """Show how far the proposals of a biennium came, and what its finalised appraisals found."""
    today = geneva_date(site().now())
    biennium = request.args.get("biennium") or biennium_of(today)
    try:
        first_year(biennium)
    except ValueError:
        raise NotFound("biennium", biennium) from None
    library = site().library
    flows = (entry for entry in library.definitions.values() if isinstance(entry, Workflow))
    marks = {flow.key: pipeline.marks(flow) for flow in flows}
    with read() as db:
        biennia = list(appraised_share.figures(db, library, biennium, today))
        reached = stored.reached(db, actor(), biennium, marks)
        recommended = stored.first_recommendations(db, actor(), biennium)
        rated = stored.ratings(db, actor(), biennium)
    passed = pipeline.first_round(library, recommended)
    return page(
        "indicators/pipeline.html",
        code=CODE,
        biennium=biennium,
        biennia=biennia,
        years=years,
        funnel=_funnel(pipeline.funnel(reached)),
        unappraised=pipeline.funnel(reached).unappraised,
        passed=_bar(say(N_("First appraisals")), passed),
        share=share_percent(passed),
        failing=[_item(entry) for entry in pipeline.failing(library, rated)],
        illustrative=any(entry.illustrative for found in (reached, recommended, rated) for entry in found),
    )


def _funnel(found: Funnel) -> list[dict[str, Any]]:
    """Return the stages with how many proposals reached each, and which share of all that is."""
    whole = found.counts["submitted"]
    return [_bar(say(title), Share(found.counts[stage], whole)) for stage, title in STAGE_TITLES.items()]


def _item(entry: Failing) -> dict[str, Any]:
    ask = entry.item.ask[language()]
    return {
        **_bar(f"{entry.item.id} {ask}", entry.share),
        "item": entry.item.id,
        "ask": ask,
        "set": entry.set,
        "href": url_for("workflow.checklist", key=entry.checklist, _anchor=entry.item.id),
    }


def _bar(label: str, share: Share) -> dict[str, Any]:
    said = say(N_("%(part)s of %(whole)s"), part=share.numerator, whole=share.denominator)
    percent = share_percent(share)
    text = f"{said} ({percent})" if share.denominator else said
    return {
        "label": label,
        "part": share.numerator,
        "whole": share.denominator,
        "text": text,
        "percent": percent,
    }
