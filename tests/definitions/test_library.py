"""The library: what is read together, what drafts follow, and what a release locks."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from appraisal.definitions.library import Library, read_library, read_set
from appraisal.definitions.names import Names
from appraisal.definitions.releases import LOCK, add_to_lock, may_lock_anew, read_lock
from appraisal.errors import FaultyInput, NotFound
from appraisal.language.texts import Text
from appraisal.workflow.rules.guards import names

SETS = Path(__file__).parents[1] / "sets"
SMALL = Path(__file__).parent / "small"
WELLS = SETS / "weighted"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the weighted set that a test may change."""
    return shutil.copytree(WELLS, tmp_path / "checklists")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def faults_of(folder: Path) -> list[str]:
    with pytest.raises(FaultyInput) as refused:
        read_library(SMALL, folder, names())
    return [f"{Path(fault.file).name}:{fault.line}: {fault.message}" for fault in refused.value.faults]


def test_shipped_definitions(library: Library) -> None:
    assert library.newest_workflow().key == "standard.v1"
    assert library.newest_set().key == "appraisal.v1"
    assert library.indicators().indicator("2.1").milestone("2012-13") is not None
    codes = [criterion.checklist.code for criterion in library.criteria("appraisal.v1")]
    assert codes == ["ALI", "TRI", "ILS", "GEN", "TUR", "CAP", "RBM", "EVA"]


def french(part: object) -> Iterator[str]:
    """Every French text of a definition, however deep it stands."""
    if isinstance(part, Text):
        yield part.fr
    elif isinstance(part, BaseModel):
        yield from french([value for _, value in part])
    elif isinstance(part, Mapping):
        yield from french(list(part.values()))
    elif isinstance(part, list | tuple):
        for entry in part:
            yield from french(entry)


def test_no_french_sign_stands_alone_on_a_line(library: Library) -> None:
    """French sets a space before these signs and within quotation marks; a line must not break there."""
    texts = [text for definition in library.definitions.values() for text in french(definition)]

    assert len(texts) > 300
    assert [text for text in texts if re.search(r" [?!;:»]|« ", text)] == []


def test_a_key_of_another_kind_is_not_found(library: Library) -> None:
    for ask in (library.workflow, library.checklist, library.set):
        with pytest.raises(NotFound):
            ask("indicators.v1")


def test_a_set_of_another_agency_reads_unchanged() -> None:
    library, chosen = read_set(WELLS, names())
    assert chosen.key == "wells.v1"
    assert [str(criterion.member.weight) for criterion in library.criteria("wells.v1")] == [
        "0.5",
        "0.3",
        "0.2",
    ]


def test_faults_of_all_files_come_together(folder: Path) -> None:
    change(folder / "design.v1.yaml", "gating: true", "gating: yes")
    change(folder / "need.v1.yaml", "code: NEE", "code: nee")
    change(folder / "wells.v1.yaml", "weight: '0.5'", "weight: '0'")
    # A checklist with faults of its own is not reported as missing from its set as well.
    assert [fault.split(":")[0] for fault in faults_of(folder)] == [
        "design.v1.yaml",
        "need.v1.yaml",
        "wells.v1.yaml",
    ]


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(FaultyInput, match="this folder does not exist"):
        read_set(SETS / "none", names())


def test_a_folder_without_a_set() -> None:
    with pytest.raises(FaultyInput, match="there is no set in this folder"):
        read_set(SMALL, names())


def test_a_definition_that_stands_in_both_folders(folder: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    twin.mkdir()
    shutil.copy(folder / "need.v1.yaml", twin)
    with pytest.raises(FaultyInput, match=r"‘need\.v1’ stands twice, also in"):
        read_library(folder, twin, names())


def test_names_are_checked_only_where_they_are_given() -> None:
    with pytest.raises(FaultyInput, match="‘checklists_complete’ is not a guard of the product"):
        read_library(SMALL, WELLS, Names())


def test_a_release_locks_what_the_definition_says(folder: Path) -> None:
    digest = release(folder, "need.v1")
    assert read_lock(folder)["need.v1"].digest == digest
    # How it is written is free: only what it says is locked.
    change(folder / "need.v1.yaml", "schema: 1\n", "# A comment.\nschema:   1 \n")
    library = read_library(SMALL, folder, names())
    assert (library.released, library.edited) == ({"need.v1": digest}, {})
    change(folder / "need.v1.yaml", "A survey with its date.", "A  survey with its date.")
    text = (folder / "need.v1.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, line in enumerate(text, 1) if line.startswith("  - id:"))
    library = read_library(SMALL, folder, names())
    assert [
        f"{Path(fault.file).name}:{fault.line}: {fault.message}" for fault in library.edited.values()
    ] == [f"need.v1.yaml:{line}: ‘need.v1’ is released and may not change; correct it in the next version"]


def release(folder: Path, *keys: str) -> str:
    """Release definitions as they are, and return the digest of the last."""
    library = read_library(SMALL, folder, names())
    add_to_lock(folder, {key: library.definitions[key] for key in keys})
    return library.digests[keys[-1]]


def test_a_released_definition_may_not_be_lost(folder: Path) -> None:
    release(folder, "need.v1")
    change(folder / LOCK, '"need.v1"', '"gone.v1"')
    assert faults_of(folder) == ["released.json:1: ‘gone.v1’ is released, but its file is gone"]


def test_a_released_definition_is_not_released_differently(folder: Path) -> None:
    first = release(folder, "need.v1")
    assert release(folder, "need.v1") == first
    change(folder / "need.v1.yaml", "A survey with its date.", "A survey.")
    with pytest.raises(FaultyInput, match="released with another digest"):
        release(folder, "need.v1")
    assert read_lock(folder)["need.v1"].digest == first


def test_until_release_1_of_the_product_definitions_are_locked_anew(folder: Path) -> None:
    first = release(folder, "need.v1")
    change(folder / "need.v1.yaml", "A survey with its date.", "A survey.")
    library = read_library(SMALL, folder, names())
    add_to_lock(folder, {"need.v1": library.definitions["need.v1"]}, anew=True)
    assert read_lock(folder)["need.v1"].digest == library.digests["need.v1"] != first
    assert [may_lock_anew(version) for version in ("0.1.0", "0.99.9", "1.0.0", "1.0.0rc1", "12.3")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"need.v1": 1}', '{"need.v1": {"digest": "0", "parts": {"a": 1}}}']
)
def test_a_lock_that_is_none(folder: Path, text: str) -> None:
    (folder / LOCK).write_text(text)
    assert faults_of(folder)[0].startswith("released.json:1: ")


def test_the_lock_is_sorted_and_ends_with_a_line(folder: Path) -> None:
    for key in ("need.v1", "design.v1"):
        release(folder, key)
    text = (folder / LOCK).read_text()
    assert list(json.loads(text)) == ["design.v1", "need.v1"]
    assert text.endswith("}\n")


def test_drafts_follow_the_newest_released_version(folder: Path) -> None:
    text = (folder / "wells.v1.yaml").read_text(encoding="utf-8")
    (folder / "wells.v2.yaml").write_text(text.replace("version: 1", "version: 2"), encoding="utf-8")
    assert read_set(folder, names())[1].key == "wells.v2"
    release(folder, "wells.v1")
    library, chosen = read_set(folder, names())
    assert chosen.key == "wells.v1"
    assert library.set("wells.v2").version == 2


def test_a_release_of_one_kind_leaves_the_others_as_they_are(folder: Path) -> None:
    release(folder, "wells.v1")
    assert read_library(SMALL, folder, names()).newest_workflow().key == "small.v1"


def test_what_is_not_in_the_lock_of_its_folder_is_a_draft_and_never_followed(folder: Path) -> None:
    release(folder, "need.v1")
    library = read_library(SMALL, folder, names())
    assert library.drafts == {"design.v1", "upkeep.v1", "wells.v1"}
    with pytest.raises(NotFound, match="checklistset"):
        library.newest_set()
    assert library.newest_workflow().key == "small.v1"
    assert library.in_force() == {}
    release(folder, "wells.v1")
    library = read_library(SMALL, folder, names())
    assert library.newest_set().key == "wells.v1"
    assert library.in_force() == {key: library.digests[key] for key in ("wells.v1", "need.v1")}
