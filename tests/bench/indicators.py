"""Indicator 2.1 of very many proposals, against DuckDB scanning the same rows; and what its sums cost."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
from sqlalchemy import text

from appraisal.database import schema
from appraisal.database.engine import Database
from appraisal.indicators.rules.appraised_share import BREAKDOWNS, Line, Share
from appraisal.indicators.services import appraised_share
from appraisal.indicators.store import approvals
from appraisal.proposals.rules.attempt import Inputs
from appraisal.proposals.store.tallies import cells
from appraisal.workflow.services import acts, steps
from tests.bench.ratios import report, timed
from tests.bench.servers import postgres
from tests.bench.steps import NOW, fill, library

SIZES: Final = (10_000, 100_000, 1_000_000)
EVENTS: Final = 12
ROUNDS: Final = 7
STEPS: Final = 20
BIENNIUM: Final = "2012-13"
SCOPE: Final = frozenset({"XBTC", "RBSA"})
TODAY: Final = date(2013, 6, 1)
# One row for each number, by arithmetic that every database does alike: {d} divides whole numbers.
ROW: Final = """
    'approved' AS state,
    CASE WHEN i % 4 = 3 THEN '' WHEN i % 10 = 0 THEN 'override' WHEN i % 10 < 3 THEN 'outside' ELSE 'mechanism' END AS route,
    CASE i % 3 WHEN 0 THEN '2010-05-03T10:00:00.000000Z' WHEN 1 THEN '2012-05-03T10:00:00.000000Z'
        ELSE '2014-05-03T10:00:00.000000Z' END AS approved_at,
    CASE (i {d} 11) % 3 WHEN 0 THEN 'XBTC' WHEN 1 THEN 'RBSA' ELSE 'RBTC' END AS funds,
    'region ' || ((i {d} 5) % 6) AS region,
    'unit ' || ((i {d} 7) % 30) AS unit,
    'donor ' || ((i {d} 13) % 40) AS donor,
    'track ' || ((i {d} 17) % 3) AS track,
    (i % 1000) * 100 AS cents
"""
# As many numbers as are asked for, from 0 on.
NUMBERS: Final = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) SELECT i FROM n)",
    "postgresql": "(SELECT i::int FROM generate_series(0, {count} - 1) AS i)",
}


def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        _measure("SQLite", lambda name: f"sqlite:///{Path(place) / name}.sqlite3")
        _upkeep("SQLite", f"sqlite:///{Path(place)}/upkeep.sqlite3")
    with postgres() as server:
        _measure("PostgreSQL", server.create)
        _upkeep("PostgreSQL", server.create("upkeep"))


def _measure(name: str, create: Callable[[str], str]) -> None:
    definitions, least = library(), {}
    for count in SIZES:
        database = Database(create(f"indicators_{count}"))
        schema.upgrade(database)
        _write(database, count)
        scanned = _scanned(count)
        ratios, page = [], []
        with database.read() as db:
            for _ in range(ROUNDS + 1):
                bare = timed(lambda: _lines_of(scanned))  # noqa: B023
                spent = timed(lambda: appraised_share.breakdowns(db, BIENNIUM, SCOPE))
                ratios.append(spent / bare)
                page.append(timed(lambda: appraised_share.figures(db, definitions, BIENNIUM, TODAY)))
            assert appraised_share.breakdowns(db, BIENNIUM, SCOPE) == _lines_of(scanned)
            listed = timed(lambda: approvals.behind(db, BIENNIUM, SCOPE, "outside", {}, 0, 25))
        # The first of each compiles and fills caches.
        report(
            f"2.1 by {', '.join(BREAKDOWNS)}, {name}, {count:,}, in time of DuckDB",
            ratios[1:],
            "at most 1.0" if count > SIZES[0] else "-",
            f"a list of 25 behind a figure {1000 * listed:.1f} ms",
        )
        least[count] = sorted(page[1:])
        database.close()
    first, last = least[SIZES[0]], least[SIZES[-1]]
    report(
        f"the figure of the page, {name}, time at {SIZES[-1]:,} by {SIZES[0]:,}",
        [after / before for before, after in zip(first, last, strict=True)],
        "at most 2",
        f"{1000 * last[len(last) // 2]:.1f} ms",
    )


def _write(database: Database, count: int) -> None:
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    numbers = NUMBERS[dialect].format(count=count)
    rows = f"(SELECT i, {ROW.format(d='/')} FROM {numbers} AS numbered)"
    nothing = "0" if database.is_sqlite else "false"
    with database.begin() as db:
        db.execute(
            text(
                "INSERT INTO proposals (id, number, state, state_since, previous_state, origin, workflow,"
                " definition_set, track, tightened, content, illustrative, source, parent, predecessor,"
                " created_at, row_version, sequence, head, title, countries, donors, funds, unit, region, kind,"
                " usd, on_hold, counts, route, route_reason, approved_at)"
                " SELECT i + 1, 'TC-' || i, state, approved_at, '', 'native', 'standard.v1', 'appraisal.v1', track,"
                f" '', '{{}}', {nothing}, '', '', '', approved_at, 1, {EVENTS}, '', 'Title ' || i, 'ZM', donor, funds,"
                f" unit, region, 'new', cents / 100 || '.00', {nothing}, {nothing}, route, '',"
                f" CASE WHEN route <> '' THEN approved_at END FROM {rows} AS row_"
            )
        )
        steps_of = NUMBERS[dialect].format(count=EVENTS)
        db.execute(
            text(
                'INSERT INTO events (proposal_id, sequence, name, act, from_state, to_state, at, "by", note, track,'
                " body, digest) SELECT numbered.i + 1, stepped.i + 1, 'hold', 'hold', 'approved', 'approved',"
                " '2010-05-03T10:00:00.000000Z', 1, '', '', '{}', ''"
                f" FROM {numbers} AS numbered CROSS JOIN {steps_of} AS stepped"
            )
        )
        for dimension, value in (("all", "''"), *((name, name) for name in BREAKDOWNS)):
            db.execute(
                text(
                    "INSERT INTO tallies (dimension, value, biennium, funds, route, illustrative, count, cents)"
                    f" SELECT '{dimension}', {value}, CASE substr(approved_at, 1, 4) WHEN '2010' THEN '2010-11'"
                    f" WHEN '2012' THEN '2012-13' ELSE '2014-15' END, funds, route, {nothing}, count(*), sum(cents)"
                    f" FROM {rows} AS row_ WHERE route <> '' GROUP BY 2, 3, funds, route"
                )
            )
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _scanned(count: int) -> Any:
    """Return a DuckDB, on one thread as the others are, that holds the same proposals."""
    scanned = duckdb.connect(":memory:", config={"threads": 1})
    scanned.execute(
        f"CREATE TABLE proposals AS SELECT i, {ROW.format(d='//')} FROM (SELECT range AS i FROM range({count}))"
    )
    return scanned


def _lines_of(scanned: Any) -> dict[str, tuple[Line, ...]]:
    return {
        name: tuple(
            Line(value, Share(part, whole), (Decimal(mine).scaleb(-2), Decimal(cents).scaleb(-2)))
            for value, part, whole, mine, cents in scanned.execute(
                f"SELECT {name}, count(*) FILTER (route = 'mechanism'), count(*),"
                " coalesce(sum(cents) FILTER (route = 'mechanism'), 0), sum(cents) FROM proposals"
                " WHERE route <> '' AND approved_at >= '2011-12-31T23' AND approved_at < '2013-12-31T23'"
                f" AND funds IN ('XBTC', 'RBSA') GROUP BY {name} ORDER BY {name}"
            ).fetchall()
        )
        for name in BREAKDOWNS
    }


def _upkeep(name: str, url: str) -> None:
    """Take steps that move proposals to another state, with and without what is kept of it."""
    definitions, database, ratios = library(), Database(url), []
    coordinator, numbers = fill(database, 2 * STEPS * (ROUNDS + 1))
    kept = iter(numbers)

    def take() -> None:
        for _ in range(STEPS):
            with database.begin() as db:
                number, inputs = next(kept), Inputs(note="Missing.", missing="A letter.")
                acts.take_step(db, definitions, coordinator, NOW, number, "return_incomplete", inputs)

    for _ in range(ROUNDS + 1):
        with _nothing_kept():
            bare = timed(take)
        ratios.append(timed(take) / bare)
    with database.read() as db:
        assert cells(db, ("state",))
    report(f"a step with its sums, {name}, in time of one without", ratios[1:], "at most 1.10")
    database.close()


@contextmanager
def _nothing_kept() -> Iterator[None]:
    counting = steps._tally
    steps._tally = lambda *_: {}
    yield
    steps._tally = counting
