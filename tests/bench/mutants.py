"""Mutants: faults of ``mutants.yaml`` are put back into a copy of the product, to see if walks find them.

Run with ``python -m tests.bench.mutants [--seconds N] [--first SEED] [WORDS ...]``; words choose the faults
whose description holds them all. A walk goes on until something is wrong or so many seconds of the processor
are spent (60), beginning with a seed (1000), so that a result can be had again.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from appraisal.database.files import Files
from appraisal.definitions.library import read_library
from appraisal.paths import folder
from appraisal.workflow.rules.guards import names
from tests import builders, casts
from tests.bench.copies import change_text, copy_tree, environment_of
from tests.databases import SqliteCopies
from tests.walks import moves, test_rules, walking

_ALTERATIONS: Final = "300"


def main() -> None:
    """Take the mutants one after the other."""
    parser = argparse.ArgumentParser(description="Tell which faults walks find once they are put back.")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--walk", choices=("rules", "services"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.walk:
        print(_walk(given.walk, given.first, given.seconds))
        return
    for mutant in yaml.safe_load((Path(__file__).parent / "mutants.yaml").read_text(encoding="utf-8")):
        if all(word in mutant["wrong"] for word in given.words):
            print(f"{mutant['wrong']}: {_tried(mutant, given.first, given.seconds)}", flush=True)


def _tried(mutant: dict[str, Any], first: int, seconds: float) -> str:
    with tempfile.TemporaryDirectory(prefix="appraisal-mutant-") as name:
        copy = Path(name)
        copy_tree(copy)
        for edit in mutant["edits"]:
            if not change_text(copy, edit["file"], edit["old"], edit["new"]):
                return f"cannot be put back: {edit['file']} reads otherwise"
        if mutant["by"].endswith(".py"):
            given = ["-q", "-p", "no:cacheprovider", "-k", "not postgresql", mutant["by"]]
            arguments = ["-m", "pytest", *given]
        else:
            walk = ["--walk", mutant["by"], "--first", str(first), "--seconds", str(seconds)]
            arguments = ["-m", "tests.bench.mutants", *walk]
        environment = {**environment_of(copy), "APPRAISAL_ALTERATIONS": _ALTERATIONS}
        done = subprocess.run(  # noqa: S603 - the arguments are its own
            [sys.executable, *arguments],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2]


def _walk(kind: str, first: int, seconds: float) -> str:
    """Walk until something is wrong, or time is up, and say what."""
    # A fault may be one of a definition, whose digest is locked.
    library = read_library(folder("workflows"), folder("checklists"), names(), reads_locks=False)
    begun, seed = time.process_time(), first
    with tempfile.TemporaryDirectory() as name:
        copies, book = SqliteCopies(Path(name)), builders.book_of(library)

        @contextmanager
        def staged() -> Any:
            with copies.copied(moves.create_people) as database:
                yield casts.opened_stage(database, library, Files(Path(name) / "files"))

        while time.process_time() - begun < seconds:
            found = ""
            if kind == "rules":
                found = test_rules.wrong(library, book, seed)
            else:
                with staged() as stage:
                    try:
                        walking.walk(stage, seed, walking.script(seed))
                    except walking.Wrong as wrong:
                        found = wrong.sentences[0]
            if found:
                spent = time.process_time() - begun
                return f"found by {kind}, seed {seed}, {spent:.0f} s: {' '.join(found.split())[:200]}"
            seed += 1
    return f"not found by {kind} in {seed - first} walks"


if __name__ == "__main__":
    main()
