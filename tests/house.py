"""The house is in order when every module lies in a noun and on a floor, and every package says what it is.

Run as ``python -m tests.house``. Import-linter holds which imports are allowed, and refuses modules without a
place as well, but does not say what to do about them.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
# A shorter sentence can hardly do more than repeat the name of the package.
_WORDS: Final = 4
# Floors that only a noun has, unlike pages, commands and rules of definitions.
_OF_NOUNS: Final = frozenset({"facts", "services", "store"})


def problems(root: Path = ROOT) -> list[str]:
    """Return everything that is out of order below a root, as sentences that say what to do."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    package = contracts["root_package"]
    layered = [contract for contract in contracts["contracts"] if "containers" in contract]
    (order,) = (contract for contract in layered if contract["containers"] == [package])
    (floors,) = (contract for contract in layered if contract["containers"] != [package])
    nouns = [name.removeprefix(f"{package}.") for name in floors["containers"]]
    return [
        *_outside(root / package, order, nouns, floors),
        *(problem for noun in nouns for problem in _off_floors(root / package / noun, _layers(floors))),
        *_silent(root / package),
    ]


def _layers(contract: dict[str, Any]) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", " ".join(contract["layers"])))


def _title(contract: dict[str, Any]) -> str:
    title: str = contract["name"].split(":")[0]
    return title


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each module or package right in a folder, and how its path is written."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        shown = f"{folder.name}/{path.name}"
        if path.is_dir() and any(path.rglob("*.py")):
            yield path.name, f"{shown}/"
        elif path.suffix == ".py" and path.stem != "__init__":
            yield path.stem, shown


def _outside(package: Path, order: dict[str, Any], nouns: list[str], floors: dict[str, Any]) -> Iterator[str]:
    places = _layers(order)
    for name, shown in _modules(package):
        if name not in places:
            yield (
                f"{shown} is in no noun's place: put it into a noun, or give it a place in [tool.importlinter] "
                f"“{_title(order)}” if it has facts of its own."
            )
        elif name not in nouns and _OF_NOUNS & {floor for floor, _ in _modules(package / name)}:
            yield (
                f"{shown} has floors that nothing holds: add {package.name}.{name} to the containers of "
                f"[tool.importlinter] “{_title(floors)}”."
            )


def _off_floors(noun: Path, floors: frozenset[str]) -> Iterator[str]:
    for name, shown in _modules(noun):
        if name not in floors:
            yield (
                f"{noun.parent.name}/{shown} is on no floor: a noun has facts, rules, store, services, pages and "
                "commands (printing/ and the ground are exempt)."
            )


def _silent(package: Path) -> Iterator[str]:
    for folder in sorted({file.parent for file in package.rglob("*.py")}):
        door = folder / "__init__.py"
        said = ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))) if door.exists() else None
        if len(re.findall(r"\w+", said or "")) < _WORDS:
            yield (
                f"{door.relative_to(package.parent)} says nothing: open it with a sentence about what lives there, "
                "what it may import and where to begin."
            )


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or None)
