"""Every broken sample is refused for the one thing that is wrong in it, at the line that says so.

A sample is a folder of definitions. The faulty lines end with ``# FAULT:`` and what the message says.
"""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appraisal.cli import main

HERE = Path(__file__).parent
BROKEN = sorted(path for path in (HERE / "broken").iterdir())
SMALL = HERE / "small"
SETS = HERE.parent / "sets"
MARK = "# FAULT: "


def check(sample: Path) -> Result:
    """Check a sample, with sound definitions of the other kind beside it."""
    files = [path.read_bytes() for path in sample.glob("*.yaml")]
    holds_workflow = any(b"kind: workflow" in text for text in files)
    folders = (sample, SETS / "lowest") if holds_workflow else (SMALL, sample)
    return CliRunner().invoke(
        main, ["check", "--workflows", str(folders[0]), "--checklists", str(folders[1])]
    )


def expected(sample: Path) -> list[tuple[str, str]]:
    """Return where each marked fault must be reported, and with which words."""
    return [
        (f"{file}:{number}", line.partition(MARK)[2].strip())
        for file in sorted(sample.glob("*.yaml"))
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if MARK in line
    ]


@pytest.mark.parametrize("sample", BROKEN, ids=lambda path: path.name)
def test_sample_is_refused_for_its_fault_alone(sample: Path) -> None:
    result = check(sample)
    assert result.exit_code == 2
    reported = [line.split(": ", 1) for line in result.stdout.splitlines()]
    marked = expected(sample)
    assert [place for place, _ in reported] == [place for place, _ in marked]
    for (_, message), (_, words) in zip(reported, marked, strict=True):
        assert words in message
