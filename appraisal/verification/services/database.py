"""All that was ever written down is verified here, in bounded memory, and what does not hold is named."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice, zip_longest
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from appraisal.canonical import canonical, plain
from appraisal.clock import parse_stamp, stamp
from appraisal.database import seals, triggers
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.lists.rules.kinds_of_list import BY_KEY
from appraisal.lists.rules.lines import key_of
from appraisal.lists.services import imports as lists_imports
from appraisal.lists.services.imports import ACTION as IMPORT
from appraisal.lists.services.matching import ACTION as MATCH
from appraisal.lists.store.matching import DATASET as PROJECTS
from appraisal.people.facts import SYSTEM_ACTOR
from appraisal.proposals.services.exchange_rates import CORRECT_RATE, ENTER_RATE
from appraisal.records.facts import ACTION as ISSUER
from appraisal.records.store import issuers
from appraisal.trail.rules import checkpoints, events, merkle, sealed_rows
from appraisal.trail.rules.checkpoints import Checkpoint
from appraisal.trail.rules.events import GENESIS
from appraisal.trail.store import site, whole_trail
from appraisal.verification.reading import signatures
from appraisal.verification.services.checkpoints import ACTION, Counted
from appraisal.verification.services.releases import ACTION as IN_FORCE
from appraisal.verification.store.symbols import symbols_of
from appraisal.vocabulary.project_symbols import normalised

# So many things that are wrong are told one by one; the others are counted.
MOST: Final = 100
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
# What a text that was forged may do to those who read it.
_FORGED = (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Break:
    """Something that does not hold: what was checked, where, and what is wrong there."""

    check: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(slots=True)
class Report:
    """What was looked at, how many of each, and what does not hold, first first."""

    checked: Counter[str] = field(default_factory=Counter)
    breaks: list[Break] = field(default_factory=list)
    wrong: int = 0
    # What went the emergency way, in the order of the site's chain: moment, action, whose account.
    emergencies: list[tuple[str, str, int]] = field(default_factory=list)

    def tell(self, check: str, place: str, what: str | None) -> None:
        """Note what is wrong at a place; nothing for None."""
        if what is None:
            return
        self.wrong += 1
        if len(self.breaks) < MOST:
            self.breaks.append(Break(check, place, what))


@dataclass(slots=True)
class Verifying:
    """What a verification reads, and what it has found so far."""

    db: Connection
    library: Library
    files: Files | None
    progress: Progress
    report: Report = field(default_factory=Report)
    # Digests of definitions that versions and records name, by key, with the first place that does.
    pinned: dict[tuple[str, str], str] = field(default_factory=dict)
    # The site's chain: its digests by sequence, and the digests of the checkpoints that it tells of.
    site: dict[int, str] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)
    # The SHA-256 of the certificate that was in force when a checkpoint was made, empty for none.
    signed_with: dict[int, str] = field(default_factory=dict)
    site_holds: bool = False
    # By which digests it tells that definitions came into force, the last of each key.
    in_force: dict[str, str] = field(default_factory=dict)
    # What the site's chain tells of imports, by their ids.
    imports: dict[int, Any] = field(default_factory=dict)
    # What it tells of projects that somebody matched, by the ids of the matches.
    matches: dict[int, Any] = field(default_factory=dict)
    # What it tells of rates, in their order.
    rates: list[Any] = field(default_factory=list)
    # What it seals, row by row; None where it ends before it seals anything.
    sealed: dict[str, str] | None = None
    # How many proposals have a number of a year, and the highest: they are given without a gap.
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)

    def number(self, number: str) -> None:
        """Note the number of a proposal."""
        year, _, place = number.removeprefix("TC-").partition("-")
        if place.isdecimal():
            count, highest = self.numbers.get(year, (0, 0))
            self.numbers[year] = (count + 1, max(highest, int(place)))


def verify(
    database: Database, library: Library, files: Files | None, progress: Progress = lambda *_: None
) -> Report:
    """Verify the triggers, all chains, what they speak of, checkpoints, files and definitions.

    All is read from one consistent view. Without ``files``, the store is not looked at.
    """
    with database.read() as db:
        run = Verifying(db, library, files, progress)
        for name, check in _CHECKS.items():
            try:
                check(run)
            except DBAPIError as error:
                told = str(error.orig).splitlines()[0]
                run.report.tell(name, name, f"cannot be read: {told}")
            except _FORGED as error:
                run.report.tell(name, name, f"is not what the product writes: {error}")
        return run.report


def _check_triggers(run: Verifying) -> None:
    for fault in triggers.faults(run.db):
        run.report.tell("triggers", "the schema", fault)
    run.report.checked["triggers"] += len(triggers.APPENDED)
    for fault in whole_trail.dangling(run.db):
        run.report.tell("triggers", "the database", fault)


def _check_ids(run: Verifying) -> None:
    for fault in whole_trail.renumbered(run.db):
        run.report.tell("ids", "the database", fault)


def _check_site(run: Verifying) -> None:
    chain = site.chain(run.db)
    run.report.checked["site_events"] += len(chain)
    fault = events.broken(chain)
    run.report.tell("site", "the site's chain", fault)
    for entry in chain:
        run.site[entry.sequence] = entry.digest
    run.site_holds = fault is None
    if run.site_holds:
        _hear(run, chain)
        _check_accounts(run, chain)


def _check_accounts(run: Verifying, chain: Sequence[events.Event]) -> None:
    """Compare the columns by which events about accounts are found with their texts; note emergencies."""
    noted = site.columns(run.db)
    for entry in chain:
        said = entry.facts
        if noted.get(entry.sequence) != site.event_columns(said["facts"]):
            run.report.tell(
                "site", "the site's chain", f"event {entry.sequence}: its columns are not what its text says"
            )
        if said["facts"].get("emergency"):
            run.report.emergencies.append((said["at"], said["action"], said["facts"]["person"]))


def _hear(run: Verifying, chain: Sequence[events.Event]) -> None:
    """Note what the site's chain tells of checkpoints and keys, and compare the keys with their rows."""
    in_force, changes = "", []
    for entry in chain:
        _hear_seals(run, entry)
        if f'"action":"{ACTION}"' in entry.body:
            facts = entry.facts["facts"]
            run.told[facts["sequence"]] = facts["digest"]
            run.signed_with[facts["sequence"]] = in_force
        elif f'"action":"{ISSUER}"' in entry.body:
            told = entry.facts
            in_force = told["facts"]["fingerprint"]
            # That it ended with its certificate is said beside.
            facts = {key: value for key, value in told["facts"].items() if key != "expired"}
            changes.append((told["at"], told["by"], facts))
        elif f'"action":"{IN_FORCE}"' in entry.body:
            facts = entry.facts["facts"]
            run.in_force[facts["definition"]] = facts["digest"]
        elif f'"action":"{IMPORT}"' in entry.body:
            told = entry.facts
            run.imports[told["facts"]["import"]] = {**told["facts"], "at": told["at"], "by": told["by"]}
        elif f'"action":"{MATCH}"' in entry.body:
            told = entry.facts
            run.matches[told["facts"]["match"]] = {**told["facts"], "at": told["at"], "by": told["by"]}
        elif f'"action":"{ENTER_RATE}"' in entry.body or f'"action":"{CORRECT_RATE}"' in entry.body:
            told = entry.facts
            # One that corrects none has no reason; events of before say nothing of any.
            unsaid = {"reason": ""} if told["action"] == ENTER_RATE and "source" in told["facts"] else {}
            run.rates.append({**unsaid, **told["facts"], "entered_at": told["at"], "entered_by": told["by"]})
    rows = [
        (stamp(row.at), row.by, {key: getattr(row, key) for key in ("address", "fingerprint", "subject")})
        for row in issuers.history(run.db)
    ]
    run.report.checked["issuers"] += len(rows)
    if rows != changes:
        run.report.tell("issuers", "the issuers", "are not those that the site's chain tells of")
    for row in issuers.history(run.db):
        if hashlib.sha256(row.certificate or b"").hexdigest() != (row.fingerprint or _NOTHING):
            run.report.tell(
                "issuers", "the issuers", f"the certificate of {row.subject or 'nobody'} was altered"
            )


def _hear_seals(run: Verifying, entry: events.Event) -> None:
    """Note what an event of the site seals; once one does, every later one says so too."""
    sealed = entry.facts.get("seals") if '"seals":' in entry.body else None
    if sealed is not None:
        run.sealed = run.sealed or {}
        run.sealed |= sealed
    elif run.sealed is not None:
        run.report.tell("site", "the site's chain", f"event {entry.sequence} says nothing of what is stored")


def _check_chains(run: Verifying) -> None:
    """Follow every chain, and compare the versions and records that hang on it."""
    total = whole_trail.counts(run.db)["events"]
    versions, records = (
        whole_trail.Groups(whole_trail.versions(run.db)),
        whole_trail.Groups(whole_trail.records(run.db)),
    )
    stored = {name: whole_trail.Groups(whole_trail.sealed(run.db, name)) for name in seals.OF_PROPOSALS}
    for id, named, walked in _walks(run.db):
        _without_events(run, versions, records, id)
        number = named[1] if named else f"proposal {id}"
        if named is not None:
            run.number(number)
        run.report.checked["chains"] += 1
        run.report.checked["events"] += walked.count
        run.report.checked["older_events"] += walked.unsealed
        run.report.tell("chains", number, _chain_fault(named, walked))
        kept = records.of(id)
        made_by = _check_sealed(run, number, walked, versions.of(id), kept)
        _check_stored(run, id, number, walked, stored)
        # Events of earlier versions of the product do not say what was pinned.
        pins = made_by if walked.pins is None else walked.pins
        if named is not None and pins is not None and canonical(pins).decode() != named[4]:
            run.report.tell("definitions", number, "pins other definitions than it was submitted by")
        if named is not None and named.form:
            run.report.tell("stored", number, _form_fault(named.form, kept))
        run.progress("events", run.report.checked["events"], total)
    _without_events(run, versions, records, None)
    _without_proposal(run, stored, None)
    for year, (count, highest) in sorted(run.numbers.items()):
        if count != highest:
            said = f"there are {count}, though their numbers go up to {highest}"
            run.report.tell("chains", f"proposals of {year}", said)


def _form_fault(form: str, records: Sequence[Any]) -> str | None:
    """Compare the form that an approval counts by without a version with the sheet of its registration."""
    try:
        sheets = (
            json.loads(row.value) for row in reversed(records) if row.decision_kind == "register_approval"
        )
        newest = next(sheets, None)
        if newest is None or newest["proposal"]["content"] == json.loads(form):
            return None
    except _FORGED:
        # A record that is not what the product writes is named by itself.
        return None
    return "its form is not the one with which its approval was registered"


def _without_proposal(run: Verifying, stored: Mapping[str, whole_trail.Groups], id: int | None) -> None:
    """Tell of rows that hang on no proposal."""
    for name, rows in stored.items():
        for row in rows.before(id):
            run.report.tell("stored", f"proposal {row[0]}", f"has rows in {name}, but no row of its own")


def _check_stored(
    run: Verifying, id: int, number: str, walked: sealed_rows.Walk, stored: Mapping[str, whole_trail.Groups]
) -> None:
    """Compare the rows of a proposal, table by table, with what the newest event of its chain seals."""
    _without_proposal(run, stored, id)
    rows = {name: groups.of(id) for name, groups in stored.items()}
    if walked.fault is not None:
        # Named already: what it seals proves nothing.
        return
    if walked.seals is None:
        run.report.checked["unsealed_chains"] += 1
        return
    told = json.loads(walked.seals)
    for name, found in rows.items():
        run.report.checked["sealed_rows"] += len(found)
        if (now := seals.sealing(name, [row[1:] for row in found])) != told.get(name, ""):
            run.report.tell("stored", number, seals.difference(name, told.get(name, ""), now))


def _check_site_rows(run: Verifying) -> None:
    """Compare every row that events of the site seal with the last one that does."""
    if not run.site_holds:
        return
    if run.sealed is None:
        run.report.checked["unsealed_chains"] += 1
        return
    told = dict(run.sealed)
    for name in seals.OF_SITE:
        for key, now in seals.all_of_site(run.db, name):
            run.report.checked["sealed_rows"] += 1
            if (said := told.pop(key, "")) != now:
                what = "is not what the site's chain says" if said else "is told of by no event of the site"
                run.report.tell("stored", _row_named(key), what)
    for key in sorted(key for key, said in told.items() if said):
        run.report.tell("stored", _row_named(key), "is missing, though the site's chain tells of it")


def _row_named(key: str) -> str:
    name, _, id = key.partition(":")
    return f"{name}: row {id}" if id else name


def _walks(db: Connection) -> Iterator[tuple[int, Any, sealed_rows.Walk]]:
    """Follow every chain; yield the id of its proposal, the row (None where it is gone) and the walk."""
    proposals = whole_trail.Groups(whole_trail.proposals(db))
    for id, rows in groupby(whole_trail.events(db), key=sealed_rows.proposal_of):
        yield from ((row[0], row, sealed_rows.Walk()) for row in proposals.before(id))
        named = next(iter(proposals.of(id)), None)
        yield id, named, sealed_rows.walk(named[1] if named else "", rows)
    yield from ((row[0], row, sealed_rows.Walk()) for row in proposals.before(None))


def _chain_fault(named: Any, walked: sealed_rows.Walk) -> str | None:
    if named is None:
        return "has events, but no row"
    return sealed_rows.end_fault(walked, named[2], named[3])


def _without_events(
    run: Verifying, versions: whole_trail.Groups, records: whole_trail.Groups, id: int | None
) -> None:
    """Tell of versions and records that hang on no proposal."""
    for kind, rows in (("version", versions), ("record", records)):
        for row in rows.before(id):
            run.report.tell(f"{kind}s", f"proposal {row[0]}", f"has a {kind}, but no row")


def _check_sealed(
    run: Verifying, number: str, walked: sealed_rows.Walk, versions: Sequence[Any], records: Sequence[Any]
) -> Mapping[str, str] | None:
    """Compare versions and records with their texts and with the chain.

    Returns the digests of the definitions that the first of them was made by; None where there is none.
    """
    pins: Mapping[str, str] | None = None
    for kind, rows, judge in (
        ("versions", versions, sealed_rows.version_fault),
        ("records", records, sealed_rows.record_fault),
    ):
        for row in rows:
            run.report.checked[kind] += 1
            held = dict(row._mapping)
            try:
                fault = judge(held, number, walked)
                if fault is None:
                    pinned = _pin(run, number, json.loads(held["value"]))
                    pins = pinned if pins is None else pins
            except _FORGED:
                fault = f"{kind[:-1]} {held.get('number', held['digest'])} is not what the product writes"
            run.report.tell(kind, number, fault)
    if walked.fault is None:
        gone = sealed_rows.missing(walked, (row.number for row in versions), (row.digest for row in records))
        run.report.tell("versions" if gone and gone.startswith("version") else "records", number, gone)
    return pins


def _pin(run: Verifying, number: str, value: Mapping[str, Any]) -> Mapping[str, str]:
    """Note which definitions a version or record was made by, and return them."""
    pinned: Mapping[str, str] = value["definitions"].get("digests", value["definitions"])
    for pair in pinned.items():
        run.pinned.setdefault(pair, number)
    return pinned


def _check_reports(run: Verifying) -> None:
    for row in whole_trail.reports(run.db):
        run.report.checked["indicator_reports"] += 1
        place = f"indicator report {row.digest}"
        if not sealed_rows.is_sealed(row.value, row.digest):
            run.report.tell("indicator_reports", place, "was altered")
            continue
        value = json.loads(row.value)
        told = {"indicator": value["indicator"], "biennium": value["biennium"], "at": value["published_at"]}
        for column, said in told.items():
            if row._mapping[column] != said:
                run.report.tell("indicator_reports", place, f"its column {column} is not what its text says")


def _check_imports(run: Verifying) -> None:
    """Compare every import, and the rows that it brought, with what the site's chain tells of it."""
    if not run.site_holds:
        return
    entries = whole_trail.Groups(whole_trail.entries(run.db))
    seen, last = set(), 0
    for row in whole_trail.imports(run.db):
        run.report.checked["imports"] += 1
        seen.add(row.id)
        sealing, beside = hashlib.sha256(), set()
        for entry in entries.before(row.id + 1):
            sealing.update(lists_imports.sealed(entry.key, entry.line, entry.value))
            beside.add((entry.dataset, entry.at))
            # The newest row of a key is in force, so that their order counts.
            if entry.id <= last:
                run.report.tell("imports", f"import {row.id}", f"row {entry.id} came before another import's")
            last = max(last, entry.id)
            run.report.checked["entries"] += 1
        beside.discard((row.dataset, row.at))
        run.report.tell("imports", f"import {row.id}", _import_fault(run, row, sealing.hexdigest(), beside))
    for entry in islice(entries.before(None), 1):
        run.report.tell("imports", f"import {entry.import_id}", "has rows, but is missing")
    for id in sorted(run.imports.keys() - seen):
        run.report.tell("imports", f"import {id}", "is missing, though the site's chain tells of it")


def _import_fault(run: Verifying, row: Any, digest: str, beside: Collection[Any]) -> str | None:
    told = run.imports.get(row.id)
    if told is None:
        return "is not told of by the site's chain"
    for name, said in told.items():
        column = {"import": "id", "file": "filename"}.get(name, name)
        if name != "digest" and row._mapping[column] != said:
            return f"its column {column} is not what the site's chain tells"
    if digest != told["digest"]:
        return "the rows that it brought are not those that the site's chain tells of"
    return "the rows that it brought name another dataset or moment" if beside else None


def _check_matches(run: Verifying) -> None:
    """Compare what people found of projects with what the site's chain tells of it."""
    if not run.site_holds:
        return
    seen, projects = set(), set()
    for row in whole_trail.matches(run.db):
        run.report.checked["matches"] += 1
        fault = _match_fault(run.matches.get(row.id), row, is_first=row.project not in projects)
        if fault is None and row.id not in run.matches and not _bore(run.db, row):
            fault = "its proposal never bore the symbol of the project"
        run.report.tell("matches", f"match {row.id}", fault)
        seen.add(row.id)
        projects.add(row.project)
    for id in sorted(run.matches.keys() - seen):
        run.report.tell("matches", f"match {id}", "is missing, though the site's chain tells of it")


def _bore(db: Connection, row: Any) -> bool:
    """Tell whether the proposal of a match bears the symbol of the project, or came in with it once."""
    symbol = normalised(row.project)
    return normalised(row.symbol) == symbol or symbol in symbols_of(db, row.proposal_id)


def _match_fault(told: Mapping[str, Any] | None, row: Any, *, is_first: bool) -> str | None:
    if told is None:
        # By symbols the product itself matches, once, what nobody has said anything of.
        by_itself = (row.how, row.by) == ("symbol", SYSTEM_ACTOR.id)
        if by_itself and is_first and row.number is not None:
            return None
        return "is not told of by the site's chain"
    held = {**row._mapping, "proposal_id": row.number or ""}
    key = key_of(BY_KEY[PROJECTS], {"symbol": told["project"]})
    said = {
        # Rows of before bear the spelling of their list.
        "project": held["project"] if held["project"] == told["project"].casefold() else key,
        "proposal_id": told["proposal"],
        **{name: told[name] for name in ("how", "at", "by")},
        # Events of before do not say what somebody looked at.
        **({"basis": canonical(told["basis"]).decode()} if "basis" in told else {}),
    }
    for column, value in said.items():
        if held[column] != value:
            return f"its column {column} is not what the site's chain tells"
    return None


def _check_rates(run: Verifying) -> None:
    """Compare the rates, former ones included, with what the site's chain tells of them one by one."""
    if not run.site_holds:
        return
    rows = [plain(dict(row._mapping)) for row in whole_trail.rates(run.db)]
    run.report.checked["rates"] += len(rows)
    for row, told in zip_longest(rows, run.rates):
        if row is None or told is None:
            named = row or told
            what = "is not told of" if told is None else "is missing, though told of"
            place = f"the rate of {named['currency']} from {named['day']}"
            run.report.tell("rates", place, f"{what} by the site's chain")
            return
        # Events of before say neither where a rate was taken from nor why it was corrected.
        wrong = [column for column, value in row.items() if column in told and told[column] != value]
        fault = f"its column {wrong[0]} is not what the site's chain tells" if wrong else None
        run.report.tell("rates", f"rate {row['id']}", fault)


def _check_checkpoints(run: Verifying) -> None:
    """Compare checkpoints with each other and with the site's chain, and each with the trail as it was."""
    found: list[Checkpoint] = []
    for row in whole_trail.all_checkpoints(run.db):
        run.report.checked["checkpoints"] += 1
        made = Checkpoint(row.sequence, row.body, row.digest)
        fault = _checkpoint_fault(run, made, row._mapping, found[-1] if found else None)
        run.report.tell("checkpoints", f"checkpoint {row.sequence}", fault)
        if fault is not None:
            # Whatever comes after it builds on it.
            return
        found.append(made)
    for sequence in sorted(run.told.keys() - {made.sequence for made in found}):
        run.report.tell(
            "checkpoints", f"checkpoint {sequence}", "is missing, though the site's chain tells of it"
        )
    _check_heads(run, found)


def _checkpoint_fault(
    run: Verifying, made: Checkpoint, row: Mapping[str, Any], before: Checkpoint | None
) -> str | None:
    """Return what is wrong with a checkpoint by itself, and with where it stands."""
    expected = before.sequence + 1 if before else 1
    if made.sequence != expected:
        return f"follows a gap: checkpoint {expected} is missing"
    if not sealed_rows.is_sealed(made.body, made.digest):
        return "was altered"
    try:
        facts = checkpoints.read_checkpoint(made.body.encode()).facts
    except checkpoints.BadCheckpoint:
        return "is not what the product writes"
    if (facts["sequence"], facts["previous"]) != (made.sequence, before.digest if before else GENESIS):
        return "does not follow the one before"
    for column, said in whole_trail.beside(made).items():
        if row[column] != said:
            return f"its column {column} is not what its text says"
    if run.site_holds and run.told.get(made.sequence) != made.digest:
        return "is not the one that the site's chain tells of"
    if run.site_holds and (fault := _signature_fault(run, made, row["signature"])):
        return fault
    place = facts["site"]
    if run.site_holds and run.site.get(place["sequence"], GENESIS) != place["head"]:
        return "the site's chain no longer holds the event that it ended with then"
    access = facts["accesses"]
    counted = Counted(whole_trail.access_entries(run.db, access["from"] - 1, access["to"]))
    root = merkle.root_of(counted).hex()
    run.report.checked["accesses"] += counted.count
    if (counted.count, root) != (access["count"], access["root"]):
        return f"the access log from row {access['from']} to {access['to']} is not what it was then"
    return None


def _signature_fault(run: Verifying, made: Checkpoint, signature: bytes | None) -> str | None:
    """Return what is wrong with the signature of a checkpoint, which was made with the key then in force."""
    expected = run.signed_with[made.sequence]
    if not expected:
        return None if signature is None else "is signed, though no key was in force"
    if signature is None:
        return "is not signed, though a key was in force"
    found = signatures.examine_text(
        made.body.encode(), signature, signatures.Grounds(parse_stamp(made.facts["at"]))
    )
    if found.problems:
        return f"has a signature that does not hold: {', '.join(found.problems)}"
    run.report.checked["signatures"] += 1
    return None if found.fingerprint == expected else "is signed with a key that was not in force"


def _check_heads(run: Verifying, found: Sequence[Checkpoint]) -> None:
    """Build the tree over all heads again as the events came in, and compare its root at each checkpoint."""
    if not found:
        return
    total, done, reached = whole_trail.counts(run.db)["sealed"], 0, 0
    growing = Growing({row[0]: row[1] for row in whole_trail.proposals(run.db)})
    for made in found:
        facts = made.facts
        for part in whole_trail.places(run.db, reached, facts["events"]["to"]):
            growing.add(part)
            done += len(part)
            run.progress("checkpoints", done, total)
        fault = growing.fault(facts)
        run.report.tell("checkpoints", f"checkpoint {made.sequence}", fault)
        if fault is not None:
            return
        reached = facts["events"]["to"]


@dataclass(slots=True)
class Growing:
    """The heads of all chains as they grow, event by event."""

    numbers: Mapping[int, str]
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    index: dict[int, int] = field(default_factory=dict)
    # Since the last checkpoint: where each chain got to, in the order in which they first moved.
    moved: dict[int, tuple[int, str]] = field(default_factory=dict)
    sealed: Any = field(default_factory=hashlib.sha256)
    count: int = 0

    def add(self, rows: Sequence[Any]) -> None:
        """Take the next events: their ids, proposals, sequences and digests."""
        self.sealed.update(b"".join([checkpoints.event_entry(id, digest) for id, _, _, digest in rows]))
        self.moved.update({proposal: (sequence, digest) for _, proposal, sequence, digest in rows})
        self.count += len(rows)

    def fault(self, facts: Mapping[str, Any]) -> str | None:
        """Return what a checkpoint at this point says otherwise, and begin the stretch to the next one."""
        for proposal, (sequence, digest) in self.moved.items():
            place = self.index.setdefault(proposal, len(self.index))
            self.tree.put(place, checkpoints.head_entry(self.numbers.get(proposal, ""), sequence, digest))
        said, stretch = facts["events"], (self.count, self.sealed.hexdigest())
        self.moved, self.sealed, self.count = {}, hashlib.sha256(), 0
        if stretch != (said["count"], said["digest"]):
            return f"the events from row {said['from']} to {said['to']} are not what they were then"
        if (len(self.tree), self.tree.root().hex()) != (facts["chains"]["count"], facts["chains"]["root"]):
            return "the heads of all chains are not what they were then"
        return None


def _check_files(run: Verifying) -> None:
    if run.files is None:
        return
    counts = whole_trail.counts(run.db)
    total = sum(counts[name] for name in ("documents", "renderings", "report_renderings", "imports"))
    for seen, row in enumerate(whole_trail.files(run.db), 1):
        run.report.checked["files"] += 1
        run.report.tell("files", row.number, _told(row, run.files.fault(row.sha256, row.size)))
        run.progress("files", seen, total)


def _told(row: Any, fault: str | None) -> str | None:
    return fault and f"the file {row.sha256} ({row.name}) {fault}"


def _check_definitions(run: Verifying) -> None:
    for edited in sorted(run.library.edited.values()):
        run.report.tell("definitions", f"{edited.file}:{edited.line}", edited.message)
    for key, digest in sorted(run.in_force.items()):
        if run.library.digests.get(key) != digest:
            run.report.tell(
                "definitions",
                "the site's chain",
                f"tells that {key} came into force with the digest {digest}; it has another now",
            )
    for (key, digest), number in sorted(run.pinned.items()):
        run.report.checked["definitions"] += 1
        shipped = run.library.digests.get(key)
        if shipped is None:
            run.report.tell("definitions", number, f"was made by {key}, which is not among the definitions")
        elif shipped != digest:
            run.report.tell(
                "definitions", number, f"was made by {key} with the digest {digest}; it has {shipped} now"
            )


_CHECKS: Final[Mapping[str, Callable[[Verifying], None]]] = {
    "triggers": _check_triggers,
    "site": _check_site,
    "chains": _check_chains,
    "site_rows": _check_site_rows,
    "indicator_reports": _check_reports,
    "imports": _check_imports,
    "matches": _check_matches,
    "rates": _check_rates,
    "checkpoints": _check_checkpoints,
    "files": _check_files,
    "definitions": _check_definitions,
    "ids": _check_ids,
}


def chain_faults(db: Connection) -> Iterator[str | None]:
    """Yield for the site's chain and for that of every proposal what is wrong with it, or None."""
    told = events.broken(site.chain(db))
    yield told and f"the site's chain: {told}"
    for id, named, walked in _walks(db):
        told = _chain_fault(named, walked)
        yield told and f"{named[1] if named else f'proposal {id}'}: {told}"
