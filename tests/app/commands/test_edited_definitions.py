"""An installation with a released definition that was edited: it serves and says so, and checks fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

import appraisal
from appraisal.paths import folder

SENTENCE = "en: Gender equality and non-discrimination"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product as it would be installed, with one sentence edited."""
    place = tmp_path_factory.mktemp("installed")
    ignored = shutil.ignore_patterns("__pycache__", "_data")
    shutil.copytree(Path(appraisal.__file__).parent, place / "appraisal", ignore=ignored)
    for name in ("workflows", "checklists"):
        shutil.copytree(folder(name), place / name)
    for name in ("templates", "static"):
        (place / name).symlink_to(folder(name))
    file = place / "checklists" / "gender.v1.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(SENTENCE) == 1
    file.write_text(text.replace(SENTENCE, "en: Gender equality"), encoding="utf-8")
    return place


def _environment(place: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(place), "APPRAISAL_DATA": str(place / "data")}


def _line(place: Path) -> str:
    file = place / "checklists" / "gender.v1.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    number = next(at for at, line in enumerate(lines, 1) if line.strip() == "en: Gender equality")
    return f"{file}:{number}: ‘gender.v1’ is released and may not change; correct it in the next version"


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "appraisal", *arguments],
        cwd=place.parent,
        env=_environment(place),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.thorough
def test_checks_fail_and_name_file_and_line(installed: Path) -> None:
    told, warned = _line(installed), f"{_line(installed)}. Nothing that goes by it moves.\n"

    upgraded = run(installed, "db", "upgrade")
    assert (upgraded.returncode, upgraded.stderr) == (0, warned)
    checked = run(installed, "check", "--quiet")
    assert (checked.returncode, checked.stdout) == (1, f"{told}\n".replace(f"{installed.parent}/", ""))
    for arguments in (("db", "check"), ("audit", "verify")):
        result = run(installed, *arguments)
        assert (result.returncode, result.stdout.splitlines()[0], result.stderr) == (1, told, warned)
    ticked = run(installed, "tick")
    assert (ticked.returncode, ticked.stderr) == (0, warned)
    listed = run(installed, "audit", "definitions").stdout.splitlines()
    assert [line.split()[-1] for line in listed][:2] == ["standard.v1", "appraisal.v1"]
    assert "gender.v1" not in "".join(listed)


@contextmanager
def _served(place: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "appraisal", "serve", "--port", "0"],
        cwd=place.parent,
        env=_environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline(), server
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


@pytest.mark.thorough
def test_it_serves_and_the_log_says_what_was_edited(installed: Path) -> None:
    run(installed, "db", "upgrade")
    with _served(installed) as (said, server):
        address = said.split()[2]
        with urlopen(f"{address}/sign-in") as answer:  # noqa: S310
            assert answer.status == 200
    assert server.stderr is not None
    with server.stderr as log:
        assert f"ERROR:root:{_line(installed)}. Nothing that goes by it moves.\n" in log.read()
