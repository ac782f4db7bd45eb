"""Lessons: imported once, searched by words, country and theme, and matched with a proposal."""

import threading

import pytest

from appraisal.lessons.services import lessons, similar
from appraisal.lessons.services.lessons import BadLessons
from appraisal.lessons.store import lessons as stored
from appraisal.lessons.store.lessons import Filters
from appraisal.proposals.rules import form
from tests import casts
from tests.casts import Stage

LIST = """code,text,place,countries,theme,outcome,source
L1,Plan 100% of it ahead.,Ghana,GH,Égalité,Outcome 7,https://example.org/1
L2,Ask first.,South Asia,BD;IN NP,Design,,Report 5
L3,Fund it.,,,égalité,,Report 6
L4,Train_them.,,global,Training,,Report 7
"""


def import_list(stage: Stage, text: str = LIST, who: str = "desk") -> lessons.Imported:
    with stage.database.begin() as db:
        return lessons.import_lessons(db, stage.people[who], stage.now, text.encode(), "lessons.csv")


@pytest.mark.parametrize("who", ["ana", "lead", "chief", "auditor", "admin"])
def test_importing_is_a_coordinators_act(stage: Stage, who: str) -> None:
    assert casts.refusal(stage, lambda: import_list(stage, who=who)) == ("role_missing",)


def test_a_bad_line_takes_back_the_whole_list(stage: Stage) -> None:
    before = casts.contents(stage)
    with pytest.raises(BadLessons) as caught:
        import_list(stage, LIST + "L5,,,,,,\nL1,Twice.,,,,,Report\n")
    assert [(entry.line, entry.sentence) for entry in caught.value.wrong] == [
        (6, "“%(column)s” is empty"),
        (6, "“%(column)s” is empty"),
        (7, "the same code as in line %(line)s"),
    ]
    assert casts.contents(stage) == before


def test_an_import_that_brings_nothing_new_writes_nothing(stage: Stage) -> None:
    import_list(stage)
    before = casts.contents(stage)

    assert import_list(stage) == lessons.Imported((), 4)
    assert casts.contents(stage) == before


def test_two_who_import_the_same_list_at_once_keep_it_once(stage: Stage) -> None:
    done: list[lessons.Imported] = []
    workers = [threading.Thread(target=lambda: done.append(import_list(stage))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(entry.skipped for entry in done) == [0, 4]
    assert len(casts.contents(stage)["lessons"]) == 4


def test_more_than_a_file_may_hold_are_refused(lite: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "MOST_AT_ONCE", 3)
    with pytest.raises(BadLessons, match="more than 3 lessons in one file"):
        import_list(lite)


@pytest.mark.parametrize("row", ["L{},Plan.,,,,,Report\n", "L{},,,XX,,,\n"], ids=["good", "bad"])
def test_a_hundred_thousand_lines_are_refused_in_one_sentence(stage: Stage, row: str) -> None:
    text = LIST.partition("\n")[0] + "\n" + "".join(row.format(place) for place in range(100_000))
    before = casts.contents(stage)
    with pytest.raises(BadLessons) as caught:
        import_list(stage, text)
    assert [(entry.line, entry.facts) for entry in caught.value.wrong] == [(1, {"limit": 5000})]
    assert casts.contents(stage) == before


@pytest.mark.parametrize(
    ("filters", "codes"),
    [
        (Filters(), ["L4", "L3", "L2", "L1"]),
        (Filters("100%"), ["L1"]),
        (Filters("%"), ["L1"]),
        (Filters("train_"), ["L4"]),
        (Filters("ASIA ask"), ["L2"]),
        (Filters("report 6"), ["L3"]),
        (Filters(country="IN"), ["L2"]),
        (Filters(country="I"), []),
        (Filters(theme="Design"), ["L2"]),
        (Filters("plan", "GH", "Égalité"), ["L1"]),
        (Filters("plan", "BD"), []),
    ],
)
def test_lessons_are_searched(stage: Stage, filters: Filters, codes: list[str]) -> None:
    import_list(stage)
    with stage.database.read() as db:
        found, _ = stored.list_lessons(db, filters)
    assert [lesson.code for lesson in found] == codes


def test_pages_of_lessons_join(stage: Stage) -> None:
    import_list(stage)
    with stage.database.read() as db:
        first, onward = stored.list_lessons(db, most=3)
        rest, end = stored.list_lessons(db, after=onward, most=3)
        assert [lesson.code for lesson in (*first, *rest)] == ["L4", "L3", "L2", "L1"]
        assert end is None
        assert stored.list_themes(db) == ["Design", "Training", "Égalité", "égalité"]


def content(theme: str = "", outcome: str = "", *countries: str) -> form.Content:
    return {
        "identification": {"theme": theme, "countries": list(countries)},
        "alignment": {"outcome": outcome},
    }


@pytest.mark.parametrize(
    ("about", "found"),
    [
        (content("ÉGALITÉ"), [("L3", ("theme",)), ("L1", ("theme",))]),
        (
            content("ÉGALITÉ", "outcome  7", "GH"),
            [("L1", ("country", "theme", "outcome")), ("L3", ("theme",))],
        ),
        (content("", "", "NP", "XX"), [("L2", ("country",))]),
        (content("", "", "global"), []),
        (content(), []),
    ],
)
def test_lessons_about_the_same_thing_are_found(
    stage: Stage, about: form.Content, found: list[tuple[str, tuple[str, ...]]]
) -> None:
    import_list(stage)
    with stage.database.read() as db, casts.counted() as sent:
        matches = similar.find_lessons(db, about)
    assert [(match.key.code, match.shared) for match in matches] == found
    assert sum(statement.startswith("SELECT") for statement in sent) == 2
