"""Files of records: a true record holds, and what is changed in one is found by what it contradicts."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.appraisals.rules.verdicts import assess
from appraisal.canonical import canonical
from appraisal.definitions.library import Library, read_library
from appraisal.paths import folder
from appraisal.printing.parts import deciding
from appraisal.printing.words import RecordWords
from appraisal.proposals.facts import Decision, RatingGiven, Step
from appraisal.proposals.rules.track_and_money import checklist_facts
from appraisal.schemas import departures
from appraisal.verification.rules import record_file
from appraisal.vocabulary.findings import Finding
from appraisal.workflow.rules.guards import names
from tests.printing.samples import Sample, Value, at, outcomes, sample_of

LIBRARY = read_library(folder("workflows"), folder("checklists"), names())
SAMPLE = sample_of(LIBRARY)
RECORD = SAMPLE.record()
APPROVAL = SAMPLE.sheet(
    Decision(1, "approve", at(22), 4, 1, 1, "Approved.", approved_at=at(22)),
    steps=(*SAMPLE.case.steps, Step(5, "approve", "approve", "awaiting_decision", "approved", at(22), 4)),
)
ITEMS = [item["id"] for entry in RECORD["appraisal"]["criteria"] for item in entry["items"]]


def found(value: Value, library: Library = LIBRARY) -> list[Finding]:
    return record_file.verify(canonical(value), library)


def failing(value: Value) -> set[str]:
    return {entry.check for entry in found(value) if entry.outcome == "fails"}


def changed(value: Value, change: Callable[[Value], object]) -> Value:
    copied = copy.deepcopy(value)
    change(copied)
    return copied


def _item(value: Value, id: str) -> dict[str, Any]:
    criteria = value["appraisal"]["criteria"]
    return next(item for entry in criteria for item in entry["items"] if item["id"] == id)


@pytest.mark.parametrize("value", [RECORD, APPROVAL], ids=["record", "approval"])
def test_a_true_record_holds_in_every_check(value: Value) -> None:
    assert failing(value) == set()
    assert {entry.check for entry in found(value)} == set(record_file.CHECKS)
    unchecked = {entry.check for entry in found(value) if entry.outcome == "unchecked"}
    assert unchecked == ({"route"} if value is RECORD else set())


def test_a_record_with_reviews_holds_but_for_what_its_reviewers_are_not_answered() -> None:
    sentences = [entry.say("en") for entry in found(SAMPLE.reviewed()) if entry.outcome == "fails"]
    assert sentences == []
    silent = changed(SAMPLE.reviewed(), lambda value: _item(value, "TRI-1").update(reason=""))
    [finding] = [entry for entry in found(silent) if entry.outcome == "fails"]
    assert finding.say("en") == "A reviewer rated otherwise, and no reason is given: TRI-1."
    assert len(outcomes(SAMPLE.appraisal)) > 1


@pytest.mark.thorough
@given(st.sampled_from(ITEMS), st.sampled_from(["1", "2", "3", "X"]))
def test_a_changed_rating_is_found_unless_nothing_that_is_said_depends_on_it(id: str, rating: str) -> None:
    before = _item(RECORD, id)["rating"]
    value = changed(RECORD, lambda value: _item(value, id).update(rating=rating))
    ratings = {
        item["id"]: RatingGiven(item["id"], item["rating"], item["comment"])
        for entry in value["appraisal"]["criteria"]
        for item in entry["items"]
    }
    book = SAMPLE.book
    criteria = book.criteria_for(SAMPLE.case.versions[0].threshold_usd)
    assessed = assess(book.set, criteria, ratings, checklist_facts(SAMPLE.case.content))
    said = {entry["code"]: entry["verdict"] for entry in RECORD["appraisal"]["criteria"]}
    written = {entry["item"] for entry in RECORD["appraisal"]["conditions"]}
    consistent = (
        not assessed.problems
        and dict(assessed.verdicts) == said
        and assessed.recommendation == RECORD["appraisal"]["computed"]
        and set(assessed.conditions) <= written
        # What EVAL's review says, its block says.
        and (not id.startswith("EVA") or rating == before)
    )
    assert bool(failing(value)) != consistent
    # Whatever follows from it or not, it is another record.
    same = record_file.digest_of(canonical(value)) == record_file.digest_of(canonical(RECORD))
    assert same == (rating == before)


def _block(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = value["appraisal"]["criteria"][-1]
    assert found["code"] == "EVA"
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda value: _block(value)["finalised_by"].update(person=None, signed_at=None),
        lambda value: value["appraisal"].update(reviews=[]),
        lambda value: value["appraisal"]["reviews"][0]["person"].update(unit="PARDEV"),
        lambda value: value["appraisal"]["reviews"][0].update(checklists=["TRI"]),
        lambda value: value["appraisal"]["reviews"][0]["ratings"].pop(),
        lambda value: value["appraisal"]["reviews"][0]["ratings"][0].update(rating="3"),
        lambda value: _block(value).pop("finalised_by"),
    ],
)
def test_a_block_that_no_review_of_its_unit_finalised_counts_for_nothing(
    change: Callable[[Value], object],
) -> None:
    found_wrong = failing(changed(APPROVAL, change))
    assert {"completeness", "verdicts"} <= found_wrong


def test_a_namesake_of_the_reviewer_finalised_no_block() -> None:
    """Two people of one unit and one name are two people: the block names one, the review the other."""
    value = changed(APPROVAL, lambda value: _block(value)["finalised_by"]["person"].update(id=77))
    assert {"completeness", "verdicts"} <= failing(value)


def _reviewed_by(id: int) -> Callable[[Value], None]:
    """Have somebody else be the reviewer who finalised the block."""

    def change(value: Value) -> None:
        for person in (value["appraisal"]["reviews"][0]["person"], _block(value)["finalised_by"]["person"]):
            person.update(id=id, name=SAMPLE.case.people[id].name)

    return change


def _conflicted(id: int, at: str) -> Callable[[Value], None]:
    """Have somebody have declared a conflict of interest when asked for a further review."""

    def change(value: Value) -> None:
        entry = copy.deepcopy(value["appraisal"]["reviews"][0])
        entry.update(declaration="declared", declared_at=at, declined=True, signed_at=None, ratings=[])
        entry["person"].update(id=id, name=SAMPLE.case.people[id].name)
        value["appraisal"]["reviews"].append(entry)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_reviewed_by(4), "took the step approve, and is whoever finalised a part of the appraisal as well."),
        (_reviewed_by(5), ""),
        (
            _conflicted(4, APPROVAL["appraisal"]["reviews"][0]["declared_at"]),
            "took the step approve, and is somebody with a declared conflict of interest as well.",
        ),
        (_conflicted(5, APPROVAL["appraisal"]["reviews"][0]["declared_at"]), ""),
        # Once it is decided, a conflict changes nothing.
        (_conflicted(4, APPROVAL["decision"]["at"]), ""),
    ],
)
def test_whoever_is_barred_by_a_review_decides_nothing(change: Callable[[Value], object], said: str) -> None:
    value = changed(APPROVAL, change)
    told = [
        entry.say("en") for entry in found(value) if (entry.check, entry.outcome) == ("separation", "fails")
    ]
    assert told == ([f"{SAMPLE.case.people[4].name} {said}"] if said else [])


@pytest.mark.parametrize(
    "change",
    [
        {"threshold_usd": "9400001.00"},
        {"threshold_usd": "400000.00"},
        {"track": "standard"},
        {"track": "none"},
        {"tracks": []},
    ],
)
def test_an_amount_or_a_track_that_does_not_follow_is_found(change: dict[str, Any]) -> None:
    wrong = failing(changed(RECORD, lambda value: value["proposal"].update(change)))
    assert wrong & {"proposal", "schema"}


def test_a_track_that_a_coordinator_made_stricter_holds() -> None:
    strictest = changed(RECORD, lambda value: value["proposal"].update(track="reinforced"))
    assert failing(strictest) == set()


def test_an_amount_above_which_a_criterion_applies_is_that_of_the_definition() -> None:
    value = changed(RECORD, lambda value: value["appraisal"]["thresholds"][0].update(above_usd="9000000"))
    assert failing(value) == {"wording"}


FIELDS = sorted(
    (section, field) for section, fields in RECORD["proposal"]["content"].items() for field in fields
)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "given", [5, True, None, "x", ["a", 3], [[]], {"a": 1}, [{"amount": "NaN", "fund": []}]]
)
def test_whatever_the_form_says_the_record_is_examined_and_drawn(given: Any) -> None:
    for section, key in FIELDS:
        change = {key: given}
        value = changed(RECORD, lambda value: value["proposal"]["content"][section].update(change))  # noqa: B023 - called before the next turn
        assert {entry.check for entry in found(value)} == set(record_file.CHECKS)
        deciding(value, RecordWords("en"))


@pytest.mark.thorough
@given(
    st.integers(0, len(RECORD["appraisal"]["criteria"]) - 1),
    st.sampled_from(["", "MET", "PARTLY_MET", "NOT_MET"]),
)
def test_a_changed_verdict_is_found(index: int, verdict: str) -> None:
    entry = RECORD["appraisal"]["criteria"][index]
    value = changed(RECORD, lambda value: value["appraisal"]["criteria"][index].update(verdict=verdict))
    assert ("verdicts" in failing(value)) == (verdict != entry["verdict"])


@given(
    st.sampled_from(["computed", "final"]), st.sampled_from(["READY", "REVISE", "NOT_RECOMMENDED", "ELSE"])
)
def test_a_changed_recommendation_is_found(key: str, code: str) -> None:
    assert "recommendation" in failing(
        changed(APPROVAL, lambda value: value["appraisal"].update({key: code}))
    )


@given(st.sampled_from(["", "override", "outside"]))
def test_a_changed_route_is_found(route: str) -> None:
    assert "route" in failing(changed(APPROVAL, lambda value: value["decision"].update(route=route)))
    value = changed(
        APPROVAL, lambda value: value["decision"].update(route="outside", route_reason="other_version")
    )
    assert "route" in failing(value)


def test_an_appraisal_that_ends_with_the_approval_or_later_gives_it_no_route() -> None:
    together = changed(
        APPROVAL, lambda value: value["decision"].update(approved_at=value["appraisal"]["finalised_at"])
    )
    assert "route" in failing(together)


def test_a_decision_may_be_about_a_later_version_than_the_appraisal() -> None:
    later = APPROVAL["appraisal"]["finalised_at"]
    value = changed(APPROVAL, lambda value: value["proposal"].update(submitted_at=later))
    assert "times" not in failing(value)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the moments of a record stand; of a silent unit there is none."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        if isinstance(entry, str) and (key == "at" or str(key).endswith("_at")):
            yield (*path, key)
        elif key != "content":
            yield from _places(entry, (*path, key))


@pytest.mark.thorough
@given(st.sampled_from(sorted(_places(APPROVAL), key=str)), st.sampled_from([2009, 2011]))
def test_a_moment_moved_beyond_the_others_is_found(path: tuple[Any, ...], year: int) -> None:
    def move(value: Any) -> None:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = f"{year}{value[path[-1]][4:]}"

    value = changed(APPROVAL, move)
    # Before everything a version may be submitted, and after everything a sheet be issued.
    possible = {("proposal", "submitted_at"): 2009, ("issued_at",): 2011, ("steps", 0, "at"): 2009}
    assert bool(failing(value) & {"times", "route", "verdicts"}) == (possible.get(path) != year)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda value: _item(value, "TRI-1")["ask"].update(en="Another question?"), "wording"),
        (lambda value: _item(value, "TRI-1").update(gating=False), "wording"),
        (lambda value: value["appraisal"]["rule"]["verdict"].update(not_met_from=9), "wording"),
        (lambda value: value["appraisal"].update(evaluability_required=False), "wording"),
        (lambda value: value["proposal"].update(threshold_usd="1.00"), "wording"),
        (lambda value: _item(value, "TRI-4").update(comment=" "), "completeness"),
        (lambda value: _item(value, "ALI-2").update(rating=""), "completeness"),
        (lambda value: value["appraisal"]["conditions"].pop(), "conditions"),
        (lambda value: value["appraisal"]["conditions"][0].update(owner=""), "conditions"),
        (lambda value: value["proposal"].update(title="Another"), "proposal"),
        (lambda value: value["proposal"]["contributions"][0].update(usd="1.00"), "proposal"),
        (lambda value: value["definitions"]["set"]["title"].update(fr="Autre"), "definitions"),
        (lambda value: value["steps"].pop(1), "steps"),
        (lambda value: value["steps"][1].update(name="wave_through"), "steps"),
        (lambda value: value["decision"]["by"].update(name="Carlos Núñez"), "steps"),
        (lambda value: value["proposal"]["authors"].append("Dagmar Łoś"), "separation"),
        (lambda value: value["proposal"].update(author_ids=[4]), "separation"),
        (lambda value: value["appraisal"]["lead"].update(id=4), "separation"),
        (lambda value: value["appraisal"]["lead"].update(name="Dagmar Łoś"), "separation"),
        (lambda value: value["appraisal"]["lead"].pop("id"), "separation"),
        (lambda value: value["proposal"].pop("author_ids"), "separation"),
        (lambda value: value["appraisal"]["conditions"][0].update(waived=True), "route"),
        (lambda value: value.update(appraisal_record=""), "route"),
        (lambda value: value["decision"].update(contradicts=True, kind="reject"), "steps"),
    ],
)
def test_what_contradicts_something_else_is_found(change: Callable[[Value], object], check: str) -> None:
    assert check in failing(changed(APPROVAL, change))


def _everywhere(value: Value, **changes: Any) -> None:
    """Say something else of the first condition, in the appraisal and in the decision."""
    for part in ("appraisal", "decision"):
        value[part]["conditions"][0].update(**copy.deepcopy(changes))


def _by(value: Value, person: Mapping[str, Any], at: str = "2010-02-17T10:00:00.000000Z") -> Value:
    return {"by": dict(person), "at": at, "text": "See minute 4."}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda value: value["decision"]["conditions"].pop(), "conditions"),
        (lambda value: value["decision"]["conditions"][0].update(text="Else."), "conditions"),
        (lambda value: _everywhere(value, waived=True), "conditions"),
        (lambda value: _everywhere(value, cleared_at=value["issued_at"]), "conditions"),
        (lambda value: _everywhere(value, waiver=_by(value, value["decision"]["by"])), "conditions"),
        (lambda value: _everywhere(value, cleared=_by(value, value["decision"]["by"])), "conditions"),
        (
            lambda value: _everywhere(
                value,
                cleared_at="2010-02-17T10:00:00.000000Z",
                cleared=_by(value, value["decision"]["by"]) | {"text": " "},
            ),
            "conditions",
        ),
        (
            lambda value: _everywhere(
                value,
                cleared_at="2010-02-17T10:00:00.000000Z",
                cleared=_by(
                    value, {**value["decision"]["by"], "id": 1, "name": value["proposal"]["authors"][0]}
                ),
            ),
            "separation",
        ),
        (
            lambda value: _everywhere(value, waived=True, waiver=_by(value, value["appraisal"]["lead"])),
            "separation",
        ),
        (
            lambda value: _everywhere(
                value, reported=_by(value, value["appraisal"]["lead"], "2010-02-03T10:00:00.000000Z")
            ),
            "times",
        ),
    ],
)
def test_what_became_of_conditions_is_compared(change: Callable[[Value], object], check: str) -> None:
    assert check in failing(changed(APPROVAL, change))


def test_a_condition_that_was_met_on_evidence_holds_and_one_of_an_older_record_too() -> None:
    coordinator = {"id": 2, "name": SAMPLE.case.people[2].name, "unit": "", "roles": []}
    at = "2010-02-17T10:00:00.000000Z"
    met = changed(
        APPROVAL, lambda value: _everywhere(value, cleared_at=at, cleared=_by(value, coordinator, at))
    )
    assert failing(met) == set()

    def forget(value: Value) -> None:
        for part in ("appraisal", "decision"):
            for entry in value[part]["conditions"]:
                for key in ("supersedes", "written", "reported", "cleared", "waiver"):
                    del entry[key]

    assert failing(changed(APPROVAL, forget)) == set()


NAMED = st.fixed_dictionaries({id: st.sampled_from(["Ana Pérez", "علي حسن"]) for id in SAMPLE.case.people})
APPROVING = (*SAMPLE.case.steps, Step(5, "approve", "approve", "awaiting_decision", "approved", at(22), 4))


def _approved_by(id: int, names: Mapping[int, str], behalf: int | None = None) -> Value:
    """Return the sheet of an approval by somebody, with people of such names."""
    people = {id: replace(person, name=names[id]) for id, person in SAMPLE.case.people.items()}
    steps = (*APPROVING[:-1], replace(APPROVING[-1], by=id, behalf=behalf))
    decision = Decision(1, "approve", at(22), id, 1, 1, "Approved.", approved_at=at(22), behalf=behalf)
    return SAMPLE.sheet(decision, steps=steps, people=people)


def _without_ids(value: Any) -> Any:
    """Return a record as it was made before people had ids in it."""
    if isinstance(value, dict):
        return {
            key: _without_ids(entry)
            for key, entry in value.items()
            if key != "author_ids" and not (key == "id" and "roles" in value)
        }
    return [_without_ids(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.thorough
@given(NAMED, st.sampled_from([1, 2, 3, 4, 5]), st.sampled_from([None, 1, 3, 5]))
def test_people_are_told_apart_by_who_they_are_whatever_their_names(
    names: Mapping[int, str], by: int, behalf: int | None
) -> None:
    value = _approved_by(by, names, behalf)
    # An author and the lead do not approve, themselves or through somebody else.
    barred = sorted(names[id] for id in (1, 3) if id in (by, behalf))
    wrong = [entry.facts["name"] for entry in found(value) if entry.outcome == "fails"]
    assert sorted(wrong) == barred
    assert failing(value) == ({"separation"} if barred else set())


@pytest.mark.thorough
@given(NAMED, st.sampled_from([1, 2, 3, 4, 5]))
def test_a_record_without_ids_says_where_it_cannot_tell_people_apart(
    names: Mapping[int, str], by: int
) -> None:
    value = _without_ids(_approved_by(by, names))
    [finding] = [entry for entry in found(value) if entry.check == "separation"]
    # Who assigns and who finalises is no author; who approves is neither an author nor the lead, nor has
    # finalised a block.
    shared = {names[id] for id in (2, 3) if names[id] == names[1]}
    shared |= {names[by]} & {names[1], names[3], names[14]}
    assert finding.outcome == ("unchecked" if shared else "holds")
    assert finding.facts.get("names") == (sorted(shared) or None)
    assert failing(value) == set()


def test_two_signatures_are_of_two_people_whatever_their_names() -> None:
    def countersigned(first: int, second: int) -> list[str]:
        people = {id: replace(person, name="Ana Pérez") for id, person in SAMPLE.case.people.items()}
        proposed = Decision(1, "propose_annulment", at(23), first, note="Wrong fund.")
        annulled = Decision(2, "annul", at(24), second, note="So it is.")
        value = SAMPLE.sheet(proposed, annulled, people=people)
        return [entry.say("en") for entry in found(value) if entry.check == "separation"]

    assert countersigned(4, 5) == ["As far as the record shows, nobody decided on what was their own."]
    assert countersigned(4, 4) == ["Ana Pérez gave both signatures."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": "TC-2009-0009"}, "It annuls a sheet of another proposal: TC-2009-0009."),
        ({"issued_at": "2010-02-25T09:00:00.000000Z"}, "the issue of the sheet that is annulled (2010-02-25"),
    ],
)
def test_an_annulment_names_an_earlier_sheet_of_its_own_proposal(change: dict[str, str], said: str) -> None:
    value = SAMPLE.annulment()
    assert value["decision"]["annuls"] == [
        {
            "number": value["number"],
            "kind": "approve",
            "digest": "a" * 64,
            "issued_at": "2010-02-22T09:00:00.000000Z",
        }
    ]
    before = {entry.say("en") for entry in found(value)}
    wrong = changed(value, lambda value: value["decision"]["annuls"][0].update(change))
    [told] = [entry for entry in found(wrong) if entry.outcome == "fails" and entry.say("en") not in before]
    assert said in told.say("en")


def test_nothing_but_an_annulment_annuls() -> None:
    named = SAMPLE.annulment()["decision"]["annuls"]
    value = changed(APPROVAL, lambda value: value["decision"].update(annuls=named))
    assert "The sheet names sheets that it annuls, but is no annulment." in {
        entry.say("en") for entry in found(value) if entry.outcome == "fails"
    }


def test_with_other_definitions_only_what_needs_none_is_checked() -> None:
    value = changed(APPROVAL, lambda value: value["definitions"]["digests"].update({"gender.v1": "0" * 64}))
    outcomes = {entry.check: entry for entry in found(value)}
    for check in (
        "definitions",
        "wording",
        "completeness",
        "verdicts",
        "recommendation",
        "conditions",
        "route",
    ):
        assert outcomes[check].outcome == "unchecked"
        assert "gender.v1" in outcomes[check].say("en")
    assert outcomes["times"].outcome == "holds"
    assert outcomes["separation"].outcome == "holds"


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
    ],
    ids=["empty", "list", "open", "no text", "deep list", "deep object", "long number"],
)
def test_what_is_no_json_object_is_named(record: bytes) -> None:
    assert [
        (entry.check, entry.outcome, entry.say("en")) for entry in record_file.verify(record, LIBRARY)
    ] == [("form", "fails", "The embedded record is not JSON.")]


@pytest.mark.parametrize(
    "record",
    [
        canonical(RECORD) + b"\n",
        json.dumps(RECORD).encode(),
        canonical(RECORD).replace(b'{"', b'{"number":"TC-0",'[:0] + b'{ "', 1),
        canonical(RECORD).replace(b'"illustrative":true', b'"illustrative":1.5'),
        canonical(RECORD).replace(b"Amara", b"\\ud800mara", 1),
        b'{"schema":"appraisal-record/1",' + canonical(RECORD)[1:],
    ],
    ids=["line end", "spaced", "blank", "fraction", "half a letter", "doubled key"],
)
def test_bytes_that_are_not_canonical_are_found(record: bytes) -> None:
    assert record_file.verify(record, LIBRARY)[0].outcome == "fails"


def _every_key(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield (*path, key)
            if key not in ("content", "digests", "of"):
                yield from _every_key(entry, (*path, key))
    elif isinstance(value, list) and value:
        yield from _every_key(value[0], (*path, 0))


KEYS = sorted(_every_key(APPROVAL), key=str)
# What records of earlier versions of the product do not say, or what is a mapping by code.
OPTIONAL = {
    "for",
    "silent_at",
    "released_at",
    "reviews",
    "rated_for_lead",
    "finalised_by",
    "reason",
    "supersedes",
    "by",
    "issuer",
    "author_ids",
    "written",
    "reported",
    "cleared",
    "waiver",
    "tracks",
    "thresholds",
    "withdrawn_at",
    "evidence",
}


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@pytest.mark.sampled(40)
@pytest.mark.parametrize("path", KEYS, ids=lambda path: ".".join(map(str, path)))
def test_schema_refuses_a_key_of_another_type_or_none(path: tuple[Any, ...]) -> None:
    by_code = any(str(part).endswith(("_titles", "_tones")) for part in path[:-1]) or "digests" in path[:-1]
    wrong = changed(APPROVAL, lambda value: _at(value, path[:-1]).update({path[-1]: 1.5}))
    assert departures(wrong)
    without = changed(APPROVAL, lambda value: _at(value, path[:-1]).pop(path[-1]))
    if (
        path[-1] not in OPTIONAL
        and not (path[-1] == "id" and "roles" in _at(APPROVAL, path[:-1]))
        and not (by_code and path[-1] not in ("en", "fr", "es"))
        and path != ("appraisal",)
    ) or (path[-1] == "evidence" and "items" in path):
        assert departures(without)


def test_schema_refuses_unknown_keys_and_says_where() -> None:
    value = changed(APPROVAL, lambda value: value["appraisal"]["lead"].update(nickname="C."))
    assert departures(value) == ["$.appraisal.lead: unknown nickname"]
    value = changed(APPROVAL, lambda value: value["appraisal"]["lead"].pop("name"))
    assert departures(value) == ["$.appraisal.lead: required name"]


def test_records_from_before_reviews_and_substitutes_keep_to_the_schema() -> None:
    def age(value: Value) -> None:
        for step in value["steps"]:
            del step["for"]
        for key in ("reviews", "rated_for_lead", "by", "for"):
            del value["appraisal"][key]
        for entry in value["appraisal"]["consultations"]:
            del entry["silent_at"], entry["released_at"]
        for entry in value["appraisal"]["criteria"]:
            entry.pop("finalised_by", None)
        del value["decision"]["for"], value["appraisal"]["thresholds"], value["proposal"]["tracks"]

    old = _without_ids(changed(APPROVAL, age))
    assert departures(old) == []
    assert failing(old) == set()


def test_sample_that_the_pages_are_drawn_from_keeps_to_the_schema(library: Library) -> None:
    sample: Sample = sample_of(library)
    for value in (
        sample.record(),
        sample.reviewed(),
        sample.revision(),
        sample.approval(),
        sample.annulment(),
    ):
        assert departures(value) == []


def test_findings_name_verdicts_recommendations_and_routes_as_the_reader_does() -> None:
    said = {entry.check: entry.say("fr") for entry in found(APPROVAL)}
    assert said["recommendation"] == (
        "La recommandation découle des verdicts\u00a0: calculée «\u00a0Prête sous conditions\u00a0», "
        "retenue «\u00a0Prête sous conditions\u00a0»."
    )
    assert said["route"] == (
        "La voie découle des faits\u00a0: mécanisme, sur la base d'une appréciation favorable."
    )
    value = changed(
        APPROVAL, lambda value: value["decision"].update(route="outside", route_reason="other_version")
    )
    [wrong] = [
        entry.say("es") for entry in found(value) if entry.outcome == "fails" and entry.check == "route"
    ]
    assert "fuera del mecanismo, " in wrong
    assert "other_version" not in wrong
    value = changed(RECORD, lambda value: value["appraisal"]["criteria"][0].update(verdict="NOT_MET"))
    [wrong] = [entry.say("en") for entry in found(value) if entry.check == "verdicts"]
    assert wrong == "ALI: the ratings give “Met”, but the record says “Not met”."
