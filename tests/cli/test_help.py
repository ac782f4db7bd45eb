"""Help and the daily round start at once: a command imports what it needs, and only when it runs."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from appraisal.cli import COMMANDS, main

# What takes long to import, and most commands have no use for.
HEAVY: Final = frozenset(
    {"alembic", "flask", "jinja2", "jsonschema", "lxml", "openpyxl", "pyhanko", "pypdf", "waitress"}
    | {"weasyprint", "xlsxwriter"}
)
# What all have that read the definitions or a database.
SHARED: Final = frozenset({"babel", "pydantic", "sqlalchemy", "yaml"})
_RUN: Final = """
import sys
from appraisal.cli import main
main(sys.argv[1:], standalone_mode=False)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _imported(*arguments: str) -> frozenset[str]:
    """Return the packages that a process has imported when it has run a command."""
    done = subprocess.run(  # noqa: S603 (this very interpreter)
        [sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=True
    )
    return frozenset(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help is not None
    assert command.help.split("\n\n")[0] == COMMANDS[name].summary


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_list_of_commands_is_laid_out_as_click_does(width: int) -> None:
    context = click.Context(main)
    ours, clicks = (click.HelpFormatter(width=width) for _ in range(2))
    main.format_commands(context, ours)
    click.Group.format_commands(main, context, clicks)
    assert ours.getvalue() == clicks.getvalue()


def test_help_imports_no_command() -> None:
    assert _imported("--help") & (HEAVY | SHARED) == frozenset()


@pytest.mark.thorough
def test_a_round_with_nothing_due_imports_nothing_to_draw_serve_sign_or_migrate_with(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPRAISAL_DATA", str(data))
    assert _imported("tick") & HEAVY == frozenset()
