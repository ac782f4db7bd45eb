"""The command line loads the module of a command only when that command is called.

Commands are in the nouns, and this package holds what they share. May import every noun below it in the map;
only commands import it. Begin with ``COMMANDS`` below, then ``site``. Exit codes: 0 done, 1 done and
something is wrong with what was asked about, 2 the input itself is wrong.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import NamedTuple

import click

from appraisal.product import VERSION


class Place(NamedTuple):
    """The module that holds a command, and the first sentence of its help."""

    module: str
    summary: str


# Every command in the order in which help lists them. A command is called as it is named here; in its module
# it is a function of that name with _ for -, and with _ after it where Python has a use for the word.
COMMANDS = {
    "demo": Place(
        "app.commands.demo",
        "Play real projects through the whole mechanism and serve the result.",
    ),
    "serve": Place("app.commands.serve", "Serve the web pages."),
    "work": Place(
        "app.commands.serve",
        "Do the jobs of the outbox: render records as PDF, and send mail where a server is set up.",
    ),
    "check": Place(
        "app.commands.check",
        "Check every definition, and prove what must hold of each workflow.",
    ),
    "score": Place("appraisals.commands.score", "Score a JSON file of ANSWERS; “-” reads standard input."),
    "play": Place("scenarios.commands", "Run SCENARIO and compare what it expects with what comes of it."),
    "draw": Place(
        "app.commands.draw",
        "Draw WORKFLOW (like standard.v1; the one in force by default) and print the drawing.",
    ),
    "record": Place("printing.commands.record", "Draw RECORD as a PDF."),
    "verify": Place(
        "verification.commands.verify",
        "Verify PDFs of records, or bundles (ZIP) for auditors, from nothing but the files.",
    ),
    "bundle": Place(
        "verification.commands.bundle",
        "Write everything about some proposals into one ZIP that opens and verifies offline.",
    ),
    "indicator": Place(
        "indicators.commands",
        "Compute indicator CODE (2.1) for a biennium and list the proposals behind every figure.",
    ),
    "agreement": Place(
        "appraisals.commands.agreement",
        "Print Krippendorff's alpha for each item: ordinal, *not relevant* as missing, appraisals as units.",
    ),
    "import": Place(
        "lists.commands",
        "Import a list from a CSV (UTF-8) or XLSX FILE into DATASET, whole or not at all.",
    ),
    "import-approvals": Place(
        "app.commands.outside_approvals",
        "Register every approval of a CSV FILE, all or none.",
    ),
    "import-lessons": Place("lessons.commands", "Import every lesson of a CSV FILE, all or none."),
    "iati": Place(
        "iati.commands",
        "Give proposals out as activities of IATI 2.03, or begin drafts from such activities.",
    ),
    "times": Place(
        "deadlines.commands",
        "Print median and 90th percentile of the working days in each state, by track and unit.",
    ),
    "tick": Place(
        "app.commands.tick",
        "Do what time demands: lapse, end holds, mark dates, gather daily mail, seal the trail.",
    ),
    "audit": Place(
        "verification.commands.audit",
        "Verify the audit trail, seal it with checkpoints, and take it out.",
    ),
    "keys": Place("records.commands", "Say with which key records and checkpoints are signed."),
    "drawings": Place(
        "printing.commands.drawings",
        "Tell how many PDFs of records and reports are still to be drawn, and which were given up.",
    ),
    "mail": Place(
        "app.commands.mail",
        "Tell how the mail stands: what waits, and what was given up, with the server's words.",
    ),
    "people": Place(
        "accounts.commands",
        "Add the first administrator, list accounts, issue links, confirm requests, name substitutes.",
    ),
    "db": Place("app.commands.db", "Bring the database up to date, or check it."),
}


class Commands(click.Group):
    """The group of all commands; imports a command's module when it is asked for, and for no list of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        with _collecting_nothing():
            module = import_module(f"appraisal.{COMMANDS[cmd_name].module}")
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what stands of them in the table, as click does with loaded ones."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        listed = [click.Command(name, help=place.summary) for name, place in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl([(str(entry.name), entry.get_short_help_str(width)) for entry in listed])


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Keep the garbage collector still while modules are imported.

    They are kept for good, and to look through them again and again takes a quarter of the time of importing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="appraisal")
def main() -> None:
    """Appraise technical cooperation proposals before they are approved, and prove it."""
