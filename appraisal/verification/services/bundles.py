"""Everything about some proposals goes into one ZIP, written as it is read, to be verified offline."""

import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Final

from sqlalchemy import Connection

from appraisal.canonical import canonical
from appraisal.database import seals
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.definitions.sets import ChecklistSet
from appraisal.errors import AppraisalError, NotFound
from appraisal.language.texts import Language
from appraisal.paths import folder
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.people.store.people import load_people
from appraisal.product import VERSION
from appraisal.proposals.store import lists, visible
from appraisal.records.rules import validity
from appraisal.records.services.issuers import expired_on, issuing, key_of
from appraisal.records.signing.signer import Signer
from appraisal.records.store import issuers
from appraisal.schemas import schema_text
from appraisal.trail.rules import merkle
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.trail.store import site, whole_trail
from appraisal.verification.rules import bundle_manifest
from appraisal.verification.rules.bundle_manifest import Asked, Entry, Held
from appraisal.verification.services import bundle_pages
from appraisal.verification.services.bundle_pages import Kept, Listed, Shown
from appraisal.verification.store import bundles as stored
from appraisal.workflow.rules import event_sentences

_PIECE: Final = 1 << 20
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,5}")
Progress = Callable[[int, int], None]


class Incomplete(AppraisalError):
    """A file that belongs into a bundle is not in the store, or was altered there."""


class Nothing(AppraisalError):
    """No proposal fits; ``missing`` are numbers that are none, or not open to the reader."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.missing = tuple(missing)
        named = ", ".join(self.missing)
        super().__init__(f"there is no proposal {named}" if named else "no proposal fits what was asked")


class Withheld(AppraisalError):
    """Some of what fits is not open to the reader: ``numbers``, none where that is not told either."""

    def __init__(self, numbers: Sequence[str] = ()) -> None:
        self.numbers = tuple(numbers)
        super().__init__(", ".join(self.numbers))


class Altered(AppraisalError):
    """What is stored of proposals is not what their audit trails say; ``numbers`` are theirs."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self.numbers = tuple(numbers)
        named = ", ".join(self.numbers)
        super().__init__(f"what is stored of {named} is not what the audit trail says; see audit verify")


class Undrawn(AppraisalError):
    """PDFs that were asked for are not drawn yet: ``missing`` are languages, each with the id of a record."""

    def __init__(self, missing: Sequence[tuple[str, int]]) -> None:
        self.missing = tuple(missing)
        counted = Counter(language for language, _ in missing)
        named = ", ".join(f"{count} in {language}" for language, count in counted.items())
        super().__init__(f"PDFs that were asked for are not drawn yet: {named}")


@dataclass(frozen=True, slots=True)
class Order:
    """A bundle that can be made: what was asked and by whom, the proposals that fit, and the key.

    Without one, ``expired_on`` is when the last one expired, if that is why.
    """

    asked: Asked
    rows: Sequence[Any]
    key: Signer | None
    by: Person = SYSTEM_ACTOR
    expired_on: datetime | None = None


@dataclass(slots=True)
class Writing:
    """A bundle that is being written: its archive, the moment that all files bear, and what they came to."""

    archive: zipfile.ZipFile
    now: datetime
    entries: dict[str, Entry] = field(default_factory=dict)

    def put(self, path: str, data: bytes) -> Kept:
        """Write a file."""
        return self.copy(path, iter([data]), len(data), packed=True)

    def lines(self, path: str, lines: Iterator[bytes]) -> Kept:
        """Write a file of lines that come one by one."""
        return self.copy(path, lines, None, packed=True)

    def copy(self, path: str, pieces: Iterator[bytes], size: int | None, *, packed: bool = False) -> Kept:
        """Write a file piece by piece; files that are packed already are not packed again."""
        assert bundle_manifest.is_path(path), path
        if path in self.entries:
            return Kept(path, self.entries[path].size, self.entries[path].sha256)
        info = zipfile.ZipInfo(path, self.now.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.create_system, info.external_attr = 3, 0o644 << 16
        digest, length = hashlib.sha256(), 0
        large = size is None or size > 1 << 30
        with self.archive.open(info, "w", force_zip64=large) as file:
            for piece in pieces:
                digest.update(piece)
                length += len(piece)
                file.write(piece)
        self.entries[path] = Entry(path, length, digest.hexdigest())
        return Kept(path, length, digest.hexdigest())


def order(
    db: Connection, asked: Asked, now: datetime, signer: Signer | None = None, reader: Person | None = None
) -> Order:
    """Find what was asked for, before anything is written; with ``reader``, for somebody of the pages.

    Raises ``Nothing``, ``Undrawn`` where a PDF that was asked for is not made, ``Altered`` where pages, or
    the choice of proposals, would rest on rows that the trail does not tell of, ``KeyMissing`` where a key is
    in force that is not at hand, ``Unsignable`` where it is not valid yet, and ``Withheld``: a bundle of all
    that fits is never silently one of less. With a key that has expired it is made all the same, and says
    that it is unsigned; call ``issuers.end_expired`` before.
    """
    rows = stored.chosen(db, asked, reader)
    if asked.numbers:
        rows = [row for row in rows if row.is_whole]
        missing = [number for number in asked.numbers if number not in {row.number for row in rows}]
        if missing:
            raise Nothing(missing)
    elif reader is not None and visible.owes_review(db, reader):
        # Even that a proposal fits could tell what others said of it.
        raise Withheld
    if withheld := [row.number for row in rows if not row.is_whole]:
        raise Withheld(withheld)
    if altered := _altered(db, asked, rows):
        raise Altered(altered)
    if not rows:
        raise Nothing
    if undrawn := stored.undrawn(db, [row.id for row in rows], asked.languages):
        raise Undrawn(undrawn)
    key = key_of(issuing(db, now), signer)
    if key is not None:
        key.check_time(now)
    return Order(asked, rows, key, reader or SYSTEM_ACTOR, expired_on(db, now))


def _altered(db: Connection, asked: Asked, rows: Sequence[Any]) -> list[str]:
    """Return the numbers of proposals whose rows are not what their trails say.

    Where proposals are chosen by what their rows say, that is looked at in all of them.
    """
    chosen = {row.id for row in rows}
    others = () if asked.numbers else (row for row in stored.chosen(db, Asked()) if row.id not in chosen)
    found = [row.number for row in rows if seals.is_altered(db, row.id)]
    return found + [row.number for row in others if seals.is_altered(db, row.id, ["proposals"])]


def write(
    db: Connection,
    files: Files,
    library: Library,
    order: Order,
    out: IO[bytes],
    now: datetime,
    language: Language,
    progress: Progress = lambda *_: None,
) -> int:
    """Write the bundle that was ordered in the same view of the database; return how many proposals it holds.

    ``out`` need not be able to seek. The same database, moment and language give the same bytes. Raises
    ``Incomplete`` or ``Unsignable``; what was written until then is of no use.
    """
    rows = order.rows
    with zipfile.ZipFile(out, "w") as archive:
        writing = Writing(archive, now)
        proofs = _checkpoints(db, writing, [row.number for row in rows])
        listed, held = [], {}
        for count, row in enumerate(rows):
            progress(count, len(rows))
            shown = _proposal(db, files, library, writing, row, proofs.get(row.number), order.asked, language)
            records = {record.digest: tuple(code for code, _ in pdfs) for record, _, pdfs in shown.records}
            held[row.number] = Held(row.sequence, row.head, len(shown.versions), records)
            listed.append(Listed(row, shown.state, len(records), shown.proven))
        progress(len(rows), len(rows))
        _common(db, library, writing)
        index = bundle_pages.index(listed, order.asked, order.by, now, language)
        writing.put("index.html", index)
        _close(writing, order, held, now)
    return len(rows)


def asked_for(asked: Asked) -> str:
    """Write in a few words what was asked for."""
    languages = f"PDF {' '.join(asked.languages)}" if asked.languages else ""
    return ", ".join(filter(None, (*asked.numbers, asked.biennium, asked.unit, asked.state, languages)))


def _proposal(
    db: Connection,
    files: Files,
    library: Library,
    writing: Writing,
    row: Any,
    proof: Mapping[str, Any] | None,
    asked: Asked,
    language: Language,
) -> Shown:
    """Write all that hangs on one proposal, and the page that leads to it."""
    number = row.number
    versions = [
        (found, writing.put(f"versions/{number}/version-{found.number}.json", found.value.encode()))
        for found in stored.versions_of(db, row.id)
    ]
    records = list(_records(db, files, writing, row, asked))
    documents = [
        (found, _stored(files, writing, f"attachments/{found.sha256}{_ending(found.filename)}", found))
        for found in stored.documents_of(db, row.id)
        # What no version holds yet is its authors' alone.
        if any(found.sha256 in version.value for version, _ in versions)
    ]
    events = writing.lines(
        f"events/{number}.jsonl",
        (
            bundle_manifest.event_line(number, sequence, digest, body)
            for _, sequence, body, digest in whole_trail.exported(db, number)
        ),
    )
    proven = writing.put(f"proofs/{number}.json", canonical(proof)) if proof else None
    happened = lists.history_of(db, row.id)
    people = load_people(db, {id for event in happened for id in event_sentences.people_in(event)})
    names = {person.id: person.name for person in people.values()}
    told = event_sentences.tell(happened, _set_of(library, row), names, language)
    shown = Shown(
        row=row,
        state=_state_title(library, row, language),
        versions=versions,
        records=records,
        documents=documents,
        events=events,
        proof=proven,
        proven=proof["sequence"] if proof else 0,
        validities=validity.along(json.loads(body) for _, _, body, _ in whole_trail.exported(db, number)),
        names=names,
    )
    said = list(zip(happened, told, strict=True))
    writing.put(f"proposals/{number}.html", bundle_pages.proposal(shown, said, language))
    return shown


def _set_of(library: Library, row: Any) -> ChecklistSet:
    """Return the set that a proposal goes by; the newest where it pinned none, or its own is gone."""
    try:
        return library.set(row.definition_set)
    except NotFound:
        return library.newest_set()


def _records(
    db: Connection, files: Files, writing: Writing, row: Any, asked: Asked
) -> Iterator[tuple[Any, Kept, Any]]:
    """Write the records of a proposal, each as JSON and in every language asked, or in which it was drawn."""
    drawn = stored.renderings_of(db, row.id)
    for place, record in enumerate(stored.records_of(db, row.id), 1):
        stem = f"records/{row.number}/{place:02d}-{record.kind}"
        kept = writing.put(f"{stem}.json", record.value.encode())
        pdfs = [
            (made.language, _stored(files, writing, f"{stem}-{made.language}.pdf", made))
            for made in drawn.get(record.id, [])
            if not asked.languages or made.language in asked.languages
        ]
        yield record, kept, pdfs


def _stored(files: Files, writing: Writing, path: str, row: Any) -> Kept:
    """Copy a file out of the store; raises ``Incomplete`` where it is not what it was."""
    try:
        place = files.whole(row.sha256)
    except NotFound as error:
        raise Incomplete(f"{path}: the file {error.name} is not in the store as it was") from error
    with place.open("rb") as file:
        kept = writing.copy(path, iter(lambda: file.read(_PIECE), b""), row.size)
    if kept.sha256 != row.sha256:
        raise Incomplete(f"{path}: the file {row.sha256} was altered while it was read")
    return kept


def _ending(filename: str) -> str:
    """Return the ending of a file's name where it is a plain one, so that it opens by itself."""
    _, dot, ending = filename.rpartition(".")
    return f".{ending.lower()}" if dot and _ENDING.fullmatch(f".{ending.lower()}") else ""


def _checkpoints(db: Connection, writing: Writing, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Write all checkpoints; return for each chain that the last one covers the proof that it does."""
    last: Checkpoint | None = None
    for row in stored.checkpoints(db):
        last = Checkpoint(row.sequence, row.body, row.digest)
        writing.put(f"checkpoints/{row.sequence:05d}.json", row.body.encode())
        if row.signature is not None:
            writing.put(f"checkpoints/{row.sequence:05d}.json.p7s", row.signature)
    return prove(db, last, numbers) if last is not None else {}


def prove(db: Connection, last: Checkpoint, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return by number the proof of where a chain stood at a checkpoint, for those that had begun by then."""
    wanted, tree = set(numbers), merkle.Tree()
    places: dict[str, tuple[int, int, str]] = {}
    for index, entry in enumerate(whole_trail.heads(db, last.facts["events"]["to"])):
        tree.put(index, entry)
        number, sequence, head = entry.decode().rsplit(" ", 2)
        if number in wanted:
            places[number] = (index, int(sequence), head)
    root = tree.root().hex()
    return {
        number: bundle_manifest.proof(
            last.sequence, root, number, sequence, head, index, len(tree), tree.proof(index)
        )
        for number, (index, sequence, head) in places.items()
    }


def _common(db: Connection, library: Library, writing: Writing) -> None:
    """Write what stands beside the proposals: the site's chain, certificates, definitions, and the schema."""
    chain = (
        bundle_manifest.event_line("site", entry.sequence, entry.digest, entry.body)
        for entry in site.chain(db)
    )
    writing.lines("events/site.jsonl", chain)
    for row in issuers.history(db):
        if row.certificate is not None:
            writing.put(f"certificates/{row.fingerprint}.der", row.certificate)
    writing.put("record.schema.json", schema_text().encode())
    for name in ("workflows", "checklists"):
        for file in sorted(folder(name).glob("*.yaml")):
            writing.put(f"definitions/{file.name}", file.read_bytes())
    digests = "".join(f"{digest}  {key}\n" for key, digest in sorted(library.digests.items()))
    writing.put("definitions/DIGESTS", digests.encode())


def _close(writing: Writing, order: Order, held: Mapping[str, Held], now: datetime) -> None:
    """Write what names all the files: the manifest, its signature where a key is in force, and the sums."""
    entries = list(writing.entries.values())
    by = (order.by.id, order.by.name)
    named = bundle_manifest.manifest(entries, order.asked, by, held, now, VERSION, order.expired_on)
    writing.put(bundle_manifest.MANIFEST, named)
    if order.key is not None:
        writing.put(bundle_manifest.SIGNATURE, order.key.sign_text(named, now))
    writing.put(bundle_manifest.SUMS, bundle_manifest.sums(entries, named))


def _state_title(library: Library, row: Any, language: Language) -> str:
    states = library.workflow(row.workflow).states if row.workflow else {}
    return states[row.state].title[language] if row.state in states else str(row.state)
