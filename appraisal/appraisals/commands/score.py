"""The command ``score`` computes verdicts and recommendation from a file of answers, without a database."""

import json
from pathlib import Path

import click

from appraisal.appraisals.rules.answers_file import read_answers
from appraisal.appraisals.rules.scoring import Scoring, mean_shown, summary
from appraisal.appraisals.rules.scoring import score as score_answers
from appraisal.definitions.library import read_set
from appraisal.errors import FaultyInput
from appraisal.paths import folder
from appraisal.workflow.rules.guards import names


@click.command()
@click.argument("answers", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--checklists", type=click.Path(path_type=Path), help="Folder of checklists and one set.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def score(answers: str, checklists: Path | None, as_json: bool) -> None:
    """Score a JSON file of ANSWERS; “-” reads standard input.

    The file holds "ratings" by item and, if wanted, "comments" by item, "budget_usd" (a string),
    "learning_component" (true or false) and "provider" of the training. Exits 0 with a
    recommendation, 1 when something is missing or not allowed, 2 when the file is malformed.
    """
    try:
        library, chosen = read_set(checklists or folder("checklists"), names())
        with click.open_file(answers, "rb") as file:
            given = read_answers(file.read(), "<stdin>" if answers == "-" else answers)
    except FaultyInput as error:
        for fault in error.faults:
            click.echo(fault, err=True)
        raise SystemExit(2) from None
    found = score_answers(chosen, library.criteria(chosen.key), given)
    click.echo(json.dumps(summary(found), indent=2, ensure_ascii=False) if as_json else _table(found))
    raise SystemExit(0 if found.is_complete else 1)


def _table(found: Scoring) -> str:
    assessment, chosen = found.assessment, found.chosen
    value = summary(found)
    width = max((len(criterion.checklist.title.en) for criterion in found.criteria), default=0)
    lines = [f"{chosen.title.en} ({chosen.key})", ""]
    for criterion in found.criteria:
        checklist = criterion.checklist
        code = assessment.verdicts[checklist.code]
        verdict = chosen.verdict(code).title.en if code else "–"
        mean = mean_shown(assessment.scores[checklist.code]) if "scores" in value else None
        figure = f"  {mean['displayed']}" if mean else ""
        lines.append(f"  {checklist.code:<5}  {checklist.title.en:<{width}}  {verdict}{figure}")
    given = assessment.recommendation
    words = f"{chosen.recommendation(given).title.en} ({given})" if given else "none yet"
    lines += ["", f"Recommendation: {words}"]
    lines += _section("Conditions", [f"{entry['item']}  {entry['ask']}" for entry in value["conditions"]])
    lines += _section("Problems", [entry["message"] for entry in value["problems"]])
    lines += _section("Ignored, since the criterion does not apply", [", ".join(found.ignored)])
    return "\n".join(lines)


def _section(title: str, entries: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {entry}" for entry in entries)] if any(entries) else []
