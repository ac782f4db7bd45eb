"""Drafts: what of somebody else's activity a draft keeps, what is named as lost, and what is refused."""

import pytest

from appraisal.iati.rules import drafts
from appraisal.iati.rules.drafts import Intake, Remark
from tests.iati.activities import budget, element, read, wrapped

FINLAND = '<participating-org role="1" type="10"><narrative>Finland</narrative></participating-org>'
NORWAY = '<participating-org role="1"><narrative>Norway</narrative></participating-org>'


def only(*parts: str, **given: str) -> Intake:
    (found,) = read(wrapped(element(*parts, **given)), "TC-2009-0001")
    return found


def identification(found: Intake) -> dict[str, object]:
    return dict(found.content["identification"])


def said(found: Intake) -> list[tuple[str, str, int]]:
    return [(entry.path, entry.sentence % dict(entry.facts), entry.count) for entry in found.remarks]


def faults(found: Intake) -> list[tuple[str, str, str]]:
    assert found.content == {}
    return [(entry.activity, entry.path, entry.sentence % dict(entry.facts)) for entry in found.wrong]


def test_a_foreign_activity_becomes_the_beginning_of_a_form() -> None:
    found = only(
        '<reporting-org ref="XM-DAC-18-1" type="10"><narrative>A ministry</narrative></reporting-org>',
        '<description type="1"><narrative>First.</narrative></description>',
        "<description><narrative>Second.</narrative></description>",
        '<description type="2"><narrative>Jobs</narrative></description>',
        '<description type="3"><narrative>Young people</narrative></description>',
        FINLAND,
        '<participating-org role="4"><narrative>Somebody</narrative></participating-org>',
        '<other-identifier type="A1" ref="ZAM/13/01/FIN"/>',
        '<activity-status code="2"/>',
        '<activity-date type="3" iso-date="2012-06-30Z"/>',
        '<recipient-country code="zm"/>',
        '<sector vocabulary="1" code="16020"/>',
        '<policy-marker vocabulary="1" code="1" significance="2"/>',
        budget("1000.50"),
        budget("2000", "2011-01-01", "2011-12-31", type="1"),
        *["<transaction/>"] * 3,
    )
    assert found.wrong == ()
    assert found.source == "IATI XM-DAC-1-1"
    assert found.content == {
        "identification": {
            "kind": "new",
            "title": "Decent work",
            "symbol": "ZAM/13/01/FIN",
            "countries": ["ZM"],
            "summary": "First.\n\nSecond.",
            "target_groups": "Young people",
            "start": "2010-07-01",
            "end": "2012-06-30",
            "contributions": [
                {
                    "donor": "Finland",
                    "private": "no",
                    "fund": "XBTC",
                    "modality": "direct",
                    "amount": "3000.50",
                    "currency": "USD",
                }
            ],
        },
        "results": {"development_objective": "Jobs"},
        "gender": {"marker": "2"},
    }
    no_place = "the form has no place for it"
    assert said(found) == sorted(
        [
            ("activity-status", no_place, 1),
            ("budget/period-start", no_place, 1),
            ("participating-org[1]", "filled in as “XBTC”, which the activity does not say", 1),
            ("participating-org[1]", "filled in as “direct”, which the activity does not say", 1),
            ("participating-org[4]", no_place, 1),
            ("reporting-org", no_place, 1),
            ("sector[1]", no_place, 1),
            ("transaction", no_place, 3),
        ],
        key=lambda entry: entry[0],
    )


def test_of_several_donors_nothing_is_shared_out() -> None:
    found = only(FINLAND, NORWAY, budget("1000"))
    assert "contributions" not in identification(found)
    assert said(found) == [
        ("budget", "there is not one donor alone to whom it would belong", 1),
        ("participating-org[1]", "no amount is named for “Finland” alone", 1),
        ("participating-org[1]", "no amount is named for “Norway” alone", 1),
    ]


def test_budgets_in_several_currencies_are_not_added_up() -> None:
    found = only(FINLAND, budget("1000"), budget("1000", "2011-01-01", "2011-12-31", currency="EUR"))
    assert "contributions" not in identification(found)
    assert ("budget", "the budgets are in several currencies", 2) in said(found)


def test_a_revised_budget_takes_the_place_of_the_original() -> None:
    found = only(FINLAND, budget("1000", type="1"), budget("700", type="2"))
    assert identification(found)["contributions"][0]["amount"] == "700"  # type: ignore[index]
    assert ("budget", "a revised budget takes its place", 1) in said(found)
    turned = only(FINLAND, budget("700", type="2"), budget("1000", type="1"))
    assert identification(turned)["contributions"] == identification(found)["contributions"]
    added = only(FINLAND, budget("1000"), budget("700"))
    assert identification(added)["contributions"][0]["amount"] == "1700"  # type: ignore[index]


@pytest.mark.parametrize(
    "budgets",
    [
        [("1", "100"), ("2", "120"), ("2", "150")],
        [("2", "120"), ("1", "100"), ("2", "150")],
        [("1", "100"), ("1", "50"), ("2", "150")],
        [("2", "120"), ("2", "150"), ("1", "100")],
    ],
)
def test_of_a_budget_that_was_revised_twice_the_last_one_holds(budgets: list[tuple[str, str]]) -> None:
    found = only(FINLAND, *(budget(value, type=kind) for kind, value in budgets))
    assert identification(found)["contributions"][0]["amount"] == "150"  # type: ignore[index]
    assert ("budget", "a revised budget takes its place", 2) in said(found)


def test_budgets_whose_days_overlap_are_named() -> None:
    longer = budget("300", "2010-10-01", "2011-12-31", type="2")
    found = only(FINLAND, budget("100", type="1"), longer)
    assert identification(found)["contributions"][0]["amount"] == "400"  # type: ignore[index]
    sentence = "its days overlap those of another budget; both are added up"
    assert ("budget", sentence, 1) in said(found)
    following = only(FINLAND, budget("100"), budget("300", "2011-01-01", "2011-12-31"))
    assert sentence not in {what for _, what, _ in said(following)}


@pytest.mark.parametrize(
    "text", ["1 000 000", "1,000,000", "1.000.000", "1'000", "€ 5", "1e9", "ten", "", "NaN", "٣"]
)
def test_an_amount_in_another_form_is_refused_by_name(text: str) -> None:
    fault = f"“{text}” is no amount: write figures with a decimal point, without spaces or commas"
    assert faults(only(FINLAND, budget(text))) == [("XM-DAC-1-1", "budget/value", fault)]


def test_an_amount_that_the_form_does_not_hold_is_refused_by_name() -> None:
    sentence = "Write an amount of 0 or more with at most two decimals"
    for text in ("1.234", "-5", "9" * 17):
        path = "identification.contributions-0-amount"
        assert faults(only(FINLAND, budget(text))) == [("XM-DAC-1-1", path, sentence)]


def test_an_amount_without_a_currency_is_refused_by_name() -> None:
    file = wrapped(element(FINLAND, budget("5")).replace(' default-currency="USD"', ""))
    (found,) = read(file)
    assert faults(found) == [("XM-DAC-1-1", "budget/value", "the amount has no currency")]


@pytest.mark.parametrize(
    "text", ["June 2010", "30/06/2010", "2010", "2010-02-30", "20100630", "2010-06-30T00:00:00", ""]
)
def test_a_date_in_another_form_is_refused_by_name(text: str) -> None:
    fault = f"“{text}” is no date: write year-month-day, like 2010-06-30"
    part = f'<activity-date type="1" iso-date="{text}"/>'
    assert faults(only(part, start="")) == [("XM-DAC-1-1", "activity-date/@iso-date", fault)]


def test_an_activity_without_a_start_is_refused_by_name() -> None:
    fault = "the activity has neither a planned nor an actual start date"
    end = '<activity-date type="3" iso-date="2012-06-30"/>'
    assert faults(only(end, start="")) == [("XM-DAC-1-1", "activity-date", fault)]


def test_an_actual_start_serves_where_none_is_planned() -> None:
    actual = '<activity-date type="2" iso-date="2010-08-01"/>'
    assert identification(only(actual, start=""))["start"] == "2010-08-01"
    both = only(actual)
    assert identification(both)["start"] == "2010-07-01"
    assert said(both) == [("activity-date[2]", "the form has no place for it", 1)]


def test_an_end_before_the_start_is_refused_by_name() -> None:
    end = '<activity-date type="3" iso-date="2009-06-30"/>'
    assert faults(only(end)) == [("XM-DAC-1-1", "identification.end", "The end lies before the start")]


def test_an_activity_without_identifier_or_title_is_refused() -> None:
    assert faults(only(identifier=" ", title=" ")) == [
        ("", "iati-identifier", "the activity has no identifier"),
        ("", "title", "the activity has no title"),
    ]


def test_what_is_too_long_is_refused_and_never_cut() -> None:
    fault = "At most 300 characters; this has 301"
    assert faults(only(title="x" * 301)) == [("XM-DAC-1-1", "identification.title", fault)]


def test_unknown_elements_namespaces_and_attributes_are_named_and_ignored() -> None:
    file = wrapped(
        element(
            '<x:y xmlns:x="urn:x"><title><narrative>Other</narrative></title></x:y>',
            '<title xmlns="urn:y"><narrative>Other</narrative></title>',
            "<oddity/>",
        ).replace("<iati-activity ", '<iati-activity humanitarian="1" hierarchy="1" ')
    )
    (found,) = read(file)
    assert identification(found)["title"] == "Decent work"
    no_place = "the form has no place for it"
    assert said(found) == [
        ("@humanitarian", no_place, 1),
        ("oddity", no_place, 1),
        ("{urn:x}y", no_place, 1),
        ("{urn:y}title", no_place, 1),
    ]


def test_a_narrative_is_taken_in_the_language_wanted_else_the_first() -> None:
    def title(*narratives: str) -> Intake:
        return read(wrapped(element().replace("<narrative>Decent work</narrative>", "".join(narratives), 1)))[
            0
        ]

    french, english = '<narrative xml:lang="fr">Travail</narrative>', "<narrative>Work</narrative>"
    both = title(french, english)
    assert identification(both)["title"] == "Work"
    assert said(both) == [("title/narrative[fr]", "a draft is written in one language", 1)]
    assert identification(title(french))["title"] == "Travail"


def test_other_codes_are_named_not_guessed() -> None:
    found = only(
        '<recipient-country code="XK"/>',
        '<recipient-country code="KE" percentage="40"/>',
        '<recipient-country code="UG" percentage="60"/>',
        '<recipient-region vocabulary="1" code="298"/>',
        '<policy-marker vocabulary="1" code="2" significance="1"/>',
        '<policy-marker vocabulary="1" code="1" significance="4"/>',
        '<related-activity type="4" ref="XM-DAC-41302-TC-2009-0001"/>',
        '<other-identifier type="A3" ref="XM-DAC-41302-TC-2009-0001"/>',
        '<other-identifier type="A3" ref="XM-DAC-41302-TC-2009-0002"/>',
        '<sector vocabulary="99" code="africa"/>',
        '<description type="4"><narrative>Other</narrative></description>',
    )
    assert identification(found)["countries"] == ["KE", "UG"]
    assert identification(found)["predecessor"] == "TC-2009-0001"
    no_place = "the form has no place for it"
    assert said(found) == [
        ("description[4]", no_place, 1),
        ("other-identifier[A3]", "no proposal here has that number", 1),
        ("policy-marker[1]", no_place, 1),
        ("policy-marker[2]", no_place, 1),
        ("recipient-country", "not a country code of ISO 3166: XK", 1),
        ("recipient-country/@percentage", no_place, 1),
        ("recipient-region", no_place, 1),
        ("related-activity[4]", no_place, 1),
        ("sector[99]", no_place, 1),
    ]


def test_what_is_said_of_one_activity_has_a_bound() -> None:
    found = only(*(f"<x{place}/>" for place in range(1000)))
    assert len(found.remarks) == drafts.MOST_REMARKS + 1
    assert sum(entry.count for entry in found.remarks) == 1000
    assert Remark("…", 1, "the form has no place for it", {}, 800) in found.remarks


def test_two_activities_of_one_identifier_or_symbol_are_refused_by_name() -> None:
    first = element('<other-identifier type="A1" ref="RAS/13/51M/JPN"/>', identifier="A-1")
    second = element('<other-identifier type="A1" ref="ras / 13/51m /jpn"/>', identifier="A-2")
    found = read(wrapped(first, "\n", second, "\n", element(identifier="A-1")))
    assert [
        (entry.line, entry.activity, entry.sentence % dict(entry.facts))
        for entry in drafts.clashes(found, set(), {})
    ] == [
        (2, "A-2", "“ras / 13/51m /jpn” is the symbol of the activity in line 1 as well"),
        (3, "A-1", "the same identifier as in line 1"),
    ]


def test_on_one_line_two_are_still_two() -> None:
    found = read(wrapped(element(), element()))
    assert [entry.sentence for entry in drafts.clashes(found, set(), {})] == [
        "the same identifier as in line %(line)s"
    ]


def test_what_is_here_already_is_refused_by_name() -> None:
    found = [only('<other-identifier type="A1" ref="ras/13/51m/jpn"/>')]
    wrong = list(drafts.clashes(found, {"XM-DAC-1-1"}, {"RAS/13/51M/JPN": "RAS/13/51M/JPN"}))
    assert [(entry.activity, entry.sentence % dict(entry.facts)) for entry in wrong] == [
        ("XM-DAC-1-1", "this activity is here already"),
        ("XM-DAC-1-1", "“ras/13/51m/jpn” is here already, as “RAS/13/51M/JPN”"),
    ]
