"""Verdicts and recommendation of a record are computed again here from the ratings that it holds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from appraisal.appraisals.rules import responses
from appraisal.appraisals.rules.verdicts import Assessment, assess
from appraisal.canonical import plain
from appraisal.definitions.library import Criterion, Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import Workflow
from appraisal.errors import NotFound
from appraisal.language.texts import N_, Text
from appraisal.proposals.facts import RatingGiven
from appraisal.proposals.rules import rulebook, track_and_money
from appraisal.proposals.rules.rulebook import applicable
from appraisal.records.rules import value as records_value
from appraisal.records.rules.value import is_same
from appraisal.trail.rules.approvals import APPROVING_INSIDE
from appraisal.vocabulary.findings import Finding, Said, judged, unchecked
from appraisal.vocabulary.refusals import Refusal

Value = Mapping[str, Any]

NOT_KNOWN = N_("The definitions that the record names are not those of this installation: %(keys)s.")
NO_APPRAISAL = N_("The record holds no appraisal.")
_CHECKS = ("wording", "completeness", "verdicts", "recommendation", "conditions")


@dataclass(frozen=True, slots=True)
class Known:
    """The definitions that a record names, where this installation has the very same; else None."""

    workflow: Workflow | None
    set: ChecklistSet | None
    criteria: tuple[Criterion, ...] = ()
    differing: tuple[str, ...] = ()


def known_definitions(value: Value, library: Library) -> Known:
    """Find what this installation has of the definitions that a record names by key and digest."""
    named: Mapping[str, str] = value["definitions"]["digests"]
    differing = tuple(sorted(key for key, digest in named.items() if library.digests.get(key) != digest))
    workflow_key, set_key = value["definitions"]["workflow"]["key"], value["definitions"]["set"]["key"]
    try:
        book = rulebook.rulebook(library, workflow_key, set_key)
    except NotFound:
        return Known(None, None, (), differing or (workflow_key, set_key))
    unnamed = tuple(sorted(set(book.digests) - set(named)))
    ours = book.workflow.key in named and book.workflow.key not in differing
    same = not any(key in differing or key in unnamed for key in book.digests if key != book.workflow.key)
    return Known(
        book.workflow if ours else None,
        book.set if same else None,
        book.criteria if same else (),
        tuple(sorted({*differing, *unnamed})),
    )


def definitions_findings(value: Value, library: Library, known: Known) -> list[Finding]:
    """Say whether the record was made with the definitions of this installation, titles included."""
    if known.differing:
        return [unchecked("definitions", NOT_KNOWN, keys=known.differing)]
    named = value["definitions"]
    titled = [
        named[part]["key"]
        for part, entry in (("workflow", known.workflow), ("set", known.set))
        if entry is not None and named[part]["title"] != plain(entry.title.model_dump())
    ]
    problems = (
        [(N_("The title is not the one in the definition: %(keys)s."), {"keys": titled})] if titled else []
    )
    sentence = N_("The definitions named are those of this installation (%(count)s digests).")
    return judged("definitions", problems, sentence, count=len(named["digests"]))


def findings(value: Value, known: Known) -> list[Finding]:
    """Compute everything again that follows from the ratings."""
    appraisal = value.get("appraisal")
    if appraisal is None:
        return [unchecked(check, NO_APPRAISAL) for check in _CHECKS]
    chosen = known.set
    if chosen is None:
        return [unchecked(check, NOT_KNOWN, keys=known.differing) for check in _CHECKS]
    again = _Again(value, appraisal, chosen, known)
    assessed = again.assessment
    return [
        *judged("wording", again.wording(), N_("Questions, scale, weights and rules are worded as defined.")),
        *judged("completeness", again.open(), N_("Every item that has to be is rated and commented.")),
        *judged(
            "verdicts",
            again.verdicts(),
            N_("The %(count)s verdicts follow from the ratings."),
            count=len(assessed.verdicts),
        ),
        *judged(
            "recommendation",
            again.recommendation(),
            N_("The recommendation follows from the verdicts: computed “%(computed)s”, given “%(final)s”."),
            computed=again.title(appraisal["computed"]),
            final=again.title(appraisal["final"]),
        ),
        *judged(
            "conditions", again.conditions(), N_("Conditions and required changes are those that follow.")
        ),
    ]


def covers_evaluability(value: Value, known: Known) -> bool | None:
    """Tell whether every criterion that applies above a threshold was finished; None where nobody can say."""
    if "appraisal" not in value or known.set is None:
        return None
    given = {entry["code"]: entry["verdict"] for entry in value["appraisal"]["criteria"]}
    usd = _usd(value)
    wanted = {entry.checklist.code for entry in applicable(known.criteria, usd) if entry.member.applies}
    return all(given.get(code) for code in wanted)


def _usd(value: Value) -> Decimal | None:
    threshold = value["proposal"]["threshold_usd"]
    return None if threshold is None else Decimal(threshold)


class _Again:
    """One appraisal, computed again."""

    def __init__(self, value: Value, appraisal: Value, chosen: ChecklistSet, known: Known) -> None:
        self.appraisal = appraisal
        self.decided = value["decision"]["conditions"] if "decision" in value else None
        self.approves_nothing = "decision" in value and value["decision"]["kind"] not in APPROVING_INSIDE
        self.chosen = chosen
        self.usd = _usd(value)
        self.criteria = applicable(known.criteria, self.usd)
        self.all = known.criteria
        self.rows = {item["id"]: item for entry in appraisal["criteria"] for item in entry["items"]}
        unfinished = self._unfinished()
        # A block that its unit did not finalise counts as only proposed, whatever its rows say.
        self.ratings = {
            id: RatingGiven(id, item["rating"], item["comment"], item["evidence"], id in unfinished)
            for id, item in self.rows.items()
            if item["rating"]
        }
        self.facts = track_and_money.checklist_facts(value["proposal"]["content"])
        self.assessment = self._assess(self.criteria)

    def _unfinished(self) -> frozenset[str]:
        """Return the items of blocks that no signed review of their unit finalised, in this appraisal."""
        units = {
            entry.checklist.code: entry.member.finalised_by
            for entry in self.criteria
            if entry.member.finalised_by
        }
        return frozenset(
            item["id"]
            for entry in self.appraisal["criteria"]
            if entry["code"] in units and not self._is_finalised(entry, units[entry["code"]])
            for item in entry["items"]
        )

    def _is_finalised(self, entry: Value, unit: str) -> bool:
        """Tell whether the ratings of a checklist are those of a review that its unit signed."""
        said = entry.get("finalised_by")
        if said is None:
            # Records of the first versions of the product know no reviews: the lead rated every block.
            return "reviews" not in self.appraisal
        rated = {item["id"]: item["rating"] for item in entry["items"] if item["rating"]}
        return said["unit"] == unit and any(
            entry["code"] in review["checklists"]
            and review["person"]["unit"] == unit
            and review["signed_at"] is not None
            and review["signed_at"] == said["signed_at"]
            and is_same(review["person"], said["person"])
            and rated.items() <= {given["id"]: given["rating"] for given in review["ratings"]}.items()
            for review in self.appraisal.get("reviews", ())
        )

    def _assess(self, criteria: tuple[Criterion, ...]) -> Assessment:
        return assess(self.chosen, criteria, self.ratings, self.facts)

    @property
    def asks_revision(self) -> bool:
        return self._means(self.appraisal["final"]) == "revise"

    def _means(self, code: str) -> str:
        return next((entry.means for entry in self.chosen.recommendations if entry.code == code), "")

    def wording(self) -> Iterator[Said]:
        wanted = [_worded(criterion) for criterion in self.criteria]
        given = [
            {key: entry[key] for key in ("code", "key", "title", "weight")}
            | {
                "items": [
                    {key: item[key] for key in ("id", "ask", "gating", "source")} for item in entry["items"]
                ]
            }
            for entry in self.appraisal["criteria"]
        ]
        if [entry["code"] for entry in given] != [entry["code"] for entry in wanted]:
            yield (
                N_("The criteria are %(given)s; by the budget they should be %(wanted)s."),
                {"given": [entry["code"] for entry in given], "wanted": [entry["code"] for entry in wanted]},
            )
            return
        differing = [row["code"] for row, right in zip(given, wanted, strict=True) if row != right]
        if differing:
            yield N_("The questions are not worded as defined: %(codes)s."), {"codes": differing}
        # Records of earlier versions of the product do not name the amounts.
        parts = [
            key
            for key, right in self._rules().items()
            if (key in self.appraisal or key != "thresholds") and self.appraisal[key] != right
        ]
        if parts:
            yield N_("These parts differ from the definition: %(parts)s."), {"parts": parts}

    def _rules(self) -> Value:
        chosen = self.chosen
        found: Value = plain(
            {
                "scale": [
                    {"value": entry.value, "title": entry.title.model_dump(), "tone": entry.tone}
                    for entry in chosen.scale
                ],
                "rule": {
                    "verdict": chosen.verdict_rule.model_dump(mode="json"),
                    "recommendation": chosen.recommendation_rule.model_dump(mode="json"),
                    "rated_share": chosen.rated_share,
                },
                "verdict_titles": {entry.code: entry.title.model_dump() for entry in chosen.verdicts},
                "verdict_tones": {entry.code: entry.tone for entry in chosen.verdicts},
                "recommendation_titles": {
                    entry.code: entry.title.model_dump() for entry in chosen.recommendations
                },
                "recommendation_tones": {entry.code: entry.tone for entry in chosen.recommendations},
                "evaluability_required": len(self.criteria) > len(applicable(self.all, None)),
                "thresholds": records_value.thresholds(self.all),
            }
        )
        return found

    def open(self) -> Iterator[Said]:
        """Yield what is not rated as it has to be.

        A revision does not wait for the block of a unit, nor does a decision that approves nothing: siblings
        may have taken a proposal over the threshold since its appraisal was finalised.
        """
        for criterion in self.criteria:
            if criterion.member.applies is not None and (self.asks_revision or self.approves_nothing):
                continue
            problems = self.assessment.by_criterion[criterion.checklist.code]
            if problems:
                yield N_("Not rated as it has to be: %(items)s."), {"items": _items(problems)}
        unexplained = sorted(self._unexplained())
        if unexplained:
            yield N_("A reviewer rated otherwise, and no reason is given: %(items)s."), {"items": unexplained}

    def _unexplained(self) -> set[str]:
        closed = {
            item["id"]
            for entry in self.appraisal["criteria"]
            if "finalised_by" in entry
            for item in entry["items"]
        }
        return {
            given["id"]
            for review in responses.counting(self.appraisal)
            for given in review["ratings"]
            if given["id"] in self.rows and given["id"] not in closed
            # One who commented without rating differs from nothing.
            if given["rating"] not in ("", self.rows[given["id"]]["rating"])
            if not self.rows[given["id"]].get("reason", "").strip()
        }

    def verdicts(self) -> Iterator[Said]:
        titles = {entry.code: entry.title for entry in self.chosen.verdicts}
        for entry in self.appraisal["criteria"]:
            right = self.assessment.verdicts.get(entry["code"]) or ""
            if entry["verdict"] != right:
                yield (
                    N_("%(code)s: the ratings give “%(right)s”, but the record says “%(said)s”."),
                    {
                        "code": entry["code"],
                        "right": titles.get(right, "–"),
                        "said": titles.get(entry["verdict"], entry["verdict"] or "–"),
                    },
                )

    def title(self, code: str) -> Text | str:
        """Return a recommendation in words; one that the set does not know as its code."""
        titles = {entry.code: entry.title for entry in self.chosen.recommendations}
        return titles.get(code, code or "–")

    def computed(self) -> str:
        whole = self.assessment.recommendation
        return whole or self._assess(applicable(self.all, None)).recommendation or ""

    def recommendation(self) -> Iterator[Said]:
        computed, said, final = self.computed(), self.appraisal["computed"], self.appraisal["final"]
        if said != computed:
            yield (
                N_("The verdicts give “%(right)s”, but the record says “%(said)s” was computed."),
                {"right": self.title(computed), "said": self.title(said)},
            )
        if final == computed:
            return
        entries = {entry.code: entry for entry in self.chosen.recommendations}
        ladder = [entry.code for entry in self.chosen.ladder]
        if final not in entries or computed not in entries:
            yield N_("%(final)s is not a recommendation of the set."), {"final": final}
            return
        source = entries[final].chosen_from
        if source is not None and source != computed:
            yield (
                N_("“%(final)s” may not be chosen where “%(right)s” was computed."),
                {"final": self.title(final), "right": self.title(computed)},
            )
        elif source is None and ladder.index(final) < ladder.index(computed):
            yield (
                N_("“%(final)s” is better than the computed “%(right)s”."),
                {"final": self.title(final), "right": self.title(computed)},
            )
        if not self.appraisal["reason"].strip():
            yield N_("The recommendation departs from the computed one without a reason."), {}

    def conditions(self) -> Iterator[Said]:
        given, final = self.appraisal["conditions"], self._means(self.appraisal["final"])
        differs = self.appraisal["final"] != self.computed()
        if final == "conditional":
            missing = [
                item for item in self.assessment.conditions if item not in {row["item"] for row in given}
            ]
            if missing:
                yield N_("Conditions are missing for %(items)s."), {"items": missing}
            partial = [
                row["number"]
                for row in given
                if not (row["owner"] and row["due_on"] and row["gate"] and row["text"])
            ]
            if partial:
                yield N_("Conditions without text, owner, date or gate: %(numbers)s."), {"numbers": partial}
            if differs and not any(row["by_hand"] and row["item"] for row in given):
                yield N_("No condition says what the lowered recommendation asks for."), {}
        if final == "revise" and not self.appraisal["changes"]:
            yield N_("A revision is asked for, but no change."), {}
        numbers = [row["number"] for row in given]
        if len(set(numbers)) != len(numbers):
            yield N_("Two conditions carry the same number."), {}
        torn = [row["number"] for row in given if not _agrees(row)]
        if torn:
            yield (
                N_("What became of conditions is not said the same way twice, or on nothing: %(numbers)s."),
                {"numbers": torn},
            )
        if self.decided is not None and self.decided != given:
            yield N_("Appraisal and decision say different things of the conditions."), {}


def _agrees(row: Value) -> bool:
    """Tell whether the fields about the end of a condition agree; older records have fewer of them."""
    if "waiver" not in row or "cleared" not in row:
        return True
    waiver, cleared = row["waiver"], row["cleared"]
    ends = [entry for entry in (waiver, cleared) if entry is not None]
    return (
        row["waived"] == (waiver is not None)
        and row["cleared_at"] == (cleared and cleared["at"])
        and len(ends) < 2
        and all(entry.get("text", "").strip() for entry in ends)
    )


def _worded(criterion: Criterion) -> Value:
    found: Value = plain(
        {
            "code": criterion.checklist.code,
            "key": criterion.checklist.key,
            "title": criterion.checklist.title.model_dump(),
            "weight": criterion.member.weight,
            "items": [
                {"id": item.id, "ask": item.ask.model_dump(), "gating": item.gating, "source": item.source}
                for item in criterion.checklist.items
            ],
        }
    )
    return found


def _items(problems: Iterable[Refusal]) -> list[str]:
    named = (
        str(problem.facts["item"]) if "item" in problem.facts else problem.facts["criterion"]["en"]
        for problem in problems
    )
    return list(dict.fromkeys(named))
