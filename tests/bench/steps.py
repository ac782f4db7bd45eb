"""One step through its service, against the same statements sent by hand through the bare driver.

The statements and their parameters are recorded from the service's own run and sent again, in the
same transactions, to an untouched copy of the same database.
"""

import multiprocessing
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, event

from appraisal.accounts.services import accounts
from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library, read_library
from appraisal.paths import folder
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.services import drafts
from appraisal.scenarios.complete_proposal import neutral_content, neutral_documents
from appraisal.scenarios.scalars import FIRST
from appraisal.workflow.rules.guards import names
from appraisal.workflow.services import acts
from tests.bench.ratios import report, timed
from tests.bench.servers import postgres

STEPS = 40
ROUNDS = 7
CLIENTS = 8
NOW = FIRST + timedelta(days=30)

Statement = tuple[str, Any]
Transaction = list[Statement]


def library() -> Library:
    return read_library(folder("workflows"), folder("checklists"), names())


def fill(database: Database, count: int) -> tuple[Person, list[str]]:
    """Submit proposals, which a coordinator will put on hold."""
    definitions = library()
    schema.upgrade(database)
    files = Files(Path(tempfile.mkdtemp(prefix="appraisal-bench-")))
    with database.begin() as db:
        given = {
            role: accounts.create_person(
                db, SYSTEM_ACTOR, FIRST, email=f"{role}@example.org", name=role, roles=[role]
            )
            for role in ("designer", "coordinator")
        }
        numbers = []
        for _ in range(count):
            designer = given["designer"]
            case = drafts.create_proposal(db, definitions, designer, FIRST, neutral_content({}))
            for kind in ("outline", "prodoc", "monitoring_plan", "consultation"):
                name, data = neutral_documents(kind)
                drafts.attach_document(db, definitions, files, designer, FIRST, case.number, kind, name, data)
            acts.take_step(db, definitions, designer, FIRST, case.number, "submit")
            numbers.append(case.number)
    shutil.rmtree(files.folder)
    return given["coordinator"], numbers


def step(database: Database, definitions: Library, actor: Person, number: str, name: str) -> None:
    inputs = Inputs(note="Waiting", until=date(2010, 12, 31)) if name == "hold" else Inputs()
    with database.begin() as db:
        acts.take_step(db, definitions, actor, NOW, number, name, inputs)


@contextmanager
def recorded(database: Database) -> Iterator[list[Transaction]]:
    """Note every statement with its parameters, transaction by transaction."""
    found: list[Transaction] = []
    open_: Transaction = []

    def commit(connection: Connection) -> None:
        found.append(open_.copy())
        open_.clear()

    def execute(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        open_.append((statement, parameters))

    event.listen(database.engine, "commit", commit)
    event.listen(database.engine, "before_cursor_execute", execute)
    yield found
    event.remove(database.engine, "commit", commit)
    event.remove(database.engine, "before_cursor_execute", execute)


def replay_sqlite(path: Path, transactions: Sequence[Transaction]) -> Callable[[], None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")

    def run() -> None:
        for transaction in transactions:
            for statement, parameters in transaction:
                connection.execute(statement, parameters).fetchall()
            connection.execute("COMMIT")

    return run


def replay_postgres(uri: str, transactions: Sequence[Transaction]) -> Callable[[], None]:
    connection = psycopg.connect(uri)

    def run() -> None:
        for transaction in transactions:
            for statement, parameters in transaction:
                cursor = connection.execute(statement, parameters)
                if cursor.description is not None:
                    cursor.fetchall()
            connection.commit()

    return run


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        _sqlite(Path(place))
    _postgres()


def _sqlite(place: Path) -> None:
    definitions, ratios, counted = library(), [], 0
    original = place / "original.sqlite3"
    database = Database(f"sqlite:///{original}")
    actor, numbers = fill(database, STEPS)
    database.close()
    for turn in range(ROUNDS):
        ours, bare = place / f"ours-{turn}.sqlite3", place / f"bare-{turn}.sqlite3"
        for copy in (ours, bare):
            shutil.copy(original, copy)
        database = Database(f"sqlite:///{ours}")
        with recorded(database) as transactions:
            # The first step of a process compiles statements; it is paid once, not by every step.
            step(database, definitions, actor, numbers[0], "hold")
            spent = timed(lambda db=database: _take_all(db, definitions, actor, numbers[1:]))  # type: ignore[misc]
        database.close()
        counted = sum(len(transaction) for transaction in transactions) // len(transactions)
        # Sent too, so that the keys which later statements name are the same ones there.
        replay_sqlite(bare, transactions[:1])()
        by_hand = timed(replay_sqlite(bare, transactions[1:]))
        ratios.append(by_hand / spent)
    report(
        "a step, SQLite (WAL, synchronous=FULL), one client", ratios, "0.15", f"{counted} statements a step"
    )


def _take_all(database: Database, definitions: Library, actor: Person, numbers: Sequence[str]) -> None:
    for number in numbers:
        step(database, definitions, actor, number, "hold")


def _postgres() -> None:
    with postgres() as server:
        for clients, aim in ((1, "0.35"), (CLIENTS, "0.35")):
            ratios = [_postgres_round(server, clients, turn) for turn in range(ROUNDS)]
            report(f"a step, PostgreSQL, {clients} client{'s' if clients > 1 else ''}", ratios, aim)


def _postgres_round(server: Any, clients: int, turn: int) -> float:
    template = f"template_{clients}_{turn}"
    database = Database(server.create(template))
    actor, numbers = fill(database, clients * (STEPS // 2 + 1))
    database.close()
    ours, bare = (
        server.create(f"ours_{clients}_{turn}", template),
        server.create(f"bare_{clients}_{turn}", template),
    )
    with psycopg.connect(bare.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        # Clients that race get other keys each time than those which the statements recorded name.
        connection.execute("ALTER TABLE notices DROP CONSTRAINT fk_notices_job_id")
    shares = [numbers[index::clients] for index in range(clients)]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(clients)
    with context.Pool(clients, _remember, (barrier,)) as pool:
        outcomes = pool.starmap(_our_share, [(ours, actor, share) for share in shares], chunksize=1)
        spent = max(outcome[0] for outcome in outcomes)
        by_hand = max(pool.starmap(_bare_share, [(bare, outcome[1]) for outcome in outcomes], chunksize=1))
    return by_hand / spent


_barrier: Any = None


def _remember(barrier: Any) -> None:
    # How a pool hands a barrier to its workers.
    global _barrier
    _barrier = barrier


def _our_share(url: str, actor: Person, numbers: list[str]) -> tuple[float, list[Transaction]]:
    definitions, database = library(), Database(url)
    step(database, definitions, actor, numbers[0], "hold")
    with recorded(database) as transactions:
        _barrier.wait()
        spent = timed(lambda: _take_all(database, definitions, actor, numbers[1:]))
    database.close()
    return spent, transactions


def _bare_share(url: str, transactions: list[Transaction]) -> float:
    run = replay_postgres(url.replace("postgresql+psycopg", "postgresql"), transactions)
    _barrier.wait()
    return timed(run)
