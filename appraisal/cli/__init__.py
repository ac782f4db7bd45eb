"""The command line loads the module of a command only when that command is called.

Commands are in the nouns, and this package holds what they share. May import every noun below it in the map;
only commands import it. Begin with ``COMMANDS`` below, then ``site``. Exit codes: 0 done, 1 done and
something is wrong with what was asked about, 2 the input itself is wrong.
"""

from importlib import import_module
from keyword import iskeyword

import click

from appraisal.product import VERSION

# Command to the module that holds it, in the order in which help lists them. A command is called
# as it is named here; in its module it is a function of that name with _ for -, and with _ after it where
# Python has a use for the word.
COMMANDS = {
    "demo": "app.commands.demo",
    "serve": "app.commands.serve",
    "work": "app.commands.serve",
    "check": "app.commands.check",
    "score": "appraisals.commands.score",
    "play": "scenarios.commands",
    "draw": "app.commands.draw",
    "record": "printing.commands.record",
    "verify": "verification.commands.verify",
    "bundle": "verification.commands.bundle",
    "indicator": "indicators.commands",
    "agreement": "appraisals.commands.agreement",
    "import": "lists.commands",
    "import-approvals": "workflow.commands.outside_approvals",
    "import-lessons": "lessons.commands",
    "iati": "iati.commands",
    "times": "deadlines.commands",
    "tick": "app.commands.tick",
    "audit": "verification.commands.audit",
    "keys": "records.commands",
    "drawings": "printing.commands.drawings",
    "mail": "app.commands.mail",
    "people": "accounts.commands",
    "db": "app.commands.db",
}


class Commands(click.Group):
    """The group of all commands; imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"appraisal.{COMMANDS[cmd_name]}")
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="appraisal")
def main() -> None:
    """Appraise technical cooperation proposals before they are approved, and prove it."""
