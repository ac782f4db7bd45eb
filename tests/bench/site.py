"""A site of very many proposals, written in bulk, so that whatever is to be measured can be measured on it.

Each situation that a proposal may be in is brought about once through the services, on a small site of its
own where every id, name, title and amount is one of a kind, so that it is found wherever it is quoted. Then
all rows of such a pattern are written many times over with others in their place: ids, numbers, people,
donors, money, and moments some weeks later. Versions, records, the rows that events seal and the events
themselves are digested anew, each after what it quotes, so that every chain verifies.

Run with ``python -m tests.bench.site 10000``; ``APPRAISAL_DATA=var/site appraisal db check`` reads it.
"""

import argparse
import hashlib
import json
import re
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count, islice
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Table, event, func, select, text

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.canonical import canonical
from appraisal.clock import geneva_date, parse_stamp, stamp
from appraisal.database import schema, seals, tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.database.types import Day, Moment, Money
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.rules import rulebook, sums
from appraisal.proposals.rules.approval import approval_of, is_counted
from appraisal.proposals.rules.sums import Cell, Sum
from appraisal.proposals.store import tallies
from appraisal.verification.services import releases
from appraisal.vocabulary.biennium import biennium_of, first_year
from tests import casts
from tests.bench.situations import (
    DONOR,
    FAST,
    ONE_PART,
    OTHER_PART,
    PARTNER,
    REASON,
    REINFORCED,
    SITUATIONS,
    STANDARD,
    UNIT,
    Situation,
)
from tests.bench.steps import library as read_definitions
from tests.casts import START, Stage
from tests.databases import hurried

PEOPLE: Final = tables.people
# The tables of what belongs to one proposal, each after those that its rows name.
OWNED: Final = {
    "proposals": "id = ?",
    "ratings": "appraisal_id IN (SELECT id FROM appraisals WHERE proposal_id = ?)",
    "review_ratings": "review_id IN (SELECT id FROM reviews WHERE proposal_id = ?)",
    "jobs": "id IN (SELECT job_id FROM notices WHERE proposal_id = ?)",
}
COPIED: Final = tuple(
    table for table in tables.METADATA.sorted_tables if table.name in OWNED or "proposal_id" in table.c
)
# So many proposals are written in one transaction.
BATCH: Final = 500

# --- Patterns ----------------------------------------------------------------------------------------------

# Ids begin here, those of each further table so many further on: no other number is like them.
FIRST_ID, SPAN = 1_000_000_000, 10_000_000
# Who makes the patterns: roles and unit, which whoever stands in their place in a copy has too.
_ACTING: Final = ("ana", "desk", "lead", "eval", "actemp", "actrav", "chief", "deputy")
CAST: Final = {key: casts.CAST[key] for key in _ACTING}
NAMES: Final = {key: f"Q{key}" for key in CAST}
# What neutral content says of every proposal.
COUNTRY, REGION = "ZM", "africa"
SENTENCES: Final = (REASON, "Illustrative entry.", "We agree.", "Mend this.")
_AMOUNTS: Final = (FAST, STANDARD, REINFORCED, ONE_PART, OTHER_PART, ONE_PART + OTHER_PART)
_PHRASES: Final = (*NAMES.values(), DONOR, PARTNER, UNIT, COUNTRY, REGION, *map(str, _AMOUNTS), *SENTENCES)
_WORDS: Final = rf"(?<!\w)(?:Qtitle\d+|{'|'.join(map(re.escape, _PHRASES))})(?!\w)"
_TIME: Final = re.compile(r"(?<![\w-])20\d\d-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.\d{6}Z)?(?![\w-])")
_DIGEST: Final = re.compile(r"\b(?:[0-9a-f]{64}|\d+:[0-9a-f]{32})\b")
_ID: Final = r"\b1\d{9}\b"
# All that is another in every copy; of digests those alone whose text is.
_TOKEN: Final = re.compile(
    "|".join((r"TC-2010-\d{4}", _TIME.pattern, _DIGEST.pattern, _ID, r"asked-\d+", _WORDS))
)


@dataclass(eq=False)
class Pattern:
    """One proposal as the services made it, each value that is another in a copy known by what it was.

    ``rows`` pick the values of the rows of a table out of those of a copy. ``digested`` are digests, each
    with the text that it is of and the format of that, after those that it quotes. ``texts`` are the other
    texts in which something is quoted, with their formats, and ``constants`` all values that stay.
    """

    number: str
    title: str
    situation: Situation
    created_at: datetime
    last_at: datetime
    constants: dict[Any, Any] = field(default_factory=dict)
    rows: dict[str, list[Callable[[Mapping[Any, Any]], tuple[Any, ...]]]] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    moments: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    digested: list[tuple[str, str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    # Where it counts in the indicator: the cell, the moment that its biennium is of, and the US$.
    cells: list[tuple[Cell, str, str]] = field(default_factory=list)

    @cache  # noqa: B019 - patterns are few, and kept to the end
    def shifted(self, weeks: int) -> dict[str, str]:
        """Return its moments and days so many weeks later: on the same days of the week, as deadlines go."""
        by = timedelta(weeks=weeks)
        return {
            given: stamp(parse_stamp(given) + by) if "T" in given else str(date.fromisoformat(given) + by)
            for given in self.moments
        }


def make_patterns(library: Library) -> list[Pattern]:
    """Bring about every situation on a small site, and read what it consists of."""
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        file = Path(place) / "patterns.sqlite3"
        database = hurried(Database(f"sqlite:///{file}"))
        schema.upgrade(database)
        _mark_ids(file)
        with database.begin() as db:
            for key, kind in CAST.items():
                _create_person(db, START - timedelta(days=30), f"{key}@example.org", NAMES[key], kind)
        stage = casts.opened_stage(database, library, Files(Path(place) / "files"))
        with _sealed_texts(database) as sealed:
            found = [
                _make_pattern(stage, situation, f"Qtitle{place}", sealed)
                for place, situation in enumerate(SITUATIONS)
            ]
        database.close()
    return found


def _mark_ids(file: Path) -> None:
    """Write one row into every table, after which SQLite goes on to count."""
    connection = sqlite3.connect(file)
    for place, table in enumerate((PEOPLE, *COPIED)):
        row = {column.name: _blank(column) for column in table.c if not column.nullable}
        row["id"] = FIRST_ID + place * SPAN
        names, values = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({values})", tuple(row.values()))
    connection.commit()
    connection.close()


def _blank(column: Column[Any]) -> Any:
    kinds: dict[Any, str] = {Moment: "2000-01-01T00:00:00.000000Z", Day: "2000-01-01", Money: "0"}
    return kinds.get(type(column.type), "" if column.type.python_type is str else 0)


# Roles and unit.
Kind = tuple[tuple[str, ...], str]


def _create_person(db: Connection, now: datetime, email: str, name: str, kind: Kind) -> Person:
    roles, unit = kind
    return accounts.create_person(db, SYSTEM_ACTOR, now, email=email, name=name, roles=roles, unit=unit)


@contextmanager
def _sealed_texts(database: Database) -> Iterator[dict[str, str]]:
    """Collect the text of the rows that each event seals, by the seal, as the event is written."""
    found: dict[str, str] = {}

    def note(db: Connection, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("INSERT INTO events"):
            return
        newest = "SELECT proposal_id, body FROM events ORDER BY id DESC LIMIT 1"
        [(proposal, body)] = seals.read_rows(db, newest)
        told = json.loads(body)["seals"]
        for name in seals.OF_PROPOSALS:
            rows = seals.read_rows(db, seals._of_one(name, "sqlite"), (proposal,))
            assert seals.sealing(name, rows) == told.get(name, "")
            if rows:
                found[told[name]] = _sealed_text(name, rows)

    event.listen(database.engine, "after_cursor_execute", note)
    yield found
    event.remove(database.engine, "after_cursor_execute", note)


def _sealed_text(name: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """Write the rows of a table as ``seals.sealing`` digests them."""
    columns = seals._neutral(name)
    pairs = [zip(columns, row, strict=True) for row in rows]
    kept = [
        {key: value for (key, unset), value in pair if value is not None and value != unset} for pair in pairs
    ]
    return seals._encode(kept)


def _make_pattern(stage: Stage, situation: Situation, title: str, sealed: Mapping[str, str]) -> Pattern:
    stage.now = START
    given = {"title": title, "unit": UNIT, "donor": DONOR, "budget": str(STANDARD), **situation.given}
    number = situation.build(stage, given)
    case = casts.load(stage, number)
    with stage.database.read() as db:
        rows = {table.name: _rows_of(db, table, case.id) for table in COPIED}
    last_at = max(parse_stamp(row["at"]) for row in rows["events"])
    found = Pattern(number, title, situation, case.created_at, last_at)
    _read(found, rows, sealed)
    counted = approval_of(case, rulebook.rulebook(stage.library, case.workflow, case.set))
    for cell, entry in (sums.tally(counted) if is_counted(case) else {}).items():
        moment = counted.decided_at if cell.dimension == "decision" else counted.approved_at
        found.cells.append((cell, stamp(moment) if cell.biennium and moment else "", str(entry.usd)))
        found.texts[str(entry.usd)] = _format(str(entry.usd), {})
    return found


def _rows_of(db: Connection, table: Table, proposal: int) -> list[dict[str, Any]]:
    where = OWNED.get(table.name, "proposal_id = ?")
    chosen = f"SELECT {_names(table)} FROM {table.name} WHERE {where} ORDER BY id"
    return [dict(zip(table.c.keys(), row, strict=True)) for row in seals.read_rows(db, chosen, (proposal,))]


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.c)


def _read(found: Pattern, rows: Mapping[str, list[dict[str, Any]]], sealed: Mapping[str, str]) -> None:
    """Note which values of the rows are others in a copy, which texts quote those, and what digests them."""
    for row in rows["jobs"]:
        # Whatever had to be sent was sent at once.
        row |= {"done_at": row["run_at"], "attempts": 1}
    for row in rows["events"]:
        if row["act"]:
            # Forms bear a key, so that one that is sent twice acts once.
            row["request"] = f"asked-{row['sequence']}"
            found.requests.append(row["request"])
            said = json.loads(row["body"])
            said["columns"]["request"] = row["request"]
            row["body"] = canonical(said).decode()
    own = {row["digest"]: row["value"] for name in ("versions", "records") for row in rows[name]}
    own |= {row["digest"]: row["body"] for row in rows["events"]}
    digests = {**sealed, **own}
    ordered: dict[str, str] = {}
    for digest in own:
        _order(digest, digests, ordered)
    found.digested = [(digest, given, _format(given, digests)) for digest, given in ordered.items()]
    written = set(own.values())
    for table in COPIED:
        found.ids[table.name] = [str(row["id"]) for row in rows[table.name]]
        found.rows[table.name] = [
            itemgetter(*(_key(found, column, row[column.name], digests, written) for column in table.c))
            for row in rows[table.name]
        ]
    for given in (*found.texts, *ordered.values()):
        found.moments.update(_TIME.findall(given))


def _order(digest: str, digests: Mapping[str, str], ordered: dict[str, str]) -> None:
    """Put a digest with its text after all those that the text quotes."""
    if digest not in ordered:
        for quoted in _DIGEST.findall(digests[digest]):
            if quoted in digests:
                _order(quoted, digests, ordered)
        ordered[digest] = digests[digest]


def _key(
    found: Pattern, column: Column[Any], value: Any, digests: Mapping[str, str], written: set[str]
) -> Any:
    """Return by which key the values of a copy hold what stands there in the place of a value."""
    if isinstance(value, int) and value >= FIRST_ID:
        return str(value)
    if isinstance(value, str) and value not in written and _quoted(value, digests):
        found.texts[value] = _format(value, digests)
    if isinstance(value, str) and (value in written or value in found.texts):
        return value
    # One database has numbers where the other has truth.
    constant = (isinstance(column.type, Boolean), value)
    found.constants[constant] = bool(value) if constant[0] else value
    return constant


def _quoted(given: str, digests: Mapping[str, str]) -> list[re.Match[str]]:
    found = _TOKEN.finditer(given)
    return [match for match in found if match[0] in digests or not _DIGEST.fullmatch(match[0])]


def _format(given: str, digests: Mapping[str, str]) -> str:
    """Write a text as a format, in which everything that is another in a copy is named by what it was."""
    written, end = [], 0
    for match in _quoted(given, digests):
        written += [given[end : match.start()].replace("%", "%%"), f"%({match[0]})s"]
        end = match.end()
    return "".join([*written, given[end:].replace("%", "%%")])


# --- Copies ------------------------------------------------------------------------------------------------

_KINDS: Final = {kind: [key for key in CAST if CAST[key] == kind] for kind in CAST.values()}
_PERSON_IDS: Final = {key: str(FIRST_ID + place) for place, key in enumerate(CAST, 1)}
_FIRST_NAMES: Final = (
    "Amara",
    "Boris",
    "Chantal",
    "Dario",
    "Elena",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Kofi",
)
_LAST_NAMES: Final = (
    "Okafor",
    "Petrov",
    "Rossi",
    "Silva",
    "Tanaka",
    "Urbina",
    "Vogel",
    "Xu",
    "Yilmaz",
    "Zongo",
)
_PLACES: Final = tuple(
    (code, region)
    for region, codes in {
        "africa": "ZM KE TZ GH SN MG ET MZ",
        "americas": "PE BO HN HT BR",
        "arab_states": "JO LB YE",
        "asia_pacific": "BD VN NP KH PH LK ID",
        "europe": "MD KG TJ UA",
    }.items()
    for code in codes.split()
)
_FIELDS: Final = ("Employment", "Skills", "Safety at work", "Labour inspection", "Social dialogue")
_GROUPS: Final = ("rural workers", "young women", "migrant workers", "small enterprises", "seafarers")
_DONORS: Final = (
    "Norway",
    "Sweden",
    "Ireland",
    "Spain",
    "Japan",
    "Canada",
    "Belgium",
    "European Union",
    "Italy",
)
_OPENINGS: Final = (
    "The constituents",
    "The country office",
    "The steering committee",
    "The partner ministry",
)
_MIDDLES: Final = (
    "discussed at length that it",
    "confirmed in writing that it",
    "held after two meetings that it",
)
_ENDINGS: Final = (
    "follows from the country programme and its results framework.",
    "rests on the evaluation of the earlier phase, whose lessons are taken up.",
    "needs a baseline by sex and age before the first activity begins.",
    "is within the means of the institutions that will carry it on.",
)


@dataclass
class Site:
    """The site that copies are written to: its people, what was given out so far, and what is counted."""

    luck: Random
    people: Mapping[Kind, list[Person]]
    next_ids: Counter[str] = field(default_factory=lambda: Counter({table.name: 1 for table in COPIED}))
    numbers: Counter[int] = field(default_factory=Counter)
    sums: dict[Cell, Sum] = field(default_factory=dict)


def write_site(
    database: Database,
    files: Files,
    library: Library,
    patterns: Sequence[Pattern],
    count: int,
    now: datetime,
    seed: int = 0,
) -> None:
    """Write so many proposals into a migrated database with nothing in it, in the order of time.

    Work that goes on was last touched some weeks before ``now`` at most; all else lies within two biennia.
    """
    since = datetime(first_year(biennium_of(geneva_date(now))) - 2, 1, 4, 9, tzinfo=UTC)
    releases.note_in_force(database, library, since - timedelta(days=2))
    luck = Random(seed)
    site = Site(luck, _create_people(database, since - timedelta(days=1), count))
    files.keep(casts.PDF)
    planned = iter(_plan(patterns, count, since, now, luck))
    while batch := list(islice(planned, BATCH)):
        rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for weeks, place in batch:
            _copy(site, patterns[place], weeks, rows)
        # The engine alone: nobody takes a step here that would have to be watched.
        with database.engine.begin() as db:
            for table in COPIED:
                _insert(db, table, rows[table.name])
    with database.begin() as db:
        tallies.add(db, site.sums)
    with database.engine.begin() as db:
        _settle(db)


def _create_people(database: Database, now: datetime, count: int) -> dict[Kind, list[Person]]:
    """Create people of each kind, the more the more proposals there are."""
    found: dict[Kind, list[Person]] = {}
    places = iter(range(1_000_000))
    with database.begin() as db:
        for kind in (*_KINDS, casts.CAST["admin"], casts.CAST["auditor"]):
            many = 3 + count // (500 if "designer" in kind[0] else 5_000)
            found[kind] = [
                _create_person(db, now, f"{kind[0][0]}.{place}@example.org", _name(place), kind)
                for place in islice(places, many)
            ]
    return found


def _name(place: int) -> str:
    further, given = divmod(place, 100)
    name = f"{_FIRST_NAMES[given % 10]} {_LAST_NAMES[given // 10]}"
    return f"{name} {further}" if further else name


def _plan(
    patterns: Sequence[Pattern], count: int, since: datetime, now: datetime, luck: Random
) -> list[tuple[int, int]]:
    """Choose by how many weeks each copy is later and of which pattern it is, each pattern once at least."""
    places = range(len(patterns))
    weights = [pattern.situation.weight for pattern in patterns]
    planned = []
    for place in [*places, *luck.choices(places, weights, k=count)][:count]:
        pattern, week = patterns[place], timedelta(weeks=1)
        first, last = -((pattern.created_at - since) // week), (now - pattern.last_at) // week
        planned.append((luck.randint(last - 2 if pattern.situation.is_open else first, last), place))
    return sorted(planned)


def _copy(site: Site, pattern: Pattern, weeks: int, rows: Mapping[str, list[tuple[Any, ...]]]) -> None:
    """Add the rows of a copy of a pattern, so many weeks later."""
    luck = site.luck
    values = pattern.constants | pattern.shifted(weeks) | _words(luck, pattern.title)
    year = geneva_date(pattern.created_at + timedelta(weeks=weeks)).year
    site.numbers[year] += 1
    values[pattern.number] = f"TC-{year}-{site.numbers[year]:04d}"
    for kind, keys in _KINDS.items():
        for key, person in zip(keys, luck.sample(site.people[kind], len(keys)), strict=True):
            values[_PERSON_IDS[key]], values[NAMES[key]] = person.id, person.name
    for name, ids in pattern.ids.items():
        values.update(zip(ids, count(site.next_ids[name]), strict=False))
        site.next_ids[name] += len(ids)
    for request in pattern.requests:
        values[request] = f"{luck.getrandbits(128):032x}"
    for digest, given, template in pattern.digested:
        values[given] = written = template % values
        made = hashlib.sha256(written.encode()).hexdigest()
        # A seal says of how many rows it is, and holds half of the digest.
        many, is_seal, half = digest.partition(":")
        values[digest] = f"{many}:{made[: len(half)]}" if is_seal else made
    for given, template in pattern.texts.items():
        values[given] = template % values
    for name, picks in pattern.rows.items():
        rows[name].extend([pick(values) for pick in picks])
    for cell, moment, usd in pattern.cells:
        biennium = _biennium(values[moment]) if moment else ""
        counted = cell._replace(value=values.get(cell.value, cell.value), biennium=biennium)
        before = site.sums.get(counted, Sum(0, Decimal(0)))
        site.sums[counted] = Sum(before.proposals + 1, before.usd + Decimal(values[usd]))


@cache
def _biennium(moment: str) -> str:
    return biennium_of(geneva_date(parse_stamp(moment)))


def _words(luck: Random, title: str) -> dict[str, str]:
    """Choose what a copy is about, for how much, and what is written in it."""
    code, region = luck.choice(_PLACES)
    donor, partner = luck.sample(_DONORS, 2)
    one, other = luck.randrange(510_000, 2_000_000), luck.randrange(50_000, 2_000_000)
    chosen = {
        title: f"{luck.choice(_FIELDS)} for {luck.choice(_GROUPS)} in {code}, phase {luck.randint(1, 900)}",
        UNIT: f"{luck.choice(_FIELDS)} unit {luck.randint(1, 8)}",
        COUNTRY: code,
        REGION: region,
        DONOR: donor,
        PARTNER: partner,
    }
    amounts = {
        FAST: luck.randrange(60_000, 500_000),
        STANDARD: luck.randrange(510_000, 5_000_000),
        REINFORCED: luck.randrange(5_010_000, 20_000_000),
        ONE_PART: one,
        OTHER_PART: other,
        ONE_PART + OTHER_PART: one + other,
    }
    said = [f"{luck.choice(_OPENINGS)} {luck.choice(_MIDDLES)} {luck.choice(_ENDINGS)}" for _ in SENTENCES]
    return (
        chosen
        | {str(before): str(after) for before, after in amounts.items()}
        | dict(zip(SENTENCES, said, strict=True))
    )


def _insert(db: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = db.connection.driver_connection
    if db.dialect.name == "sqlite":
        # Keys in no order are written all over their indexes, which had better stay in memory.
        driver.execute("PRAGMA cache_size=-262144")
        places = ", ".join("?" * len(table.c))
        driver.executemany(f"INSERT INTO {table.name} ({_names(table)}) VALUES ({places})", rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({_names(table)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _settle(db: Connection) -> None:
    """Have PostgreSQL number new rows after those that were copied, and know how many there are."""
    if db.dialect.name == "sqlite":
        return
    for table in COPIED:
        last = select(func.max(table.c.id)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, "id")
        db.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))
    db.execute(text("ANALYZE"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a site of N proposals into an empty database.")
    parser.add_argument("count", metavar="N", type=int)
    parser.add_argument("--database", metavar="URL", help="SQLite in the folder by default")
    parser.add_argument("--folder", metavar="PATH", type=Path, default=Path("var/site"))
    parser.add_argument("--seed", metavar="S", type=int, default=0)
    given = parser.parse_args()
    folder = given.folder.absolute()
    database = hurried(Database(given.database or f"sqlite:///{folder / 'appraisal.sqlite3'}"))
    schema.upgrade(database)
    with database.read() as db:
        if db.execute(select(func.count()).select_from(PEOPLE)).scalar():
            parser.error("the database is not empty")
    begun, library = time.perf_counter(), read_definitions()
    patterns = make_patterns(library)
    write_site(database, Files(folder / "files"), library, patterns, given.count, clock.now(), given.seed)
    database.close()
    print(
        f"{given.count:,} proposals written in {time.perf_counter() - begun:.0f} s on the clock, "
        f"{time.process_time():.0f} CPU s of this process."
    )


if __name__ == "__main__":
    main()
