"""Copies of the tree: a fault is put into one, and tests run in it, while the original stays as it is."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[2]
_FOLDERS: Final = ("appraisal", "tests", "workflows", "checklists", "templates", "static")


def copy_tree(copy: Path) -> None:
    """Copy what tests need into an empty folder."""
    for folder in _FOLDERS:
        shutil.copytree(TREE / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in TREE.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, copy)


def change_text(copy: Path, file: str, old: str, new: str) -> bool:
    """Replace a text in a file of the copy; tell whether it stood there."""
    path = copy / file
    text = path.read_text(encoding="utf-8")
    if old not in text:
        return False
    path.write_text(text.replace(old, new), encoding="utf-8")
    # A change of the same length within a second would be taken for what is compiled already.
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    return True


def environment_of(copy: Path) -> dict[str, str]:
    """Return the environment in which Python imports from the copy."""
    return {**os.environ, "PYTHONPATH": str(copy)}
