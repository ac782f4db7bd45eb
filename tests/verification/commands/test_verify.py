"""appraisal verify, and the schema that appraisal record prints."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.canonical import canonical, digest
from appraisal.cli import main
from appraisal.definitions.library import Library
from appraisal.printing.rendering import render
from appraisal.records.services import records as services
from appraisal.records.store import records
from tests import casts
from tests.casts import Stage
from tests.printing.samples import Value, sample_of


@pytest.fixture(scope="module")
def value(library: Library) -> Value:
    return sample_of(library).record()


@pytest.fixture(scope="module")
def pdf(value: Value, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("records") / "record.pdf"
    file.write_bytes(render(value, "en"))
    return file


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no database is and no setting is made."""
    monkeypatch.chdir(tmp_path)
    for name in ("APPRAISAL_DATA", "APPRAISAL_DATABASE", "APPRAISAL_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


@pytest.mark.thorough
def test_a_record_is_verified_without_a_database_or_a_setting(
    pdf: Path, value: Value, tmp_path: Path
) -> None:
    result = run(pdf)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == str(pdf)
    assert digest(value) in result.output
    assert "only drawing the record" in result.output
    assert "Whether the record is still in force only the register can say." in result.output
    assert lines[-1] == "  Nothing fails; 4 could not be checked."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_drawn_again_the_same_renderer_gives_the_same_file(pdf: Path) -> None:
    result = run("--render", "--json", pdf)
    assert result.exit_code == 0
    [entry] = json.loads(result.output)
    found = {finding["check"]: finding for finding in entry["findings"]}
    assert found["pages"]["outcome"] == "holds"
    assert found["pages"]["sentence"].startswith("Drawn again here (WeasyPrint ")


@pytest.mark.thorough
def test_what_fails_is_told_with_exit_code_1(pdf: Path, value: Value, tmp_path: Path) -> None:
    wrong = json.loads(canonical(value))
    wrong["appraisal"]["final"] = "READY"
    file = tmp_path / "wrong.pdf"
    file.write_bytes(render(wrong, "es"))
    result = run(file, pdf)
    assert result.exit_code == 1
    assert "FAILS" in result.output
    # Nor is it hidden by another that cannot be read.
    assert run(file, tmp_path / "none.pdf").exit_code == 1
    assert "“Ready for approval” is better than the computed “Ready with conditions”." in " ".join(
        result.output.split()
    )
    [first, second] = json.loads(run("--json", file, pdf).output)
    assert (first["outcome"], second["outcome"]) == ("fails", "holds")
    assert (first["number"], first["digest"]) == ("TC-2010-0001", digest(wrong))


@pytest.mark.thorough
def test_what_cannot_be_read_is_named_with_exit_code_2(pdf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(pdf.read_bytes()[:5000])
    other = tmp_path / "other.txt"
    other.write_text("Hello.")
    result = run(cut, other, tmp_path / "none.pdf", tmp_path, pdf)
    assert result.exit_code == 2
    for said in (
        "The file is cut off: its end is missing.",
        "This is not a PDF.",
        "No such file or directory",
        "Is a directory",
        "Nothing fails",
    ):
        assert said in result.output
    entries = json.loads(run("--json", cut, tmp_path / "none.pdf").output)
    assert [(entry["outcome"], entry["reason"]) for entry in entries] == [
        ("unreadable", "truncated"),
        ("unreadable", "No such file or directory"),
    ]


@pytest.mark.thorough
def test_names_in_the_file_do_not_steer_the_terminal(value: Value, tmp_path: Path) -> None:
    wrong = json.loads(canonical(value))
    wrong["steps"][1]["name"] = "as\x1b[2Jsign"
    file = tmp_path / "steering.pdf"
    file.write_bytes(render(wrong, "en"))
    result = run(file)
    assert result.exit_code == 1
    assert "The workflow knows no step as�[2Jsign." in " ".join(result.output.split())


@pytest.mark.thorough
def test_an_annulled_approval_is_no_longer_in_force_where_the_register_is_asked(
    lite: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = casts.approved(lite)
    casts.take(lite, "chief", number, "propose_annulment", note="Wrong fund.")
    casts.take(lite, "deputy", number, "annul", note="So it is.")
    files = []
    with lite.database.begin() as db:
        listed, _ = records.list_records(db, lite.people["desk"], number)
        for entry in reversed(listed):
            found = records.find_record(db, entry.digest)
            assert found is not None
            files.append(tmp_path / f"{entry.id}.pdf")
            files[-1].write_bytes(render(json.loads(found.value), "en"))
            services.keep_rendering(db, lite.files, entry.id, "en", files[-1].read_bytes(), lite.now)
    monkeypatch.setenv("APPRAISAL_DATABASE", lite.database.url)

    appraised, approved, annulled = files
    result = run("--register", approved)
    assert result.exit_code == 3, result.output
    lines = result.output.splitlines()
    # The first of all lines that say something of the file.
    first = "NO LONGER In force No longer in force: the approval was annulled on 2010-02-01."
    assert " ".join(lines[1].split()) == first
    assert lines[-1].startswith("  Nothing fails, but the record is no longer in force")
    [entry] = json.loads(run("--register", "--json", approved).output)
    assert entry["outcome"] == "ended"
    assert entry["validity"]["status"] == "annulled"
    assert entry["validity"]["at"].startswith("2010-02-01T")
    # The appraisal, and the annulment itself, are in force; without the register nobody can say.
    assert run("--register", appraised, annulled).exit_code == 0
    result = run("--register", appraised, approved)
    assert result.exit_code == 3
    assert f"nothing fails: 1; genuine, but no longer in force: 1 ({approved})." in result.output
    [entry] = json.loads(run("--json", approved).output)
    assert (entry["outcome"], entry["validity"]) == ("holds", None)
    assert entry["findings"][0]["outcome"] == "unchecked"
    # What is wrong outweighs it.
    approved.write_bytes(approved.read_bytes() + b"\n")
    assert run("--register", approved).exit_code == 1


def test_no_file_at_all_is_an_error_of_the_call() -> None:
    assert run().exit_code == 2


def test_schema_is_printed_without_a_record() -> None:
    result = CliRunner().invoke(main, ["record", "--schema"])
    assert result.exit_code == 0
    schema = json.loads(result.output)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["schema"] == {"const": "appraisal-record/1"}
