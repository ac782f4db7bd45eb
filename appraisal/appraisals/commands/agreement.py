"""The command ``agreement`` tells how far reviewers agree on each item, over all proposals."""

from itertools import groupby
from typing import Any

import click

from appraisal.appraisals.rules import agreement as appraisals_agreement
from appraisal.appraisals.rules.agreement import Measured
from appraisal.appraisals.store.agreement import count_ratings
from appraisal.cli import site

REASONS = {
    "": "",
    "no_pairs": "not computable: nothing was rated by two people",
    "no_variation": "not computable: all ratings are the same",
}


@click.command()
@click.option("--lowest", is_flag=True, help="Lowest agreement first, instead of by checklist.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def agreement(lowest: bool, as_json: bool) -> None:
    """Print Krippendorff's alpha for each item: ordinal, *not relevant* as missing, appraisals as units.

    Signed reviews count, late ones too; those of a superseded appraisal do not. Each set of
    checklists stands by itself.
    """
    library = site.library()
    with site.opened(site.settings()) as (database, _), database.read() as db:
        counted = count_ratings(db)
    measured = appraisals_agreement.by_item(library, counted)
    value = {
        "illustrative": any(entry.illustrative for entry in counted),
        "sets": [
            {
                "set": key,
                "items": [
                    _item(entry) for entry in (appraisals_agreement.lowest_first(rows) if lowest else rows)
                ],
            }
            for key, rows in groupby(measured, key=lambda entry: entry.set.key)
        ],
    }
    if as_json:
        site.echo_json(value)
    else:
        _print(value)


def _item(entry: Measured) -> dict[str, Any]:
    found = entry.agreement
    return {
        "checklist": entry.checklist.code,
        "item": entry.item.id,
        "alpha": appraisals_agreement.displayed(found),
        "reason": found.reason,
        "appraisals": found.units,
        "pairs": found.pairs,
    }


def _print(value: dict[str, Any]) -> None:
    mark = "  ILLUSTRATIVE: reviews are invented" if value["illustrative"] else ""
    click.echo(f"Krippendorff's alpha by item, ordinal, with the appraisals and pairs behind it{mark}")
    if not value["sets"]:
        click.echo("No review is signed yet.")
    for entry in value["sets"]:
        click.echo(f"\n{entry['set']}")
        for item in entry["items"]:
            shown = f"{item['alpha'] or '–':>7}  {item['appraisals']:>5} {item['pairs']:>6}"
            click.echo(f"  {item['item']:<8}{shown}  {REASONS[item['reason']]}".rstrip())
