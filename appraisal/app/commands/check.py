"""The command ``check`` reads every definition, proves what can be proved, and releases."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from appraisal.definitions.checklists import Checklist
from appraisal.definitions.documents import Definition
from appraisal.definitions.library import Library, read_library
from appraisal.definitions.names import Names
from appraisal.definitions.proofs import fewest_people
from appraisal.definitions.releases import add_to_lock, read_lock, seal_of
from appraisal.definitions.sets import ChecklistSet
from appraisal.definitions.workflows import Workflow
from appraisal.errors import Fault, FaultyInput
from appraisal.language.texts import Text
from appraisal.paths import folder
from appraisal.workflow.rules.guards import names

ALL = "all"


@click.command()
@click.option("--workflows", type=click.Path(path_type=Path), help="Folder of workflows and indicators.")
@click.option("--checklists", type=click.Path(path_type=Path), help="Folder of checklists and sets.")
@click.option(
    "--release",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Release a definition, like standard.v1, or “all” of them: lock its digest. May be repeated.",
)
@click.option(
    "--lock",
    is_flag=True,
    help="Lock what is released, and every first version, as it is now: until release 1.0 of the product.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print faults alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    workflows: Path | None,
    checklists: Path | None,
    keys: tuple[str, ...],
    lock: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Check every definition, and prove what must hold of each workflow.

    Exits 2, with every fault and its line, when anything is wrong; then nothing is released either. Exits 1
    where nothing is wrong but that a released file was edited.
    """
    folders = (workflows or _near(folder("workflows")), checklists or _near(folder("checklists")))
    known = names()
    try:
        if lock:
            _lock(folders, read_library(*folders, known, reads_locks=False))
        library = read_library(*folders, known)
        if keys and not library.edited:
            _release(folders, library, _wanted(library, keys))
            library = read_library(*folders, known)
    except FaultyInput as error:
        _print_faults(error.faults, as_json)
        raise SystemExit(2) from None
    if library.edited:
        _print_faults(sorted(library.edited.values()), as_json)
        raise SystemExit(1)
    if lock and not quiet:
        click.echo(f"Name it in CHANGELOG.md: definitions {seal_of(library.released)}", err=True)
    if quiet:
        return
    summary = _summary(library, known)
    click.echo(json.dumps(summary, indent=2, ensure_ascii=False) if as_json else _words(summary))


def _near(path: Path) -> Path:
    """Write a path from where the reader stands, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _wanted(library: Library, keys: Sequence[str]) -> list[str]:
    wanted = list(library.definitions) if ALL in keys else list(keys)
    known = ", ".join(library.definitions)
    for key in wanted:
        definition = library.definitions.get(key)
        if definition is None:
            raise click.UsageError(f"There is no definition {key}; there are {known}.")
        members = definition.checklists if isinstance(definition, ChecklistSet) else ()
        for member in members:
            if member.checklist not in library.released and member.checklist not in wanted:
                raise click.UsageError(f"Release {member.checklist} before {key}, or together with it.")
    return wanted


def _lock(folders: Sequence[Path], library: Library) -> None:
    """Lock anew what is locked, and every first version; versions that are being written stay free.

    A lock that cannot be read, as after a merge, is written anew.
    """
    released: set[str] = set()
    for place in folders:
        with suppress(FaultyInput):
            released |= read_lock(place).keys()
    keys = [key for key, entry in library.definitions.items() if entry.version == 1 or key in released]
    _release(folders, library, keys, anew=True)


def _release(folders: Sequence[Path], library: Library, keys: Sequence[str], *, anew: bool = False) -> None:
    for place in folders:
        here = {key: library.definitions[key] for key in keys if (place / f"{key}.yaml").is_file()}
        if here:
            add_to_lock(place, here, anew=anew)


def _print_faults(found: Sequence[Fault], as_json: bool) -> None:
    if as_json:
        faults = [{"file": fault.file, "line": fault.line, "message": fault.message} for fault in found]
        click.echo(json.dumps({"faults": faults}, indent=2, ensure_ascii=False))
        return
    for fault in found:
        click.echo(fault)
    count = len(found)
    click.echo(f"{count} {'fault' if count == 1 else 'faults'}; nothing was loaded.", err=True)


def _texts(part: Any) -> Iterator[Text]:
    """Go through every sentence of a definition."""
    if isinstance(part, Text):
        yield part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _texts(getattr(part, name))
    elif isinstance(part, dict):
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, tuple):
        for value in part:
            yield from _texts(value)


def _summary(library: Library, known: Names) -> dict[str, Any]:
    entries = library.definitions.values()
    return {
        "faults": [],
        "definitions": {
            key: {
                "kind": entry.kind,
                "digest": library.digests[key],
                "released": key in library.released,
                **_counted(library, entry, known),
            }
            for key, entry in library.definitions.items()
        },
        "texts": sum(1 for entry in entries for _ in _texts(entry)),
        "languages": list(Text.model_fields),
    }


def _counted(library: Library, entry: Definition, known: Names) -> dict[str, Any]:
    match entry:
        case Workflow():
            people = dict(fewest_people(entry, known))
            return {"states": len(entry.states), "transitions": len(entry.transitions), "people": people}
        case Checklist():
            return {"items": len(entry.items), "gating": sum(item.gating for item in entry.items)}
        case ChecklistSet():
            members = [criterion.checklist for criterion in library.criteria(entry.key)]
            return {"checklists": len(members), "items": sum(len(member.items) for member in members)}
        case _:
            return {}


def _words(summary: dict[str, Any]) -> str:
    lines, entries = [], summary["definitions"]
    width = max((len(key) for key in entries), default=0)
    for key, entry in sorted(entries.items(), key=lambda pair: (pair[1]["kind"], pair[0])):
        released = "released" if entry["released"] else "not released"
        counts = [
            f"{entry[name]} {name}"
            for name in ("states", "transitions", "checklists", "items", "gating")
            if name in entry
        ]
        lines.append(f"{entry['kind']:<11}{key:<{width}}  {', '.join([*counts, released])}")
    lines.append(f"{summary['texts']} texts, each in {', '.join(summary['languages'])}.")
    for key, entry in entries.items():
        if entry["kind"] == "workflow":
            lines += _proofs(key, entry["people"])
    return "\n".join(lines)


def _proofs(key: str, people: dict[str, int]) -> list[str]:
    needs = ", ".join(f"‘{name}’ takes at least {count} people" for name, count in people.items())
    return [
        f"Proved of {key}:",
        "  every state can be reached; every state that is not final leads on to one that is;",
        "  every transition can be taken, and none leaves from a final state, except to register an approval;",
        f"  on every path, whoever holds which roles: {needs or 'nothing is approved'}.",
    ]
