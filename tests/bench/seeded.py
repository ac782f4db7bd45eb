"""Seeded mutants: small faults drawn from rules and services, to measure which ones the tests find.

``python -m tests.bench.seeded make`` draws them into ``seeded.yaml``; the same seed on the same tree gives
the same ones. ``reach --out FILE`` runs all tests once and notes which of them reach the statement of each.
``run --reach FILE`` puts each into a copy of the tree and runs those tests until one fails, which must pass
without it. With ``--keep`` it is written into ``seeded.yaml``. The command fails when a mutant that has
``killed_by`` is not killed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Literal

import yaml

from tests.bench import mutations
from tests.bench.copies import TREE, change_text, copy_tree, environment_of

_LIST: Final = Path(__file__).with_suffix(".yaml")
_OPENING: Final = """\
# Faults drawn from rules and services (see seeded.py). `old` stands once in the file, `new` takes its place.
# `killed_by` names tests that fail then; `survives` says why none does.
"""
_PLACES: Final = (
    "appraisals/rules/verdicts",
    "appraisals/rules/assessment",
    "appraisals/rules/completeness",
    "appraisals/rules/conditions",
    "appraisals/rules/permissions",
    "appraisals/rules/reviews",
    "appraisals/rules/responses",
    "appraisals/rules/carried_over",
    "workflow/rules",
    "proposals/rules/access",
    "proposals/rules/disclosure",
    "proposals/rules/routes",
    "proposals/rules/approval",
    "proposals/rules/sums",
    "proposals/rules/rounds",
    "proposals/rules/track_and_money",
    "proposals/rules/content",
    "proposals/rules/registrations",
    "deadlines/rules",
    "indicators/rules",
    "trail/rules",
    "people/rules",
    "accounts/rules",
    "lists/rules/matching",
    "records/rules",
    "verification/rules",
    "workflow/services",
    "appraisals/services",
    "proposals/services",
    "accounts/services",
    "lists/services/matching",
    "indicators/services",
)
_MOST_OF_A_MODULE: Final = 5
_FIRST_TESTS: Final = 40
# The marks by which tests are chosen.
_MARKS: Final = {"all": "", "test": "not thorough", "check": "thorough"}
# What a run costs before its first test, and how much slower than recorded a test may be.
_START_SECONDS: Final = 60.0
_SLOWER: Final = 4.0

State = Literal["killed", "survived", "unreached", "stale"]


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one mutant, after some of the tests that reach it."""

    id: str
    state: State
    killed_by: str
    seconds: float
    tests_run: int
    tests_reaching: int


def main() -> None:
    """Draw mutants, or run tests on them."""
    parser = argparse.ArgumentParser(description="Measure which faults of rules and services tests find.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="draw mutants into seeded.yaml")
    make.add_argument("--seed", type=int, default=1310)
    make.add_argument("--count", type=int, default=120)
    reach = commands.add_parser("reach", help="note which tests reach each mutant")
    reach.add_argument("--out", type=Path, required=True)
    reach.add_argument("--select", choices=_MARKS, default="all")
    reach.add_argument("--parallel", type=int, default=2)
    run = commands.add_parser("run", help="run the tests that reach each mutant")
    run.add_argument("--reach", type=Path, required=True)
    run.add_argument("--ids", nargs="*", default=[], help="only those whose id begins so")
    run.add_argument("--select", choices=_MARKS, default="all")
    run.add_argument("--limit", type=float, default=120, help="seconds of tests after the first ones")
    run.add_argument("--parallel", type=int, default=2)
    run.add_argument("--out", type=Path)
    run.add_argument("--keep", action="store_true", help="write killed_by into seeded.yaml")
    given = parser.parse_args()
    if given.command == "make":
        write_mutants(make_mutants(given.seed, given.count))
        return
    if given.command == "reach":
        note_reach(given.out, _MARKS[given.select], given.parallel)
        return
    mutants = [entry for entry in read_mutants() if not given.ids or entry["id"].startswith(tuple(given.ids))]
    results = run_mutants(mutants, given)
    if given.out:
        given.out.write_text(json.dumps([asdict(entry) for entry in results], indent=1), encoding="utf-8")
    if given.keep:
        keep_results(results)
    sys.exit(print_summary(mutants, results))


def make_mutants(seed: int, count: int) -> list[dict[str, Any]]:
    """Draw mutants; the same seed gives the same ones on the same tree."""
    files: list[str] = []
    for place in _PLACES:
        path = TREE / "appraisal" / place
        found = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        files += [str(file.relative_to(TREE)) for file in found if file.name != "__init__.py"]
    mutants: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    for file, change in mutations.draw(TREE, files, seed, count, _MOST_OF_A_MODULE):
        numbers[file] = numbers.get(file, 0) + 1
        name = file.removeprefix("appraisal/").removesuffix(".py")
        mutants.append({"id": f"{name}-{numbers[file]}", "file": file, **asdict(change)})
    return mutants


def read_mutants() -> list[dict[str, Any]]:
    """Read the list."""
    return list(yaml.safe_load(_LIST.read_text(encoding="utf-8")))


class _Dumper(yaml.SafeDumper):
    pass


def _dump_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text or text.startswith(" ") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _dump_text)


def write_mutants(mutants: Sequence[Mapping[str, Any]]) -> None:
    """Write the list."""
    text = yaml.dump(list(mutants), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    _LIST.write_text(_OPENING + text, encoding="utf-8")


def keep_results(results: Sequence[Result]) -> None:
    """Write into the list by which test each mutant was killed."""
    killers = {entry.id: entry.killed_by for entry in results if entry.state == "killed"}
    mutants = read_mutants()
    for mutant in mutants:
        killer = killers.get(mutant["id"], "")
        if killer and killer not in mutant.get("killed_by", []):
            mutant["killed_by"] = [killer, *mutant.get("killed_by", [])][:2]
            mutant.pop("survives", None)
    write_mutants(mutants)


def print_summary(mutants: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> int:
    """Print figures and what is not killed; return 1 where one is not that was once."""
    states = [entry.state for entry in results]
    print(
        ", ".join(f"{states.count(state)} {state}" for state in ("killed", "survived", "unreached", "stale"))
    )
    was_killed = {entry["id"] for entry in mutants if entry.get("killed_by")}
    lost = [entry for entry in results if entry.state != "killed" and entry.id in was_killed]
    for entry in lost:
        print(f"no longer killed: {entry.id} ({entry.state})")
    return 1 if lost else 0


def run_mutants(mutants: Sequence[Mapping[str, Any]], given: argparse.Namespace) -> list[Result]:
    """Run the tests that reach each mutant, some mutants at a time."""
    reaching, durations = read_reach(given.reach)
    with tempfile.TemporaryDirectory(prefix="appraisal-seeded-") as name:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.parallel):
            copy = Path(name) / str(number)
            copy.mkdir()
            copy_tree(copy)
            copies.put(copy)
        chosen = collect_tests(Path(name) / "0", _MARKS[given.select])
        shown = threading.Lock()

        def run_one(mutant: Mapping[str, Any]) -> Result:
            copy = copies.get()
            try:
                reached = reaching.get(mutant["id"], set()) & chosen
                result = run_mutant(copy, mutant, reached, durations, given.limit)
            finally:
                copies.put(copy)
            with shown:
                print(_line(result), flush=True)
            return result

        with ThreadPoolExecutor(given.parallel) as pool:
            results = list(pool.map(run_one, mutants))
        # A test that fails on the tree as it is kills nothing.
        killers = {entry.killed_by for entry in results if "::" in entry.killed_by}
        failing = set(_failures(Path(name) / "0", sorted(killers), durations))
    for test in sorted(failing):
        print(f"fails without any mutant: {test}")
    return [
        replace(entry, state="survived", killed_by="") if entry.killed_by in failing else entry
        for entry in results
    ]


def _line(result: Result) -> str:
    by = f" by {result.killed_by}" if result.killed_by else ""
    ran = f"{result.tests_run} of {result.tests_reaching} tests"
    return f"{result.id}: {result.state}{by} ({ran}, {result.seconds:.0f} s)"


def note_reach(out: Path, marks: str, parallel: int) -> None:
    """Run tests on a copy in which the statement of each mutant says so when it is reached."""
    with tempfile.TemporaryDirectory(prefix="appraisal-reach-") as name:
        copy = Path(name)
        copy_tree(copy)
        by_file: dict[str, list[Mapping[str, Any]]] = {}
        for mutant in read_mutants():
            by_file.setdefault(mutant["file"], []).append(mutant)
        for file, mutants in by_file.items():
            path = copy / file
            text = path.read_text(encoding="utf-8")
            places = {mutant["id"]: _place(text, mutant) for mutant in mutants}
            stale = [id for id, place in places.items() if place is None]
            print("".join(f"{id}: stale\n" for id in stale), end="")
            standing = {id: place for id, place in places.items() if place is not None}
            path.write_text(mutations.with_notes(text, standing), encoding="utf-8")
        noted = Path(name) / "reach"
        noted.mkdir()
        plugin = ["-p", "tests.bench.reached", "-p", "no:cacheprovider", "--tb=no"]
        workers = ["-n", str(parallel), "--dist", "worksteal"]
        chosen = ["-m", marks] if marks else []
        subprocess.run(  # noqa: S603 - the arguments are its own
            [sys.executable, "-m", "pytest", "-q", *plugin, *workers, *chosen],
            cwd=copy,
            env={**environment_of(copy), "REACH": str(noted)},
            check=False,
        )
        out.write_text(
            "".join(file.read_text(encoding="utf-8") for file in sorted(noted.iterdir())), encoding="utf-8"
        )


def read_reach(file: Path) -> tuple[dict[str, set[str]], dict[str, float]]:
    """Return which tests reach each mutant, their fixtures included, and how many seconds each test took."""
    reaching: dict[str, set[str]] = {}
    durations: dict[str, float] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        test, seconds, reached = json.loads(line)
        durations[test] = float(seconds)
        for id in reached:
            reaching.setdefault(id, set()).add(test)
    return reaching, durations


def _place(source: str, mutant: Mapping[str, Any]) -> int | None:
    """Return where a mutant changes the text of a module; None where that is no longer as it was."""
    old, new = f"\n{mutant['old']}\n", f"\n{mutant['new']}\n"
    if source.count(old) != 1:
        return None
    changed = (place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    # Where the last line is dropped, the two differ only in length.
    return source.index(old) + min(next(changed, len(new)), len(old) - 2)


def collect_tests(copy: Path, marks: str) -> frozenset[str]:
    """Return the tests that stand in the copy, of those chosen by their marks."""
    done = _pytest(copy, ["--collect-only", "-q", *(["-m", marks] if marks else [])], 600)
    tests = frozenset(line for line in done.splitlines() if line.startswith("tests/") and "::" in line)
    if not tests:
        raise SystemExit(f"no tests are collected:\n{done[-2000:]}")
    return tests


def run_mutant(
    copy: Path,
    mutant: Mapping[str, Any],
    reaching: Collection[str],
    durations: Mapping[str, float],
    limit: float,
) -> Result:
    """Put a mutant into the copy, run tests until one fails, and take it out again."""
    begun = time.monotonic()

    def result(state: State, killed_by: str = "", run: int = 0, reaching: int = 0) -> Result:
        return Result(mutant["id"], state, killed_by, round(time.monotonic() - begun, 1), run, reaching)

    file, old, new = mutant["file"], f"\n{mutant['old']}\n", f"\n{mutant['new']}\n"
    path = copy / file
    if not path.exists() or _place(path.read_text(encoding="utf-8"), mutant) is None:
        return result("stale")
    if not reaching:
        return result("unreached")
    first, rest = order_tests(file, reaching, durations, limit)
    known = [test for test in mutant.get("killed_by", ()) if test in reaching]
    first = list(dict.fromkeys([*known, *first]))
    with _mutated(copy, file, old, new):
        for tests, run in ((first, len(first)), (rest, len(first) + len(rest))):
            if tests and (failed := _failures(copy, tests, durations, stop=True)):
                return result("killed", failed[0], run, len(reaching))
    return result("survived", "", len(first) + len(rest), len(reaching))


@contextmanager
def _mutated(copy: Path, file: str, old: str, new: str) -> Iterator[None]:
    # Put back as it was: what a mutant writes may stand elsewhere in the file as well.
    before = (copy / file).read_text(encoding="utf-8")
    change_text(copy, file, old, new)
    try:
        yield
    finally:
        change_text(copy, file, (copy / file).read_text(encoding="utf-8"), before)


def order_tests(
    file: str, reaching: Collection[str], durations: Mapping[str, float], limit: float
) -> tuple[list[str], list[str]]:
    """Return the tests to begin with, from as many files as can be, and those that follow within a limit."""
    noun, floor = Path(file).parts[1:3]
    near = (f"tests/{noun}/{floor.removesuffix('.py')}/", f"tests/{noun}/")

    def cost(test: str) -> tuple[bool, int, float]:
        distance = next((place for place, folder in enumerate(near) if test.startswith(folder)), len(near))
        # A server of PostgreSQL takes seconds to start.
        return "postgresql" in test, distance, durations.get(test, 1.0)

    ordered = sorted(reaching, key=lambda test: (*cost(test), test))
    of_file: dict[str, int] = {}
    places: list[tuple[int, int, str]] = []
    for place, test in enumerate(ordered):
        name = test.partition("::")[0]
        of_file[name] = of_file.get(name, 0) + 1
        # Files beside the module come with several tests, others with one.
        turn = (of_file[name] - 1) // 10 if test.startswith(near[0]) else of_file[name]
        places.append((turn, place, test))
    first = [test for _, _, test in sorted(places) if "postgresql" not in test][:_FIRST_TESTS]
    rest, seconds = [], 0.0
    for test in sorted(set(reaching) - set(first), key=lambda test: (*cost(test)[::2], test)):
        seconds += durations.get(test, 1.0)
        if seconds > limit:
            break
        rest.append(test)
    return first, rest


def _failures(
    copy: Path, tests: Sequence[str], durations: Mapping[str, float] | None = None, *, stop: bool = False
) -> list[str]:
    """Run tests, and return those that fail; where they come to no end, the only one is “time”."""
    if not tests:
        return []
    limit = _START_SECONDS + _SLOWER * sum((durations or {}).get(test, 5.0) for test in tests)
    with _listed(copy, tests) as listed:
        options = ["-q", "--tb=no", "-rfE", *(["-x"] if stop else []), f"@{listed}"]
        try:
            text = _pytest(copy, options, limit)
        except subprocess.TimeoutExpired:
            return ["time"]
    lines = [line.partition(" ") for line in text.splitlines()]
    failed = [rest for word, _, rest in lines if word in ("FAILED", "ERROR") and rest.startswith("tests/")]
    if not failed and " passed" not in text and " skipped" not in text:
        # Not even what the tests begin with can be imported.
        return ["import"] if "Error" in text and "not found" not in text else _give_up(text)
    return [_name(entry, tests) for entry in failed]


def _give_up(text: str) -> list[str]:
    raise SystemExit(f"pytest says otherwise than expected:\n{text[-2000:]}")


def _name(line: str, tests: Sequence[str]) -> str:
    """Return the test with which a line of pytest's summary begins; its parameters may hold anything."""
    return max((test for test in tests if line.startswith(test)), key=len, default=line.partition(" - ")[0])


@contextmanager
def _listed(copy: Path, tests: Sequence[str]) -> Iterator[Path]:
    # Thousands of names are more than a command line holds.
    path = copy / ".tests"
    path.write_text("\n".join(tests), encoding="utf-8")
    yield path
    path.unlink()


def _pytest(copy: Path, options: Sequence[str], limit: float) -> str:
    process = subprocess.Popen(  # noqa: S603 - the arguments are its own
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=copy,
        env=environment_of(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return process.communicate(timeout=limit)[0]
    except subprocess.TimeoutExpired:
        # Tests start processes of their own, which would go on.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise


if __name__ == "__main__":
    main()
