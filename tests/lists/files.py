"""Lists: files of datasets as people send them, CSV and XLSX, made up for tests."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import openpyxl

from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.services import imports
from appraisal.lists.services.imports import Changes
from tests.casts import Stage

DELIVERIES: Final = "symbol,period,allocation,expenditure\n"
HEADING: Final = ("symbol", "period", "allocation", "expenditure")


def write_xlsx(path: Path, rows: Iterable[Sequence[Any]], merge: str = "") -> Path:
    """Write rows into the first sheet of an XLSX."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    if merge:
        sheet.merge_cells(merge)
    book.save(path)
    return path


def rewritten(path: Path, changed: Mapping[str, bytes]) -> Path:
    """Put other bytes into parts of an XLSX."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | dict(changed)
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    path.write_bytes(made.getvalue())
    return path


def import_file(
    stage: Stage, dataset: str, path: Path, who: str = "desk", *, whole: bool = False, **chosen: str
) -> Changes:
    """Check a file and import it, as a coordinator does; its columns are found by their names."""
    kept = stage.files.whole(stage.files.keep(path.read_bytes()))
    known = BY_KEY[dataset]
    with (
        imports.checked(
            known,
            imports.source_of(kept, path.name),
            lambda heading: imports.mapped(known, heading, chosen),
            stage.now.date(),
        ) as found,
        stage.database.begin() as db,
    ):
        return imports.import_rows(db, stage.people[who], stage.now, found, whole=whole)


def import_text(stage: Stage, dataset: str, text: str, who: str = "desk", *, whole: bool = False) -> Changes:
    """Import a CSV that is given as its text."""
    path = stage.files.folder / "list.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return import_file(stage, dataset, path, who, whole=whole)
