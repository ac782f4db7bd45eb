"""Activities out of the database and into it: each state is valid, an import makes all drafts or none."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import event, select, update

from appraisal.database import tables
from appraisal.iati import services as iati_services
from appraisal.iati.services import BadActivities, Imported, Report
from appraisal.iati.xml import writing
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven
from appraisal.proposals.services import drafts
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.settings import Publisher
from appraisal.trail.store import site
from appraisal.workflow.services import outside_approvals
from tests import casts
from tests.casts import Stage
from tests.iati.activities import element, wrapped
from tests.iati.schemas import validated
from tests.tampering import unwatched

ILO = Publisher()


def export(stage: Stage, **given: Any) -> tuple[dict[str, etree._Element], Report]:
    """Export and validate; return the activities by the number of their proposals."""
    report = Report()
    with stage.database.read() as db:
        found = iati_services.exported(db, stage.library, ILO, "en", report, **given)
        file = b"".join(writing.pieces(found, ILO, stage.now))
    if not report.count:
        return {}, report
    root = validated(file)
    made = root.findall("iati-activity")
    numbers = [str(part.findtext("iati-identifier")).removeprefix("XM-DAC-41302-") for part in made]
    assert len(numbers) == report.count
    return dict(zip(numbers, made, strict=True)), report


def status(made: etree._Element) -> str | None:
    return made.find("activity-status").get("code")  # type: ignore[union-attr]


def take_in(stage: Stage, file: bytes, who: str = "ana", **given: Any) -> Imported:
    with stage.database.begin() as db:
        return iati_services.import_activities(
            db, stage.library, stage.people[who], stage.now, BytesIO(file), "x.xml", ILO, "en", **given
        )


def refused(stage: Stage, file: bytes) -> list[str]:
    """Import what must be refused; return what is said, after making sure that nothing was written."""
    before = casts.contents(stage)
    with pytest.raises(BadActivities) as caught:
        take_in(stage, file)
    assert casts.contents(stage) == before
    return [str(fault) for fault in caught.value.faults]


def _after(stage: Stage, number: str, *steps: tuple[str, str, dict[str, Any]]) -> str:
    for who, step, given in steps:
        casts.take(stage, who, number, step, **given)
    return number


def _incomplete(stage: Stage) -> str:
    return _after(stage, casts.submitted(stage), ("desk", "return_incomplete", {"missing": "A letter."}))


def _assigned(stage: Stage) -> str:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    return number


def _with_donor(stage: Stage) -> str:
    return _after(stage, casts.approved(stage), ("desk", "send_to_donor", {}))


def _not_funded(stage: Stage) -> str:
    answer = Agreement(stage.now.date(), "Letter 1")
    return _after(stage, _with_donor(stage), ("desk", "decline_funding", {"agreement": answer}))


def _lapsed(stage: Stage) -> str:
    number = _incomplete(stage)
    stage.wait(days=91)
    return _after(stage, number, ("system", "lapse", {}))


def _held(stage: Stage) -> str:
    until = stage.now.date().replace(month=12)
    return _after(stage, casts.submitted(stage), ("desk", "hold", {"until": until, "note": "Waiting."}))


def _annulled(stage: Stage) -> str:
    first, second = ("chief", "propose_annulment"), ("deputy", "annul")
    return _after(
        stage, casts.approved(stage), (*first, {"note": "A mistake."}), (*second, {"note": "Agreed."})
    )


STATES: dict[str, tuple[Callable[[Stage], str], str]] = {
    "submitted": (casts.submitted, "1"),
    "incomplete": (_incomplete, "1"),
    "under_appraisal": (_assigned, "1"),
    "revision_requested": (casts.revision, "1"),
    "awaiting_decision": (casts.awaiting, "1"),
    "on hold": (_held, "6"),
    "approved": (casts.approved, "1"),
    "override": (casts.overridden, "1"),
    "outside": (casts.outside, "1"),
    "undated": (lambda stage: casts.outside(stage, undated=True), "1"),
    "sent_to_donor": (_with_donor, "1"),
    "funded": (casts.funded, "2"),
    "started": (lambda stage: _after(stage, casts.funded(stage), ("desk", "start", {})), "2"),
    "not_funded": (_not_funded, "5"),
    "rejected": (
        lambda stage: _after(stage, casts.awaiting(stage), ("chief", "reject", {"note": "No."})),
        "5",
    ),
    "withdrawn": (
        lambda stage: _after(stage, casts.submitted(stage), ("ana", "withdraw", {"note": "No."})),
        "5",
    ),
    "annulled": (_annulled, "5"),
    "lapsed": (_lapsed, "5"),
}


@pytest.mark.thorough
def test_a_proposal_of_every_state_is_a_valid_activity(stage: Stage) -> None:
    numbers = {name: build(stage) for name, (build, _) in STATES.items()}
    states = {casts.load(stage, number).state for number in numbers.values()}
    # A void proposal was never one.
    assert states | {"draft", "void"} == set(stage.library.newest_workflow().states)
    found, report = export(stage)
    assert {name: status(found[number]) for name, number in numbers.items()} == {
        name: wanted for name, (_, wanted) in STATES.items()
    }
    assert (report.count, report.left_out, report.remarks) == (len(STATES), [], [])
    started = found[numbers["started"]]
    case = casts.load(stage, numbers["started"])
    assert {part.get("type"): part.get("iso-date") for part in started.findall("activity-date")} == {
        "1": "2010-07-01",
        "2": case.state_since.date().isoformat(),
        "3": "2012-06-30",
    }
    assert started.get("last-updated-datetime", "")[:19] == case.state_since.isoformat()[:19]


def test_a_draft_is_nobody_elses_business(lite: Stage) -> None:
    casts.draft(lite)
    withdrawn = casts.draft(lite)
    casts.take(lite, "ana", withdrawn, "withdraw", note="No.")
    assert export(lite) == ({}, Report())


def test_what_is_edited_since_the_submission_is_not_given_out(lite: Stage) -> None:
    number = casts.revision(lite, title="As submitted")
    casts.save(lite, number, "identification", title="Being rewritten")
    found, _ = export(lite)
    assert found[number].findtext("title/narrative") == "As submitted"


def test_several_donors_and_currencies_are_given_out_at_the_frozen_rate(lite: Stage) -> None:
    today = lite.now.date()
    casts.enter_rate(lite, "EUR", today, "0.75", "UN rates")
    rows = [
        {"donor": "Finland", "amount": "450000", "currency": "EUR"},
        {"donor": "A & B <Ltd>", "private": True, "amount": "300000.10", "currency": "USD"},
    ]
    given: dict[str, Any] = {"contributions": rows, "content": {"alignment": {"ppp_clearance": "PPP 1"}}}
    number = casts.draft(lite, attach=(*casts.ATTACHED, "ppp_clearance"), **given)
    casts.take(lite, "ana", number, "submit")
    lite.wait(days=30)
    casts.enter_rate(lite, "EUR", lite.now.date(), "2")
    made = export(lite)[0][number]
    donors = [part for part in made.findall("participating-org") if part.get("role") == "1"]
    assert [(part.findtext("narrative"), part.get("type")) for part in donors] == [
        ("Finland", None),
        ("A & B <Ltd>", "70"),
    ]
    contributions = [dict(part.attrib) for part in made.findall("{urn:appraisal:activity:1}contribution")]
    assert contributions[0] == {
        "donor": "Finland",
        "private": "no",
        "fund": "XBTC",
        "modality": "direct",
        "amount": "450000",
        "currency": "EUR",
        "usd": "600000.00",
        "rate": "0.75",
        "rate-on": today.isoformat(),
    }
    assert contributions[1]["usd"] == "300000.10"
    assert sum(Decimal(part.text or "") for part in made.iter("value")) == Decimal("900000.10")


def test_an_approval_that_was_only_registered_may_lack_what_is_mandatory(stage: Stage) -> None:
    with_rate = casts.outside(stage)
    without = casts.outside(stage, start="", summary="")
    euros = casts.outside(stage, budget={"amount": "100", "currency": "EUR"})
    found, report = export(stage)
    assert set(found) == {with_rate, euros}
    assert [(entry.number, entry.reasons) for entry in report.left_out] == [
        (without, ("there is no summary", "there is no planned start"))
    ]
    assert report.remarks == [(euros, "without a budget, since no US$ rate was frozen with it")]


def test_a_registered_budget_is_valued_on_the_day_of_its_approval(lite: Stage) -> None:
    casts.enter_rate(lite, "EUR", date(2006, 1, 1), "0.5")
    casts.enter_rate(lite, "EUR", date(2010, 1, 1), "0.8")
    at = datetime(2006, 12, 31, 23, 30, tzinfo=UTC)
    content = neutral_content({"budget": {"amount": "100", "currency": "EUR"}, "end": "2010-12-31"})
    with lite.database.begin() as db:
        approval = ApprovalGiven("Minute 12", "Registry", at)
        case = outside_approvals.register_outside(
            db, lite.library, lite.people["desk"], lite.now, content, approval
        )
    (found,) = export(lite)[0][case.number].findall("budget/value")
    assert (found.text, found.get("value-date")) == ("200.00", "2007-01-01")


def test_an_import_names_only_what_its_author_may_name(stage: Stage) -> None:
    umbrella = casts.draft(stage, attach=(), kind="umbrella")
    draft, listed = casts.draft(stage, attach=()), casts.submitted(stage)
    relatives = [
        '<related-activity type="1" ref="XM-DAC-41302-{}"/>',
        '<other-identifier type="A3" ref="XM-DAC-41302-{}"/>',
    ]
    named = {}
    for who in ("ana", "ben"):
        for place, number in enumerate((umbrella, draft, listed, "TC-1999-0001")):
            parts = [part.format(number) for part in relatives]
            imported = take_in(stage, wrapped(element(*parts, identifier=f"XM-DAC-1-{who}{place}")), who)
            fields = casts.load(stage, imported.numbers[0]).content["identification"]
            named[who, number] = (fields.get("parent"), fields.get("predecessor"))
    assert named == {
        ("ana", umbrella): (umbrella, umbrella),
        ("ana", draft): (None, draft),
        ("ana", listed): (None, listed),
        ("ana", "TC-1999-0001"): (None, None),
        ("ben", umbrella): (None, None),
        ("ben", draft): (None, None),
        ("ben", listed): (None, listed),
        ("ben", "TC-1999-0001"): (None, None),
    }


def test_an_umbrella_is_named_by_its_country_projects_and_stays_a_draft(stage: Stage) -> None:
    umbrella = casts.draft(stage, kind="umbrella")
    child = casts.submitted(stage, kind="child", parent=umbrella)
    lost = casts.submitted(stage, kind="child", parent=umbrella)
    with unwatched(stage.database) as db:
        # As it may stand from before numbers were checked.
        table = tables.proposals
        db.execute(update(table).where(table.c.number == lost).values(parent="TC-1999-0001"))
    found, _ = export(stage)
    assert set(found) == {child, lost}
    assert found[child].get("hierarchy") == "2"
    related = found[child].find("related-activity")
    assert related is not None
    assert dict(related.attrib) == {"type": "1", "ref": f"XM-DAC-41302-{umbrella}"}
    assert found[lost].find("related-activity") is None


def test_a_registered_umbrella_names_the_projects_below_it(lite: Stage) -> None:
    umbrella = casts.registered_umbrella(lite)
    child = casts.submitted(lite, kind="child", parent=umbrella)
    casts.draft(lite, kind="child", parent=umbrella)
    related = export(lite)[0][umbrella].findall("related-activity")
    assert [dict(part.attrib) for part in related] == [{"type": "2", "ref": f"XM-DAC-41302-{child}"}]


def test_a_biennium_is_that_of_the_approval_else_of_the_submission(stage: Stage) -> None:
    early = casts.submitted(stage)
    stage.now = stage.now.replace(year=2011, month=12, day=31, hour=22, minute=30)
    late = casts.submitted(stage)
    stage.now = stage.now.replace(hour=23, minute=30)
    # Half past midnight in Geneva.
    next_one = casts.submitted(stage)
    outside = casts.outside(stage)
    assert set(export(stage, biennium="2010-11")[0]) == {early, late}
    assert set(export(stage, biennium="2012-13")[0]) == {next_one, outside}
    assert set(export(stage)[0]) == {early, late, next_one, outside}
    assert export(stage, biennium="2008-09") == ({}, Report())


def test_demonstration_data_is_left_out_unless_asked_for(lite: Stage) -> None:
    with lite.database.begin() as db:
        number = drafts.create_proposal(
            db,
            lite.library,
            lite.people["ana"],
            lite.now,
            neutral_content({"title": "Made up"}),
            illustrative=True,
        ).number
        for kind in casts.ATTACHED:
            drafts.attach_document(
                db, lite.library, lite.files, lite.people["ana"], lite.now, number, kind, "x.pdf", casts.PDF
            )
    casts.take(lite, "ana", number, "submit")
    assert export(lite) == ({}, Report(illustrative=1))
    found, report = export(lite, illustrative=True)
    assert found[number].findtext("title/narrative") == "ILLUSTRATIVE, invented for demonstration: Made up"
    assert (report.count, report.illustrative) == (1, 0)


def test_narratives_are_in_the_language_that_is_plain_to_see(lite: Stage) -> None:
    summary = "Le projet aide les jeunes et les femmes dans les zones rurales du pays."
    number = casts.submitted(lite, summary=summary)
    made = export(lite)[0][number]
    assert made.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"


def test_an_export_takes_the_same_statements_for_many(lite: Stage) -> None:
    def statements() -> int:
        count = 0

        def add(*_: object) -> None:
            nonlocal count
            count += 1

        with lite.database.read() as db:
            event.listen(db, "before_cursor_execute", add)
            for _ in iati_services.exported(db, lite.library, ILO, "en", Report()):
                pass
        return count

    casts.submitted(lite)
    one = statements()
    for _ in range(3):
        casts.submitted(lite)
    assert statements() == one


def test_an_import_makes_a_draft_of_every_activity(stage: Stage) -> None:
    file = wrapped(
        element('<other-identifier type="A1" ref="RAS/13/51M/JPN"/>', identifier="A-1", title="One"),
        element("<transaction/>", identifier="A-2", title="Two"),
        "<oddity/>",
        '<x xmlns="urn:x"/>',
    )
    done = take_in(stage, file)
    assert done.numbers == ("TC-2010-0001", "TC-2010-0002")
    assert done.preview is not None
    assert [(entry.path, entry.sentence) for entry in done.preview.remarks] == [
        ("oddity", "not an activity"),
        ("{urn:x}x", "not an activity"),
    ]
    for number, title, source in zip(done.numbers, ("One", "Two"), ("IATI A-1", "IATI A-2"), strict=True):
        case = casts.load(stage, number)
        assert case.content["identification"]["title"] == title
        assert (case.state, case.source, case.illustrative) == ("draft", source, False)
        assert case.related("author") == {stage.people["ana"].id}
    with stage.database.read() as db:
        assert '"import_activities"' in site.chain(db)[-1].body


def test_what_is_here_already_is_refused_by_name_in_any_spelling(stage: Stage) -> None:
    number = casts.draft(stage, symbol="RAS/13/51M/JPN")
    take_in(stage, wrapped(element(identifier="A-1")))
    file = wrapped(
        element('<other-identifier type="A1" ref="ras / 13/51m /jpn"/>', identifier="A-2"),
        "\n",
        element(identifier="A-1"),
        "\n",
        element(identifier=f"XM-DAC-41302-{number}"),
        "\n",
        element('<other-identifier type="A1" ref="RAS/13/52M/JPN"/>', identifier="A-3"),
    )
    assert refused(stage, file) == [
        "x.xml:1: A-2, other-identifier: “ras / 13/51m /jpn” is here already, as “RAS/13/51M/JPN”",
        "x.xml:2: A-1, iati-identifier: this activity is here already",
        f"x.xml:3: XM-DAC-41302-{number}, iati-identifier: this activity is here already",
    ]


def test_one_bad_activity_keeps_all_out_and_every_fault_is_named(stage: Stage) -> None:
    file = wrapped(
        element(identifier="A-1"),
        "\n",
        element(identifier="A-2", start=""),
        "\n",
        element(title="", start="soon"),
    )
    assert refused(stage, file) == [
        "x.xml:2: A-2, activity-date: the activity has neither a planned nor an actual start date",
        "x.xml:3: XM-DAC-1-1, activity-date/@iso-date: “soon” is no date: write year-month-day, like 2010-06-30",
        "x.xml:3: XM-DAC-1-1, title: the activity has no title",
    ]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (wrapped(), "x.xml:1: there is no activity in this file"),
        (wrapped("<oddity/>"), "x.xml:1: there is no activity in this file"),
        (wrapped(*["<iati-activity/>"] * 600), ""),
        (
            wrapped(*(element(identifier=f"A-{place}") for place in range(1001))),
            "x.xml:1: more than 1000 activities in one file",
        ),
        (wrapped(element())[:-9], "x.xml:1: the file is no XML, or not whole: "),
    ],
)
def test_what_is_no_file_of_activities_is_refused(lite: Stage, file: bytes, said: str) -> None:
    faults = refused(lite, file)
    assert faults[0].startswith(said)
    assert len(faults) <= 1000


@pytest.mark.parametrize("who", ["desk", "lead", "chief", "auditor", "admin"])
def test_only_those_who_may_begin_a_proposal_import(lite: Stage, who: str) -> None:
    assert casts.refusal(lite, lambda: take_in(lite, wrapped(element()), who)) == ("role_missing",)


def test_a_request_sent_twice_acts_once(stage: Stage) -> None:
    file = wrapped(element(identifier="A-1"), element(identifier="A-2"))
    take_in(stage, file, request="0123456789abcdef")
    before = casts.contents(stage)
    assert take_in(stage, file, request="0123456789abcdef") == Imported(("TC-2010-0001",), None)
    assert casts.contents(stage) == before


def test_demonstration_data_stays_demonstration_data(lite: Stage) -> None:
    root = wrapped(
        element(title="ILLUSTRATIVE, invented for demonstration: Made up").replace(
            "<iati-activity ", '<iati-activity xmlns:a="urn:appraisal:activity:1" a:illustrative="yes" '
        )
    )
    (number,) = take_in(lite, root).numbers
    case = casts.load(lite, number)
    assert (case.illustrative, case.content["identification"]["title"]) == (True, "Made up")


def test_nothing_of_an_import_is_written_before_all_of_it_is_read(lite: Stage) -> None:
    refused(lite, wrapped(*(element(identifier=f"A-{place}") for place in range(50)))[:-5])
    with lite.database.read() as db:
        assert db.execute(select(tables.proposals.c.id)).all() == []
