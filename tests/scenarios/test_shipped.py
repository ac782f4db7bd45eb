from pathlib import Path

import pytest
from click.testing import CliRunner

from appraisal.cli import main
from appraisal.paths import folder

SHIPPED = sorted((folder("workflows") / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("scenario", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_scenario_holds(scenario: Path) -> None:
    result = CliRunner().invoke(main, ["play", str(scenario)])

    assert result.output.splitlines()[-1] == "All as expected."
    assert result.exit_code == 0
