"""What others made under static/ is what the manifest says, and nothing there reaches outside."""

import hashlib
import json
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
MANIFEST = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
VENDORED = {entry["file"]: entry for entry in MANIFEST["files"]}
STYLESHEETS = sorted(STATIC.rglob("*.css"))
LOADS = re.compile(r"url\(\s*([^)]*?)\s*\)|@import\s+([^;]+)", re.IGNORECASE)


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_vendored_file_is_the_one_in_the_manifest(name: str) -> None:
    entry = VENDORED[name]
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == entry["sha256"]
    assert all(entry[key] for key in ("package", "version", "licence", "changes"))
    assert (STATIC / entry["licence_file"]).is_file()


def test_every_foreign_file_is_in_the_manifest() -> None:
    foreign = [*STATIC.glob("fonts/**/*.*"), *STATIC.glob("licences/*"), *STATIC.glob("*.min.*")]
    assert {path.relative_to(STATIC).as_posix() for path in foreign if path.is_file()} == set(VENDORED)


@pytest.mark.parametrize("path", STYLESHEETS, ids=lambda path: path.name)
def test_stylesheet_loads_only_files_that_stand_here(path: Path) -> None:
    for match in LOADS.finditer(path.read_text(encoding="utf-8")):
        target = (match[1] or match[2]).strip("\"' ")
        assert not re.match(r"[a-z]+:|/", target, re.IGNORECASE), target
        assert (path.parent / target).resolve().is_relative_to(STATIC)
        assert (path.parent / target).is_file(), target


@pytest.mark.parametrize("path", STYLESHEETS, ids=lambda path: path.name)
def test_stylesheet_carries_no_foreign_brand(path: Path) -> None:
    assert not re.search(r"GDS|crown|crest", path.read_text(encoding="utf-8"), re.IGNORECASE)


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_script_loads_nothing_from_elsewhere(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    for target in re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""", script):
        assert target.startswith("./")
        assert (path.parent / target).is_file()
    assert not re.search(r"https?://(?!www\.w3\.org/)", script)


def test_icon_loads_nothing() -> None:
    icon = (STATIC / "favicon.svg").read_text(encoding="utf-8")
    assert not re.search(r"href|url\(|<script|<style|style=", icon)
