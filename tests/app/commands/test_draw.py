import re
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml.etree import fromstring

from appraisal.cli import main
from appraisal.definitions import drawings
from appraisal.definitions.library import Library


def run(*arguments: str, path: str | None = None) -> Result:
    return CliRunner().invoke(main, ["draw", *arguments], env={"PATH": path} if path is not None else None)


def test_every_state_and_step_is_drawn(library: Library) -> None:
    workflow = library.newest_workflow()
    text, graph = run().stdout, run("--format", "dot").stdout

    for key, state in workflow.states.items():
        assert f"  {key} : {state.title.en}\n" in text
        assert f'"{key}" [id="state-{key}", label="{state.title.en}"' in graph
    for transition, source, target in drawings.edges(workflow):
        assert f"  {source} --> {target} : {transition.label.en}\n" in text
        assert f'"{source}" -> "{target}" [class="step-{transition.name}"' in graph
    assert f"  [*] --> {workflow.initial}\n" in text
    assert text.count("--> [*]") == sum(state.terminal for state in workflow.states.values())


def test_a_step_back_leads_to_every_state_it_may_have_come_from(library: Library) -> None:
    workflow = library.newest_workflow()
    reopened = {target for entry, _, target in drawings.edges(workflow) if entry.name == "reopen"}

    assert reopened == {"incomplete", "revision_requested"}


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_it_speaks_the_language_asked_for(library: Library, form: str) -> None:
    title = library.newest_workflow().states["under_appraisal"].title

    assert title.fr in run("--format", form, "--language", "fr").stdout
    assert title.es in run("standard.v1", "--format", form, "--language", "es").stdout


def test_texts_cannot_break_out_of_the_drawing(library: Library) -> None:
    workflow = library.newest_workflow()
    state = workflow.states["draft"]
    title = state.title.model_copy(update={"en": 'A "draft"; #1 \\ done'})
    odd = workflow.model_copy(
        update={"states": {**workflow.states, "draft": state.model_copy(update={"title": title})}}
    )

    assert r'label="A \"draft\"; #1 \\ done"' in drawings.dot(odd)
    assert 'draft : A "draft"#59; #35;1 \\ done\n' in drawings.mermaid(odd)


def test_an_unknown_workflow_is_told() -> None:
    result = run("other.v1")

    assert result.exit_code == 2
    assert result.stderr == "definition other.v1 does not exist.\n"


def test_svg_without_graphviz_is_refused_in_words(tmp_path: Path) -> None:
    result = run("--format", "svg", path=str(tmp_path))

    assert result.exit_code == 1
    assert "which is not installed here" in result.stderr
    assert result.stdout == ""


def stand_in(folder: Path, script: str) -> str:
    """Write a program called dot, and return the path on which it is found."""
    program = folder / "dot"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:/usr/bin:/bin"


def test_svg_is_what_graphviz_makes_of_the_drawing(tmp_path: Path) -> None:
    result = run("--format", "svg", path=stand_in(tmp_path, 'test "$1" = -Tsvg && cat'))

    assert result.exit_code == 0
    assert result.stdout == run("--format", "dot").stdout


def test_a_failure_of_graphviz_is_told(tmp_path: Path) -> None:
    result = run("--format", "svg", path=stand_in(tmp_path, "echo 'syntax error in line 1' >&2; exit 1"))

    assert result.exit_code == 1
    assert result.stderr == "Graphviz failed: syntax error in line 1\n"


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_accepts_the_drawing(library: Library) -> None:
    picture = run("--format", "svg").stdout

    # Read as XML: some versions write the dash as a character reference.
    named = [str(entry.get("id")) for entry in fromstring(picture.encode()).iter()]
    assert sum(name.startswith("state-") for name in named) == len(library.newest_workflow().states)
    assert re.search(r"<svg\b", picture)
