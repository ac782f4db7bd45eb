"""Records of what was done for somebody: both names are printed, in every place and language."""

from dataclasses import replace

import pytest

from appraisal.language.texts import LANGUAGES, Language, say
from appraisal.proposals.facts import Decision
from appraisal.records.rules import value as records_value
from tests.printing.readers import pages_of, solid
from tests.printing.samples import Print, Sample, Value, at, read_back

# Each record is drawn: seconds of the processor.
pytestmark = pytest.mark.thorough

SIGNED = "%(name)s, for %(other)s"


def for_the_lead(sample: Sample) -> Value:
    """Return the record of an appraisal that Erik closed for Carlos, after rating two items."""
    ratings = {
        item: replace(given, by=5 if item in ("TRI-4", "CAP-6") else 3)
        for item, given in sample.appraisal.ratings.items()
    }
    appraisal = replace(sample.appraisal, ratings=ratings)
    *before, last = sample.case.steps
    case = replace(
        sample.case,
        appraisals=(appraisal,),
        steps=(*before, replace(last, by=5, behalf=3)),
        relations={**sample.case.relations, "lead": frozenset({3, 5})},
    )
    return read_back(records_value.appraisal_record(case, sample.book, appraisal, at(17)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_appraisal_record_prints_who_acted_for_the_lead(
    sample: Sample, printed: Print, language: Language
) -> None:
    value = for_the_lead(sample)
    pages = pages_of(printed(value, language))
    signed = solid(say(language, SIGNED, name="Erik Olsen", other="Carlos Núñez"))
    # On the stamp of the cover, and at the step.
    assert signed in pages[0]
    assert "".join(pages).count(signed) >= 2
    rated = say(
        language,
        "%(name)s rated for %(other)s: %(items)s.",
        name="Erik Olsen",
        other="Carlos Núñez",
        items="TRI-4, CAP-6",
    )
    assert solid(rated) in "".join(pages)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_signatures_are_printed_with_whom_they_were_given_for(
    sample: Sample, printed: Print, language: Language
) -> None:
    first = Decision(1, "propose_override", at(20), 5, 1, 1, "The donor cannot wait.", behalf=2)
    second = Decision(2, "countersign", at(22), 4, 1, 1, approved_at=at(22), behalf=1)
    pages = pages_of(printed(sample.sheet(first, second), language))
    for name, other in (("Erik Olsen", "Béatrice Lemaire"), ("Dagmar Łoś", "Amara Okonkwo")):
        assert solid(say(language, SIGNED, name=name, other=other)) in "".join(pages)
    assert solid(say(language, SIGNED, name="Dagmar Łoś", other="Amara Okonkwo")) in pages[0]


def test_what_was_done_in_the_own_name_names_nobody_else(sample: Sample, printed: Print) -> None:
    for value in (sample.record(), sample.approval()):
        assert solid(", for ") + "Carlos" not in "".join(pages_of(printed(value, "en")))
        assert "ratedfor" not in "".join(pages_of(printed(value, "en")))


def test_records_from_before_there_were_substitutes_still_print(sample: Sample, printed: Print) -> None:
    def older(value: Value) -> Value:
        kept = {key: entry for key, entry in value.items() if key != "for"}
        for name in ("rated_for_lead", "by") if "lead" in value else ():
            kept.pop(name, None)
        return kept

    value = sample.approval()
    old = {**value, "decision": older(value["decision"]), "appraisal": older(value["appraisal"])}
    old["steps"] = [older(step) for step in value["steps"]]
    assert solid("Dagmar Łoś") in "".join(pages_of(printed(old, "en")))
    record = sample.record()
    old = {**record, "appraisal": older(record["appraisal"]), "steps": [older(s) for s in record["steps"]]}
    assert solid("Carlos Núñez") in pages_of(printed(old, "en"))[0]
