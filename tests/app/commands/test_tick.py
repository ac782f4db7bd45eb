"""appraisal tick: what time demands beside the proposals."""

import os
from pathlib import Path

from click.testing import CliRunner

from appraisal.cli import main
from appraisal.database.files import Files


def test_lists_that_nobody_imported_within_a_day_are_given_up(data: Path) -> None:
    files = Files(data / "files")
    kept, old, new = files.keep(b"kept"), files.waiting.keep(b"old"), files.waiting.keep(b"new")
    for sha256, store in ((kept, files), (old, files.waiting)):
        os.utime(store.whole(sha256), (0, 0))

    result = CliRunner().invoke(main, ["tick"], env={"APPRAISAL_DATA": str(data)})

    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(path.name for path in files.folder.rglob("*") if path.is_file()) == sorted((kept, new))
