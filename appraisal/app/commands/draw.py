"""The command ``draw`` draws a workflow from its definition."""

import shutil
import subprocess

import click

from appraisal.cli import site
from appraisal.definitions import drawings
from appraisal.errors import NotFound
from appraisal.language.texts import LANGUAGES, language_or

SECONDS = 30


@click.command()
@click.argument("workflow", required=False)
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "dot", "svg"]), default="mermaid", show_default=True,
    help="Text for Mermaid or Graphviz, or a picture, for which Graphviz must be installed.",
)  # fmt: skip
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def draw(workflow: str | None, form: str, language: str) -> None:
    """Draw WORKFLOW (like standard.v1; the one in force by default) and print the drawing."""
    library = site.library()
    try:
        chosen = library.workflow(workflow) if workflow else library.newest_workflow()
    except NotFound as error:
        site.fail(f"{error}.")
    spoken = language_or(language)
    if form == "mermaid":
        click.echo(drawings.mermaid(chosen, spoken), nl=False)
    elif form == "dot":
        click.echo(drawings.dot(chosen, spoken), nl=False)
    else:
        click.echo(_svg(drawings.dot(chosen, spoken)), nl=False)


def _svg(text: str) -> str:
    """Let Graphviz draw; stops where it is not installed or fails."""
    program = shutil.which("dot")
    if program is None:
        site.fail(
            "SVG needs the program “dot” of Graphviz, which is not installed here. "
            "--format dot prints what it would draw.",
            code=1,
        )
    try:
        done = subprocess.run(  # noqa: S603 (the program was found on the path, the text goes to its input)
            [program, "-Tsvg"],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        site.fail(f"Graphviz did not finish within {SECONDS} seconds.", code=1)
    if done.returncode:
        site.fail(f"Graphviz failed: {done.stderr.strip()}", code=1)
    return done.stdout
