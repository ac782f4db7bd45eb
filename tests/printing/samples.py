"""Samples are values of records, made by the rules of records themselves."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from appraisal import canonical
from appraisal.appraisals.rules import verdicts
from appraisal.definitions.library import Library
from appraisal.language.texts import Language
from appraisal.people.facts import Person
from appraisal.proposals.facts import (
    Appraisal,
    Case,
    Condition,
    Consultation,
    Decision,
    Document,
    RatingGiven,
    RequiredChange,
    Review,
    Step,
    Version,
)
from appraisal.proposals.rules import rulebook, track_and_money
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.records.rules import value as records_value
from appraisal.scenarios.complete_proposal import neutral_content

Value = dict[str, Any]
Print = Callable[[Value, Language], bytes]
TITLE = "Tripartite Action to Protect Migrants within and from the Greater Mekong Subregion (TRIANGLE)"
LOW = ("TRI-4", "CAP-6")


def at(day: int) -> datetime:
    """Return nine o'clock UTC of a day in February 2010."""
    return datetime(2010, 2, day, 9, tzinfo=UTC)


def read_back(value: Value) -> Value:
    """Return a value as it comes out of the database: parsed canonical JSON."""
    found: Value = json.loads(canonical.canonical(value))
    return found


@dataclass(frozen=True)
class Sample:
    """A case above US$5 million with a finished appraisal, two conditions, and one unit that kept silent."""

    book: Rulebook
    case: Case
    appraisal: Appraisal

    def record(self, **changes: Any) -> Value:
        """Return the value of the appraisal record; ``changes`` are of the appraisal."""
        appraisal = replace(self.appraisal, **changes)
        case = replace(self.case, appraisals=(appraisal,))
        return read_back(records_value.appraisal_record(case, self.book, appraisal, at(17)))

    def reviewed(self, more: int = 0) -> Value:
        """Return the record of an appraisal with a review of every outcome, and so many more like the first.

        TRI-1 differs from two of them with a reason, and from a late one; EVAL finalised its block.
        """
        entries = outcomes(self.appraisal) + [
            replace(outcomes(self.appraisal)[0], id=number, person=number)
            for number in range(100, 100 + more)
        ]
        ratings = dict(self.appraisal.ratings)
        ratings["TRI-1"] = replace(ratings["TRI-1"], reason="The minutes of the third meeting came later.")
        appraisal = replace(self.appraisal, ratings=ratings, reviews=tuple(entries))
        people = {
            entry.person: Person(entry.person, f"Reviewer {entry.person}", frozenset({"appraiser"}), unit="X")
            for entry in entries
        }
        case = replace(self.case, appraisals=(appraisal,), people={**people, **self.case.people})
        return read_back(records_value.appraisal_record(case, self.book, appraisal, at(17)))

    def revision(self) -> Value:
        """Return the record of a revision request that the lead chose with a reason."""
        changes = (RequiredChange(1, 1, 1, "TRI-4", "Give the committee its powers."),)
        appraisal = replace(
            self.appraisal, final="REVISE", reason="Both weak points weigh heavily here.", conditions=()
        )
        asked = Step(
            4, "request_revision", "request_revision", "under_appraisal", "revision_requested", at(17), 3
        )
        steps = (*self.case.steps[:-1], asked)
        case = replace(self.case, appraisals=(appraisal,), changes=changes, steps=steps)
        return read_back(records_value.appraisal_record(case, self.book, appraisal, at(17)))

    def sheet(self, *decisions: Decision, appraisal: Appraisal | None = None, **changes: Any) -> Value:
        """Return the value of the sheet of the last decision; ``changes`` are of the case."""
        relied_on = replace(appraisal or self.appraisal, record="e" * 64)
        case = replace(self.case, **{"appraisals": (relied_on,), "decisions": decisions, **changes})
        return read_back(records_value.decision_sheet(case, self.book, decisions[-1], at(22)))

    def annulment(self) -> Value:
        """Return the sheet of an annulment, which names the sheet of the approval."""
        approved = Decision(1, "approve", at(22), 4, 1, 1, "Approved.", approved_at=at(22), voided_at=at(24))
        proposed = Decision(2, "propose_annulment", at(23), 4, 1, 1, "Wrong fund.")
        annulled = Decision(3, "annul", at(24), 5, 1, 1, "So it is.")
        case = replace(
            self.case,
            appraisals=(replace(self.appraisal, record="e" * 64),),
            decisions=(approved, proposed, annulled),
        )
        sheets = (records_value.Issued("approve", "a" * 64, at(22)),)
        value = records_value.decision_sheet(case, self.book, annulled, at(24), annulled=sheets)
        return read_back(value)

    def approval(self) -> Value:
        """Return the sheet of a plain approval."""
        return self.sheet(Decision(1, "approve", at(22), 4, 1, 1, "Approved.", approved_at=at(22)))


def outcomes(appraisal: Appraisal) -> list[Review]:
    """Return a review for everything that can become of one, by people 11 to 19."""

    def review(person: int, unit: str, *codes: str, **changes: Any) -> Review:
        asked = Review(person, person, unit, codes or ("TRI",), at(2), date(2010, 2, 12))
        return replace(asked, **{"declaration": "nothing", "declared_at": at(3), **changes})

    high = {
        "TRI-1": RatingGiven("TRI-1", "3", "All three sides, twice.", "Minutes, p. 3"),
        "TRI-2": RatingGiven("TRI-2", "", "Nobody can say yet."),
    }
    low = {"TRI-1": RatingGiven("TRI-1", "1", "No workers at all.")}
    block = {item: given for item, given in appraisal.ratings.items() if item.startswith("EVA")}
    return [
        review(11, "NORMES", "TRI", "ILS", signed_at=at(10), comment="Sound on the whole.", ratings=high),
        review(12, "GENDER", signed_at=at(11), ratings=low),
        review(13, "SKILLS", signed_at=at(15), late=True, comment="Sorry.", ratings=low),
        review(14, "EVAL", "EVA", signed_at=at(9), ratings=block),
        review(15, "PROGRAM", declared_at=None, declaration="", silent_at=at(13), ratings=low),
        review(16, "ACTRAV", declined_at=at(4), reason="No time."),
        review(17, "ACT/EMP", declaration="declared", reason="My sister runs the project."),
        review(18, "SECTOR", due_on=date(2010, 2, 24), released_at=appraisal.finalised_at, ratings=low),
        review(19, "SECTOR", withdrawn_at=at(5)),
    ]


def sample_of(library: Library) -> Sample:
    """Build the sample on the newest definitions."""
    book = rulebook.rulebook(library, "", "")
    content = neutral_content(
        {
            "title": TITLE,
            "budget": "9400000",
            "donor": "Australia",
            "countries": ["KH", "VN"],
            "unit": "MIGRANT",
            "content": {"alignment": {"outcome": "Outcome 7"}},
            "summary": "Safer.",
        }
    )
    version = Version(
        1,
        1,
        content,
        (Document(1, "prodoc", "Project document (2).docx", "b" * 64, 1203400, at(1)),),
        track_and_money.contributions(content, (), date(2010, 2, 1)),
        Decimal("9400000.00"),
        Decimal("9400000.00"),
        "reinforced",
        "c" * 64,
        at(1),
        1,
    )
    criteria = book.criteria_for(version.threshold_usd)
    ratings = {
        item.id: RatingGiven(
            item.id, "1" if item.id in LOW else "2", "Too weak." if item.id in LOW else "", "p. 14"
        )
        for criterion in criteria
        for item in criterion.checklist.items
    }
    assessed = verdicts.assess(book.set, criteria, ratings, track_and_money.checklist_facts(content))
    assert assessed.recommendation is not None
    appraisal = Appraisal(
        1,
        1,
        1,
        3,
        at(2),
        ratings,
        (
            Condition(
                1,
                1,
                "TRI-4",
                "Give it power over the work plan.",
                "CO-Bangkok",
                date(2010, 4, 1),
                "before_donor",
                position=1,
                written_at=at(16),
                written_by=3,
            ),
            Condition(
                2,
                2,
                "CAP-6",
                "Name who pays afterwards.",
                "Manager",
                date(2010, 6, 1),
                "before_start",
                position=2,
                written_at=at(16),
                written_by=3,
            ),
        ),
        (
            Consultation(1, "ACT/EMP", at(2), date(2010, 2, 9), at(8), 3, "Include the agencies."),
            Consultation(2, "ACTRAV", at(2), date(2010, 2, 9), at(12), 3, "Strengthen output 3.", late=True),
            Consultation(3, "NORMES", at(2), date(2010, 2, 9)),
        ),
        finalised_at=at(17),
        computed=assessed.recommendation,
        final=assessed.recommendation,
        verdicts={code: verdict for code, verdict in assessed.verdicts.items() if verdict},
        covers_evaluability=True,
    )
    people = {
        1: Person(1, "Amara Okonkwo", frozenset({"designer"}), unit="CO-Lusaka"),
        2: Person(2, "Béatrice Lemaire", frozenset({"coordinator"}), unit="PARDEV"),
        3: Person(3, "Carlos Núñez", frozenset({"appraiser"}), unit="PARDEV"),
        4: Person(4, "Dagmar Łoś", frozenset({"manager"}), unit="PARDEV"),
        5: Person(5, "Erik Olsen", frozenset({"manager"}), unit="CABINET"),
        14: Person(14, "Reviewer 14", frozenset({"appraiser"}), unit="X"),
    }
    case = Case(
        1,
        "TC-2010-0001",
        book.workflow.key,
        book.set.key,
        True,
        "awaiting_decision",
        at(17),
        "native",
        at(1),
        content,
        4,
        4,
        "d" * 64,
        track="reinforced",
        versions=(version,),
        appraisals=(appraisal,),
        steps=(
            Step(2, "submit", "submit", "draft", "submitted", at(1), 1),
            Step(3, "assign", "assign", "submitted", "under_appraisal", at(2), 2),
            Step(4, "finalise", "finalise", "under_appraisal", "awaiting_decision", at(17), 3),
        ),
        relations={"author": frozenset({1}), "lead": frozenset({3})},
        people=people,
        illustrative=True,
    )
    # EVAL finalised its block, or nothing would rest on it.
    appraisal = replace(
        appraisal, reviews=tuple(entry for entry in outcomes(appraisal) if entry.unit == "EVAL")
    )
    return Sample(book, replace(case, appraisals=(appraisal,)), appraisal)
