"""Released definitions: what pinned them moves by them alone, and the site says since when they hold."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from appraisal import clock
from appraisal.app.commands.db import findings
from appraisal.app.daily import tick
from appraisal.clock import geneva_date
from appraisal.database import tables
from appraisal.database.engine import Database
from appraisal.definitions.documents import read_document
from appraisal.definitions.library import Library, read_library
from appraisal.definitions.releases import LOCK, read_lock, seal_of
from appraisal.errors import Fault
from appraisal.indicators.services import appraised_share
from appraisal.paths import folder
from appraisal.trail.store import site
from appraisal.verification.services import database as verification_database
from appraisal.verification.services import releases
from appraisal.verification.services.releases import InForce
from appraisal.vocabulary.refusals import NotAllowed
from appraisal.workflow.rules.guards import names
from tests import casts
from tests.casts import Stage
from tests.tampering import by_hand

ROOT: Final = Path(__file__).parents[3]
FILES: Final = sorted(file for name in ("workflows", "checklists") for file in folder(name).glob("*.yaml"))
PINNED: Final = (
    "standard.v1",
    "appraisal.v1",
    "alignment.v1",
    "tripartism.v1",
    "standards.v1",
    "gender.v1",
    "turin_centre.v1",
    "capacity.v1",
    "results.v1",
    "evaluability.v1",
)
PROPOSALS: Final = tables.proposals


def edited(library: Library, key: str) -> Library:
    """Return a library in which the file of a key was edited after its release."""
    fault = Fault(f"/srv/{key}.yaml", 7, f"‘{key}’ is released and may not change")
    return replace(library, edited={key: fault}, digests={**library.digests, key: "0" * 64})


def test_all_that_ships_is_locked_as_it_is_and_the_change_log_names_it(library: Library) -> None:
    assert library.released == library.digests
    assert (library.edited, library.drafts) == ({}, frozenset())
    named = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"- definitions {seal_of(library.released)}: " in named
    assert library.in_force().keys() == {*PINNED, "indicators.v1"}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return folders of the folders of definitions, which a test may change."""
    found = [shutil.copytree(folder(name), tmp_path / name) for name in ("workflows", "checklists")]
    return found[0], found[1]


def _sentences(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that hold a sentence on one line, with their numbers."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("en: ") and line.count(" ") - line.index("en:") > 3:
            yield number, line


@pytest.mark.sampled(1)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sentence_that_is_edited_anywhere_is_named_with_its_line(
    file: Path, folders: tuple[Path, Path]
) -> None:
    target = next(place / file.name for place in folders if (place / file.name).is_file())
    lines = file.read_text(encoding="utf-8").splitlines()
    sentences = list(_sentences(file))
    places = sorted(set(read_document(file).lines.items()), key=lambda entry: entry[1])
    # The last part that begins at or before a line is the one that holds it.
    for number, line in (sentences[0], sentences[len(sentences) // 2], sentences[-1]):
        head, _, rest = line.rpartition(" ")
        target.write_text(
            "\n".join([*lines[: number - 1], f"{head}  {rest}", *lines[number:]]) + "\n", "utf-8"
        )

        library = read_library(*folders, names())

        assert list(library.edited) == [file.stem]
        begins = max(at for path, at in places if len(path) <= 2 and at <= number)
        assert library.edited[file.stem].line == begins
        assert file.stem not in library.in_force()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_how_a_file_is_written_is_free(file: Path, folders: tuple[Path, Path]) -> None:
    target = next(place / file.name for place in folders if (place / file.name).is_file())
    lines = file.read_text(encoding="utf-8").splitlines()
    # Within a sentence that runs over several lines, even a space at the end of one is a space of it.
    spaced = [f"{line.replace(': ', ':   ', 1)}  # Why." if line[:1].isalpha() else line for line in lines]
    assert spaced != lines
    target.write_text("\n".join(["# A comment.", "", *spaced, "", ""]), "utf-8")

    library = read_library(*folders, names())

    assert (library.edited, library.released) == ({}, library.digests)


def test_the_locks_say_of_which_parts_they_are(folders: tuple[Path, Path]) -> None:
    locked = {**read_lock(folders[0]), **read_lock(folders[1])}
    assert locked.keys() == {file.stem for file in FILES}
    assert {"states.draft", "transitions.0"} <= locked["standard.v1"].parts.keys()
    text = (folders[1] / LOCK).read_text(encoding="utf-8")
    (folders[1] / LOCK).write_text(text.replace('"title": "', '"title": "x'), encoding="utf-8")
    # The digest of the whole decides, those of the parts only say where.
    assert read_library(*folders, names()).edited == {}


@pytest.mark.parametrize("key", PINNED)
def test_what_pinned_an_edited_definition_does_not_move(lite: Stage, key: str) -> None:
    number = casts.rated(lite)
    draft = casts.draft(lite)
    lite.library = edited(lite.library, key)
    before = casts.contents(lite)

    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("desk", "return_incomplete", {"missing": "A letter."}),
        ("lead", "finalise", {}),
        ("ana", "withdraw", {"note": "No more."}),
        ("desk", "register_approval", {}),
    )
    for who, step, given in steps:
        with pytest.raises(NotAllowed) as refused:
            casts.take(lite, who, number, step, **given)
        (reason,) = refused.value.refusals
        assert (reason.code, dict(reason.facts)) == (
            "definition_edited",
            {"definition": key, "file": f"{key}.yaml", "line": 7},
        )
    with pytest.raises(NotAllowed):
        casts.rate(lite, number, "3")
    assert casts.refused(lite, "ana", draft, "submit") == ("definition_edited",)
    with pytest.raises(NotAllowed):
        casts.outside(lite)

    assert casts.contents(lite) == before
    # What goes by no definition yet is written on.
    casts.save(lite, draft, "identification", title="Another title")


def test_an_edited_definition_that_nobody_pins_stops_nobody(lite: Stage) -> None:
    number = casts.rated(lite)
    lite.library = edited(lite.library, "indicators.v1")
    assert casts.take(lite, "desk", number, "return_incomplete", missing="A letter.").state == "incomplete"


def test_no_report_is_published_by_an_edited_definition(lite: Stage) -> None:
    casts.approved(lite)
    lite.library = edited(lite.library, "indicators.v1")
    before = casts.contents(lite)
    for code in ("2.1", "1.1"):
        with pytest.raises(NotAllowed) as refused:
            appraised_share.publish(
                lite.database, lite.library, lite.people["desk"], lite.now, code, "2010-11"
            )
        assert refused.value.codes == ("definition_edited",)
    assert casts.contents(lite) == before


def _newer(library: Library) -> Library:
    """Return a library with a second, released version of workflow and set beside the first."""
    workflow = library.workflow("standard.v1").model_copy(update={"version": 2})
    joined = library.set("appraisal.v1").model_copy(update={"version": 2})
    added = {workflow.key: "2" * 64, joined.key: "3" * 64}
    return replace(
        library,
        definitions={**library.definitions, workflow.key: workflow, joined.key: joined},
        digests={**library.digests, **added},
        released={**library.released, **added},
    )


def test_a_next_version_beside_it_disturbs_nobody_and_moves_on_alone(lite: Stage) -> None:
    first = casts.submitted(lite)
    lite.library = _newer(lite.library)
    second = casts.submitted(lite)
    casts.assign(lite, first)
    assert [casts.load(lite, number).workflow for number in (first, second)] == ["standard.v1", "standard.v2"]

    lite.library = edited(lite.library, "standard.v1")

    assert casts.refused(lite, "ana", first, "withdraw", note="No more.") == ("definition_edited",)
    casts.assign(lite, second)
    third = casts.load(lite, casts.submitted(lite))
    assert (third.workflow, third.pins["standard.v2"]) == ("standard.v2", "2" * 64)


def test_a_text_that_was_locked_anew_stops_what_pinned_the_one_before(lite: Stage) -> None:
    number = casts.submitted(lite)
    digests = {**lite.library.digests, "gender.v1": "1" * 64}
    lite.library = replace(lite.library, digests=digests, released=digests)

    assert casts.refused(lite, "ana", number, "withdraw", note="No more.") == ("definition_replaced",)
    after = casts.load(lite, casts.submitted(lite))
    assert after.pins["gender.v1"] == "1" * 64


def test_what_pinned_keys_alone_is_compared_with_the_lock(lite: Stage) -> None:
    number = casts.submitted(lite)
    with by_hand(lite.database, lite.now, number) as db:
        db.execute(update(PROPOSALS).values(pins="{}"))
    whole = lite.library
    lite.library = edited(whole, "results.v1")
    assert casts.refused(lite, "ana", number, "withdraw", note="No more.") == ("definition_edited",)
    lite.library = whole
    casts.take(lite, "desk", number, "return_incomplete", missing="A letter.")
    casts.take(lite, "ana", number, "submit")
    assert casts.load(lite, number).pins == {key: whole.digests[key] for key in PINNED}


def _said(stage: Stage, number: str, act: str) -> list[Any]:
    events = tables.events
    with stage.database.read() as db:
        rows = db.execute(
            select(events.c.body)
            .where(events.c.proposal_id == casts.load(stage, number).id, events.c.act == act)
            .order_by(events.c.sequence)
        )
        return [json.loads(row.body)["facts"].get("definitions") for row in rows]


def test_the_first_submission_pins_digests_and_its_event_says_so(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.take(stage, "desk", number, "return_incomplete", missing="A letter.")
    casts.take(stage, "ana", number, "submit")
    pins = {key: stage.library.digests[key] for key in PINNED}
    assert casts.load(stage, number).pins == pins
    assert _said(stage, number, "submit") == [pins, None]
    outside = casts.outside(stage)
    assert casts.load(stage, outside).pins == pins
    assert _said(stage, outside, "register_approval") == [pins]
    assert casts.load(stage, casts.draft(stage)).pins == {}


def test_a_tick_leaves_what_does_not_move_and_goes_on_with_the_others(lite: Stage) -> None:
    first = casts.submitted(lite)
    lite.library = _newer(lite.library)
    second = casts.submitted(lite)
    lite.library = edited(lite.library, "standard.v1")
    lite.wait(days=3)

    done = tick(lite.database, lite.library, lite.now)

    assert done.marks == ((second, "overdue"),)
    assert [number for number, _ in done.faults] == [first]
    assert "standard.v1.yaml was edited after its release, first in line 7." in done.faults[0][1]


def _in_force(database: Database) -> list[InForce]:
    with database.read() as db:
        return releases.list_in_force(db)


def test_that_definitions_come_into_force_is_noted_once(stage: Stage) -> None:
    database, library = stage.database, stage.library
    other = Database(database.url)
    barrier = threading.Barrier(2)
    noted: list[list[str]] = []

    def run(opened: Database) -> None:
        barrier.wait()
        noted.append(releases.note_in_force(opened, library, stage.now))

    threads = [threading.Thread(target=run, args=(opened,)) for opened in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    assert sorted(map(len, noted)) == [0, 11]
    assert _in_force(database) == [
        InForce(key, library.digests[key], stage.now) for key in library.in_force()
    ]
    assert releases.note_in_force(database, library, stage.now) == []
    with database.read() as db:
        event = site.events_of(db, releases.ACTION)[0]
    assert event.facts["by"] == 0
    assert event.facts["facts"] == {
        "definition": "standard.v1",
        "digest": library.digests["standard.v1"],
        "on": "2010-02-01",
    }
    assert findings(database, library, clock.now()).wrong == []


def test_a_version_that_follows_comes_into_force_and_an_edited_one_does_not(lite: Stage) -> None:
    releases.note_in_force(lite.database, lite.library, lite.now)
    day = datetime(2011, 3, 1, 9, tzinfo=UTC)

    assert releases.note_in_force(lite.database, edited(lite.library, "gender.v1"), day) == []
    assert releases.note_in_force(lite.database, _newer(lite.library), day) == ["standard.v2", "appraisal.v2"]
    assert geneva_date(_in_force(lite.database)[-1].at) == date(2011, 3, 1)


def test_nothing_is_in_force_where_nothing_is_released(lite: Stage) -> None:
    library = replace(lite.library, released={})
    assert releases.note_in_force(lite.database, library, lite.now) == []


def test_checks_of_the_trail_name_what_was_edited(lite: Stage) -> None:
    number = casts.submitted(lite)
    releases.note_in_force(lite.database, lite.library, lite.now)
    assert verification_database.verify(lite.database, lite.library, None).breaks == []
    right = lite.library.digests["gender.v1"]
    library = edited(lite.library, "gender.v1")

    told = [str(entry) for entry in verification_database.verify(lite.database, library, None).breaks]

    assert told == [
        "/srv/gender.v1.yaml:7: ‘gender.v1’ is released and may not change",
        f"the site's chain: tells that gender.v1 came into force with the digest {right}; it has another now",
        f"{number}: was made by gender.v1 with the digest {right}; it has {'0' * 64} now",
    ]
    assert findings(lite.database, library, lite.now).wrong == [
        "/srv/gender.v1.yaml:7: ‘gender.v1’ is released and may not change"
    ]
