"""The package that is built: its name, its version, what it carries, and what the README says to install."""

import email
import re
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hatchling.builders.wheel import WheelBuilder

from appraisal.cli import main
from appraisal.product import VERSION

ROOT = Path(__file__).parents[1]
NAME = "appraisal-workflow"
# Options of pip that take a value.
_VALUED = {"-c", "-r", "--wheel-dir", "--find-links", "--index-url"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel as pip would build it."""
    folder = tmp_path_factory.mktemp("dist")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as opened:
        yield opened


def test_the_package_has_a_name_that_is_ours(wheel: zipfile.ZipFile) -> None:
    folder = f"{NAME.replace('-', '_')}-{VERSION}.dist-info"
    said = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))

    assert (said["Name"], said["Version"]) == (NAME, VERSION)
    assert wheel.read(f"{folder}/entry_points.txt").decode().split("\n")[:2] == [
        "[console_scripts]",
        "appraisal = appraisal.cli:main",
    ]


def test_the_package_carries_all_that_the_product_reads(wheel: zipfile.ZipFile) -> None:
    carried = {name.removeprefix("appraisal/_data/") for name in wheel.namelist()}

    for folder in ("checklists", "workflows", "templates", "static"):
        files = {str(file.relative_to(ROOT)) for file in (ROOT / folder).rglob("*") if file.is_file()}
        assert files
        assert files <= carried
    assert [name for name in carried if name.startswith("tests/")] == []


def test_the_command_says_its_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"appraisal, version {VERSION}\n"


def _installed(text: str) -> Iterator[str]:
    """Yield everything that commands in a text hand to pip to be installed or built."""
    for line in re.findall(r"pip[0-9.]* +(?:install|wheel|download) +[^#`\n]*", text):
        words = iter(shlex.split(line)[2:])
        for word in words:
            if word in _VALUED:
                next(words)
            elif not word.startswith("-"):
                yield word


def test_the_readme_installs_nothing_of_anybody_else() -> None:
    named = list(_installed((ROOT / "README.md").read_text(encoding="utf-8")))

    assert named
    foreign = [
        name for name in named if not re.fullmatch(rf"\.(\[[a-z,]+\])?|\S*\.whl|{NAME}(\[[a-z,]+\])?", name)
    ]
    assert foreign == []


def test_a_package_of_an_index_would_be_seen() -> None:
    text = "pip install -q 'appraisal[postgres]'\npip3 install -c requirements.lock . flask # this\n"

    assert list(_installed(text)) == ["appraisal[postgres]", ".", "flask"]
