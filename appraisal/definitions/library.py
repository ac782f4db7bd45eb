"""The library holds all definitions of a folder, pinned by key and digest, and locked once released."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from appraisal.definitions.checklists import Checklist
from appraisal.definitions.documents import Definition, Document, Path_, digest_of, parse, read_document
from appraisal.definitions.indicators import Indicators
from appraisal.definitions.names import Names
from appraisal.definitions.proofs import Finding, prove
from appraisal.definitions.releases import LOCK, edited_places, read_lock, release_of
from appraisal.definitions.sets import ChecklistSet, Member
from appraisal.definitions.workflows import HOLDERS, Holder, State, Track, Workflow
from appraisal.errors import Fault, FaultyInput, NotFound

MODELS: Mapping[str, type[Definition]] = {
    "workflow": Workflow,
    "checklist": Checklist,
    "set": ChecklistSet,
    "indicators": Indicators,
}
D = TypeVar("D", bound=Definition)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A checklist as a member of a set."""

    checklist: Checklist
    member: Member


@dataclass(frozen=True)
class Library:
    """The definitions that a process works with.

    ``released`` maps released keys to their digests; ``drafts`` are keys that are not released, though
    others of their folder are; ``edited`` maps released keys whose files were edited afterwards to where.
    """

    definitions: Mapping[str, Definition]
    digests: Mapping[str, str]
    released: Mapping[str, str] = field(default_factory=dict)
    drafts: frozenset[str] = frozenset()
    edited: Mapping[str, Fault] = field(default_factory=dict)

    def _get(self, key: str, model: type[D]) -> D:
        found = self.definitions.get(key)
        if not isinstance(found, model):
            raise NotFound("definition", key)
        return found

    def workflow(self, key: str) -> Workflow:
        """Return a workflow by its key; raises ``NotFound``."""
        return self._get(key, Workflow)

    def checklist(self, key: str) -> Checklist:
        """Return a checklist by its key; raises ``NotFound``."""
        return self._get(key, Checklist)

    def set(self, key: str) -> ChecklistSet:
        """Return a set by its key; raises ``NotFound``."""
        return self._get(key, ChecklistSet)

    def indicators(self, key: str = "") -> Indicators:
        """Return the newest indicator definitions, or those of a key; raises ``NotFound``."""
        return self._get(key, Indicators) if key else self._newest(Indicators)

    def criteria(self, key: str) -> tuple[Criterion, ...]:
        """Return the checklists of a set with their weights, in its order."""
        return tuple(
            Criterion(self.checklist(member.checklist), member) for member in self.set(key).checklists
        )

    def newest_workflow(self) -> Workflow:
        """Return the newest released workflow, which drafts follow; the newest where nothing is locked."""
        return self._newest(Workflow)

    def workflows(self) -> tuple[Workflow, ...]:
        """Return every workflow, the newest last."""
        found = (entry for entry in self.definitions.values() if isinstance(entry, Workflow))
        return tuple(sorted(found, key=lambda entry: entry.version))

    def states(self, is_meant: Callable[[State], bool]) -> frozenset[tuple[str, str]]:
        """Return the states of which something is true, each with the workflow that says so.

        A state means nothing by its name alone. Drafts have pinned no workflow and go by the newest: for
        them its states stand there once more, with an empty key.
        """
        flows = {flow.key: flow for flow in self.workflows()} | {"": self.newest_workflow()}
        return frozenset(
            (key, name)
            for key, flow in flows.items()
            for name, state in flow.states.items()
            if is_meant(state)
        )

    def held_by(self) -> dict[str, frozenset[tuple[str, str]]]:
        """Return the states that each holder holds, each with the workflow in which it does."""
        return {name: self.states(partial(_is_held_by, name)) for name in HOLDERS if name != "nobody"}

    def tracks(self) -> dict[str, Track]:
        """Return the tracks of all workflows by their keys; of one that several have, the newest."""
        return {key: track for workflow in self.workflows() for key, track in workflow.tracks.items()}

    def newest_set(self) -> ChecklistSet:
        """Return the newest released set, which drafts follow; the newest where nothing is locked."""
        return self._newest(ChecklistSet)

    def _newest(self, model: type[D]) -> D:
        found = [entry for entry in self.definitions.values() if isinstance(entry, model)]
        released = [entry for entry in found if entry.key in self.released]
        # Beside a lock, what is not in it is still being written.
        free = [entry for entry in found if entry.key not in self.drafts]
        if not released and not free:
            raise NotFound("definition", model.__name__.lower())
        return max(released or free, key=lambda entry: entry.version)

    def in_force(self) -> dict[str, str]:
        """Return the digests of the released definitions that new proposals go by, by their keys."""
        found = {}
        for model in (Workflow, ChecklistSet, Indicators):
            if any(isinstance(self.definitions[key], model) for key in self.released):
                newest = self._newest(model)
                members = newest.checklists if isinstance(newest, ChecklistSet) else ()
                for key in (newest.key, *(member.checklist for member in members)):
                    if key in self.released and key not in self.edited:
                        found[key] = self.digests[key]
        return found


# Proofs take longer than all the rest of reading, and the same text is often read again.
_PROVEN: Final[dict[tuple[str, frozenset[tuple[str, str]]], tuple[Finding, ...]]] = {}


def _proofs(workflow: Workflow, digest: str, names: Names) -> tuple[Finding, ...]:
    known = (digest, frozenset(names.guards.items()))
    if known not in _PROVEN:
        _PROVEN[known] = tuple(prove(workflow, names))
    return _PROVEN[known]


def _is_held_by(holder: Holder, state: State) -> bool:
    return state.holder == holder


def read_library(workflows: Path, checklists: Path, names: Names, *, reads_locks: bool = True) -> Library:
    """Read every definition of the two folders, with their locks or as if there were none.

    Raises ``FaultyInput`` with all faults of all files: those of form, names that stand nowhere,
    proofs that fail, and released files that are gone. Released files that were edited afterwards are
    in the library's ``edited``: what pinned them has to stop, and nothing else.
    """
    return _read((workflows, checklists), names, reads_locks)


def read_set(folder: Path, names: Names) -> tuple[Library, ChecklistSet]:
    """Read a folder that holds checklists and one set, ours or another agency's."""
    library = _read((folder,), names)
    if not any(isinstance(entry, ChecklistSet) for entry in library.definitions.values()):
        raise FaultyInput([Fault(str(folder), 1, "there is no set in this folder")])
    return library, library.newest_set()


def _read(folders: Iterable[Path], names: Names, reads_locks: bool = True) -> Library:
    reading = _Reading(names, reads_locks)
    for folder in folders:
        reading.folder(folder)
    for definition in reading.definitions.values():
        if isinstance(definition, ChecklistSet):
            reading.check_set(definition)
    if reading.faults:
        raise FaultyInput(reading.faults)
    return Library(
        reading.definitions, reading.digests, reading.released, frozenset(reading.drafts), reading.edited
    )


@dataclass
class _Reading:
    """What was read so far, with all its faults."""

    names: Names
    reads_locks: bool
    definitions: dict[str, Definition] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    released: dict[str, str] = field(default_factory=dict)
    drafts: set[str] = field(default_factory=set)
    edited: dict[str, Fault] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    # Names of the files that did not become a definition: what they lack is reported once, there.
    faulty: set[str] = field(default_factory=set)

    def folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.faults.append(Fault(str(folder), 1, "this folder does not exist"))
            return
        before = set(self.definitions)
        for file in sorted(folder.glob("*.yaml")):
            try:
                self.file(file)
            except FaultyInput as error:
                self.faults.extend(error.faults)
                self.faulty.add(file.name)
        if self.reads_locks:
            self.lock(folder, set(self.definitions) - before)

    def file(self, file: Path) -> None:
        document = read_document(file, str(file))
        definition = _parse(document, self.names)
        if definition.key in self.definitions:
            first = self.documents[definition.key].name
            self.faults.append(Fault(document.name, 1, f"‘{definition.key}’ stands twice, also in {first}"))
            return
        self.definitions[definition.key] = definition
        self.digests[definition.key] = digest_of(definition)
        self.documents[definition.key] = document
        if isinstance(definition, Workflow):
            for path, message in _proofs(definition, self.digests[definition.key], self.names):
                self.complain(definition, path, message)

    def lock(self, folder: Path, keys: set[str]) -> None:
        try:
            locked = read_lock(folder)
        except FaultyInput as error:
            self.faults.extend(error.faults)
            return
        self.released.update({key: entry.digest for key, entry in locked.items()})
        if locked:
            self.drafts |= keys - locked.keys()
        for key, entry in locked.items():
            if f"{key}.yaml" in self.faulty:
                continue
            if key not in self.definitions:
                self.faults.append(Fault(str(folder / LOCK), 1, f"‘{key}’ is released, but its file is gone"))
            elif self.digests[key] != entry.digest:
                message = f"‘{key}’ is released and may not change; correct it in the next version"
                document = self.documents[key]
                places = edited_places(entry, release_of(self.definitions[key]))
                line = min(map(document.line, places), default=1)
                self.edited[key] = Fault(document.name, line, message)

    def check_set(self, chosen: ChecklistSet) -> None:
        codes: dict[str, str] = {}
        looking: dict[str, str] = {}
        consulted: set[str] = set()
        for index, member in enumerate(chosen.checklists):
            path, checklist = ("checklists", index), self.definitions.get(member.checklist)
            if not isinstance(checklist, Checklist):
                if f"{member.checklist}.yaml" not in self.faulty:
                    self.complain(chosen, path, f"the checklist ‘{member.checklist}’ does not exist")
                continue
            for message in _member_complaints(chosen, member, checklist):
                self.complain(chosen, path, message)
            consulted.update(checklist.consult)
            for item in checklist.items:
                # What was found is noted in the one rating that it is looked up for.
                if item.looks_up and looking.setdefault(item.looks_up, item.id) != item.id:
                    twin = looking[item.looks_up]
                    self.complain(chosen, path, f"{item.id} looks up {item.looks_up}, as {twin} does")
            if codes.setdefault(checklist.code, checklist.key) != checklist.key:
                twin = codes[checklist.code]
                self.complain(chosen, path, f"{checklist.key} has the code {checklist.code}, as {twin} has")

        for index, unit in enumerate(chosen.awaits):
            if unit not in consulted and not self.faulty:
                self.complain(chosen, ("awaits", index), f"‘{unit}’ is awaited, but no checklist consults it")

    def complain(self, definition: Definition, path: Path_, message: str) -> None:
        document = self.documents[definition.key]
        self.faults.append(Fault(document.name, document.line(path), message))


def _parse(document: Document, names: Names) -> Definition:
    data = document.data if isinstance(document.data, dict) else {}
    model = MODELS.get(str(data.get("kind")))
    if model is None and document.data is not None:
        document.fault(("kind",), f"‘kind’ must be one of {', '.join(MODELS)}")
        raise FaultyInput(document.faults)
    return parse(document, model or Definition, names)


def _member_complaints(chosen: ChecklistSet, member: Member, checklist: Checklist) -> Iterator[str]:
    for item in sorted(set(member.item_weights) - {item.id for item in checklist.items}):
        yield f"‘{item}’ is not an item of {member.checklist}"
    if chosen.verdict_rule.name == "gate" and not any(item.gating for item in checklist.items):
        yield f"{member.checklist} has no gating item, but the rule is ‘gate’"
