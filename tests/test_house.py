"""The house: whatever is put in a wrong place, or imports what it may not, is answered with what to do."""

import os
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests import house

# One line of Python that breaks each contract, and some that break the same in another way.
_IMPORTS = {
    "people/rules/upwards.py": "import appraisal.proposals.facts",
    "people/rules/loading.py": "import appraisal.people.store.people",
    "proposals/rules/querying.py": "import sqlalchemy",
    "proposals/rules/asking.py": "import flask",
    "proposals/store/calling.py": "import appraisal.proposals.services.drafts",
    "proposals/services/asking.py": "import flask",
    "proposals/services/drawing.py": "import appraisal.proposals.pages.titles",
    "proposals/pages/upwards.py": "import appraisal.workflow.pages.steps",
    "proposals/pages/figures.py": "import appraisal.indicators.rules.titles",
    "workflow/services/moving.py": "import transitions",
    "lists/services/markup.py": "import lxml",
    "records/services/paper.py": "import weasyprint",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with its contracts."""
    shutil.copytree(
        house.ROOT / "appraisal", tmp_path / "appraisal", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(house.ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _write(root: Path, path: str, text: str) -> None:
    file = root / "appraisal" / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{text}\n", encoding="utf-8")


def test_the_house_is_in_order() -> None:
    assert house.problems() == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (
            "stray.py",
            "",
            ["appraisal/stray.py is in no noun's place: put it into a noun, or give it a place in"],
        ),
        (
            "gender/facts.py",
            "",
            [
                "appraisal/gender/ is in no noun's place: put it into a noun, or give it a place in",
                "appraisal/gender/__init__.py says nothing: open it with a sentence about what lives there,",
            ],
        ),
        (
            "people/extras.py",
            "",
            ["appraisal/people/extras.py is on no floor: a noun has facts, rules, store,"],
        ),
        (
            "language/store.py",
            "",
            ["appraisal/language/ has floors that nothing holds: add appraisal.language to"],
        ),
        (
            "people/rules/__init__.py",
            '"""Rules."""',
            [
                "appraisal/people/rules/__init__.py says nothing: open it with a sentence about what lives there,"
            ],
        ),
        ("people/rules/__init__.py", "", ["appraisal/people/rules/__init__.py says nothing:"]),
    ],
)
def test_a_module_without_a_place_or_a_silent_door_is_told_what_to_do(
    copy: Path, path: str, text: str, said: list[str]
) -> None:
    _write(copy, path, text)

    found = house.problems(copy)
    assert len(found) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(found, said, strict=True)), found


def test_an_import_that_is_not_allowed_breaks_the_contract_that_says_what_to_do(copy: Path) -> None:
    contracts = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    for path, text in _IMPORTS.items():
        _write(copy, path, text)

    command = [f"{sysconfig.get_path('scripts')}/lint-imports", "--no-logo", "--no-cache"]
    # Wide enough that no name of a contract is broken.
    done = subprocess.run(  # noqa: S603 - a tool of the environment
        command, cwd=copy, env={**os.environ, "COLUMNS": "250"}, capture_output=True, text=True, check=False
    )

    lines = done.stdout.splitlines()
    assert done.returncode == 1, done
    assert [line for line in lines if line.endswith(" KEPT")] == []
    for contract in contracts["contracts"]:
        assert any(line.startswith(f"{contract['name']} BROKEN") for line in lines), contract["name"]
    for path, text in _IMPORTS.items():
        module = f"appraisal.{path.removesuffix('.py').replace('/', '.')}"
        assert f"{module} -> {text.removeprefix('import ')}" in done.stdout
