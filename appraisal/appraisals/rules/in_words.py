"""The rules by which verdicts and recommendation were computed are put into words here."""

from collections.abc import Mapping
from typing import Any

from appraisal.language.texts import N_
from appraisal.language.words import Words

Value = Mapping[str, Any]


def sentences(appraisal: Value, words: Words) -> dict[str, list[str]]:
    """Return the sentences of the verdict rule and of the recommendation rule in force for a record."""
    rule = appraisal["rule"]
    verdict, recommendation = rule["verdict"], rule["recommendation"]
    shared = [
        words.say(
            N_("At least %(share)s of the items of a criterion have to be rated."),
            share=words.percent(rule["rated_share"]),
        )
    ]
    return {
        "verdict": [*_VERDICTS[verdict["name"]](appraisal, verdict, words), *shared],
        "recommendation": [
            *_RECOMMENDATIONS[recommendation["name"]](appraisal, recommendation, words),
            words.say(
                N_("The lead appraiser may lower the computed recommendation with a reason, never raise it.")
            ),
        ],
    }


def _gate(appraisal: Value, rule: Value, words: Words) -> list[str]:
    low = _rating(appraisal, rule["low"], words)
    named = {name: _verdict(appraisal, rule[name], words) for name in ("not_met", "partly", "met")}
    return [
        words.say(
            N_(
                "“%(verdict)s”: a gating item is rated “%(low)s”, or %(count)s or more items of the criterion are."
            ),
            verdict=named["not_met"],
            low=low,
            count=rule["not_met_from"],
        ),
        words.say(N_("“%(verdict)s”: any other item is rated “%(low)s”."), verdict=named["partly"], low=low),
        words.say(N_("“%(verdict)s”: in every other case."), verdict=named["met"]),
        words.say(N_("A high rating never makes up for a low one.")),
    ]


def _lowest_rating(appraisal: Value, rule: Value, words: Words) -> list[str]:
    return [words.say(N_("The lowest rating given to an item of the criterion decides."))] + [
        words.say(
            N_("“%(verdict)s”: the lowest rating is “%(low)s”."),
            verdict=_verdict(appraisal, code, words),
            low=_rating(appraisal, value, words),
        )
        for value, code in rule["of"].items()
    ]


def _mean_of_ratings(appraisal: Value, rule: Value, words: Words) -> list[str]:
    lead = words.say(
        N_("The weighted mean of the ratings given decides; items that are not relevant are left out.")
    )
    return [lead, *_bands(rule, words, lambda code: _verdict(appraisal, code, words))]


def _clauses(appraisal: Value, rule: Value, words: Words) -> list[str]:
    found = [words.say(N_("The first line that holds is taken."))]
    for clause in rule["clauses"]:
        recommended = _recommendation(appraisal, clause["recommend"], words)
        if clause.get("verdict"):
            found.append(
                words.say(
                    N_("“%(recommendation)s”: criteria “%(verdict)s”: %(count)s or more."),
                    recommendation=recommended,
                    verdict=_verdict(appraisal, clause["verdict"], words),
                    count=clause["at_least"],
                )
            )
        else:
            found.append(
                words.say(N_("“%(recommendation)s”: in every other case."), recommendation=recommended)
            )
    return found


def _lowest_verdict(appraisal: Value, rule: Value, words: Words) -> list[str]:
    return [words.say(N_("The worst verdict decides."))] + [
        words.say(
            N_("“%(recommendation)s”: the worst verdict is “%(verdict)s”."),
            recommendation=_recommendation(appraisal, recommended, words),
            verdict=_verdict(appraisal, code, words),
        )
        for code, recommended in rule["of"].items()
    ]


def _mean_of_criteria(appraisal: Value, rule: Value, words: Words) -> list[str]:
    lead = words.say(N_("The weighted mean of the criteria decides."))
    return [lead, *_bands(rule, words, lambda code: _recommendation(appraisal, code, words))]


def _bands(rule: Value, words: Words, title: Any) -> list[str]:
    found = []
    for band in rule["bands"]:
        if band.get("at_least") is not None:
            message = N_("“%(band)s”: a mean of %(bound)s or more.")
        elif band.get("above") is not None:
            message = N_("“%(band)s”: a mean above %(bound)s.")
        else:
            message = N_("“%(band)s”: in every other case.")
        bound = band.get("at_least") if band.get("at_least") is not None else band.get("above")
        found.append(words.say(message, band=title(band["name"]), bound=words.number(bound)))
    return found


def _verdict(appraisal: Value, code: str, words: Words) -> str:
    return words.text(appraisal["verdict_titles"].get(code)) or code


def _recommendation(appraisal: Value, code: str, words: Words) -> str:
    return words.text(appraisal["recommendation_titles"].get(code)) or code


def _rating(appraisal: Value, value: str, words: Words) -> str:
    title = next((entry["title"] for entry in appraisal["scale"] if entry["value"] == value), None)
    return f"{value} {words.text(title)}".strip()


_VERDICTS = {"gate": _gate, "lowest": _lowest_rating, "weighted_mean": _mean_of_ratings}
_RECOMMENDATIONS = {"clauses": _clauses, "lowest": _lowest_verdict, "weighted_mean": _mean_of_criteria}
