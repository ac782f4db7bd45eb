"""Seals: whatever is altered of what is stored is named, or listed with the reason why no event seals it."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from appraisal.accounts.services import accounts, confirmations, substitutes
from appraisal.app.commands import db as checks
from appraisal.appraisals.services import conditions, reviews, self_checks
from appraisal.appraisals.services.lead import RatingPut
from appraisal.canonical import canonical
from appraisal.database import seals
from appraisal.database.engine import Database
from appraisal.database.tables import METADATA
from appraisal.deadlines import services as deadlines_services
from appraisal.indicators.services import appraised_share, report_pdfs
from appraisal.lessons.services import lessons
from appraisal.lists.services import matching
from appraisal.proposals.facts import Appraisal
from appraisal.proposals.rules.attempt import Agreement, ChangeAsked
from appraisal.proposals.services import drafts
from appraisal.proposals.store.case import load_case
from appraisal.records.services import issuers, records
from appraisal.trail.store import site
from appraisal.verification.services import checkpoints
from appraisal.verification.services import database as verification_database
from appraisal.vocabulary.refusals import NotAllowed
from tests import casts
from tests.casts import Stage
from tests.lists.files import import_text
from tests.tampering import age, is_listed, others, sealed_rows, unguarded

LESSONS = "code,text,countries,place,theme,outcome,source\nL-1,Ask early.,ZM,Zambia,,,Evaluation 7\nL-2,Ask again.,,,,,Evaluation 8\n"


def act(stage: Stage, what: Any, who: str, *rest: Any, **named: Any) -> Any:
    with stage.database.begin() as db:
        found = what(db, stage.library, stage.people[who], stage.now, *rest, **named)
    stage.wait(minutes=1)
    return found


def bare(stage: Stage, what: Any, who: str, *rest: Any, **named: Any) -> Any:
    """As :func:`act`, of what needs no definitions."""
    with stage.database.begin() as db:
        found = what(db, stage.people[who], stage.now, *rest, **named)
    stage.wait(minutes=1)
    return found


def rounds(stage: Stage) -> str:
    """Bring a proposal through a self-check, reviews, a hold, two rounds, conditions and an approval."""
    number = casts.draft(stage)
    act(
        stage, self_checks.save, "ana", number, "TRI", {"TRI-1": self_checks.SelfPut("2", "Both were asked.")}
    )
    casts.take(stage, "ana", number, "submit")
    casts.take(stage, "desk", number, "hold", until=(stage.now + timedelta(days=9)).date(), note="Elections.")
    casts.take(stage, "desk", number, "release")
    casts.assign(stage, number)
    due = (stage.now + timedelta(days=5)).date()
    act(stage, reviews.ask, "desk", number, stage.people["eval"], ["TRI"], due)
    act(stage, reviews.declare, "eval", number, conflict=None)
    puts = {
        item: RatingPut("2", "Seen.", "Annex 1")
        for item in casts.items_of(stage, number)
        if item[:3] == "TRI"
    }
    puts["TRI-1"] = RatingPut("1", "Nobody was asked.", "Annex 1")
    act(stage, reviews.rate, "eval", number, puts)
    act(stage, reviews.sign, "eval", number, "All is well.")
    casts.rate(stage, number, TRI_1="1")
    casts.recommend(stage, number, ["TRI-1"])
    casts.take(stage, "lead", number, "request_revision", changes=(ChangeAsked("Consult all.", "TRI-1"),))
    with stage.database.begin() as db:
        drafts.attach_document(
            db,
            stage.library,
            stage.files,
            stage.people["ana"],
            stage.now,
            number,
            "prodoc",
            "n.pdf",
            casts.PDF,
        )
    stage.wait(minutes=1)
    casts.resubmit(stage, number)
    casts.assign(stage, number)
    casts.rate(stage, number, TRI_4="1")
    casts.recommend(stage, number, ["TRI-4", "TRI-2"])
    casts.take(stage, "lead", number, "finalise")
    casts.take(stage, "chief", number, "approve")
    final = casts.load(stage, number).finalised
    assert final is not None
    first, second = (entry.id for entry in final.conditions)
    bare(stage, conditions.name_owner, "desk", number, first, stage.people["ben"].id, "Moved.")
    bare(stage, conditions.report_condition, "ben", number, first, "Minutes of the meeting")
    act(stage, conditions.clear_condition, "desk", number, first, "Minutes of the meeting")
    act(stage, conditions.clear_condition, "desk", number, second, "A letter")
    casts.take(stage, "desk", number, "send_to_donor")
    casts.take(stage, "desk", number, "fund", agreement=Agreement(stage.now.date(), "Agreement 1"))
    return number


def annulled(stage: Stage) -> str:
    """Bring a proposal through an override to an annulment."""
    number = casts.overridden(stage)
    casts.take(stage, "chief", number, "propose_annulment", note="By mistake.")
    casts.take(stage, "deputy", number, "annul")
    return number


def site_facts(stage: Stage, number: str) -> None:
    """Fill the site's chain: people, substitutes, requests, calendars, lessons, lists, rates, reports."""
    substitution = casts.substitute(stage, "chief", "deputy", "decisions")
    bare(stage, substitutes.end_substitution, "chief", substitution.id)
    casts.substitute(stage, "lead", "all")
    casts.change(stage, "ben", name="Ben the Second", unit="SECTOR")
    request = bare(stage, accounts.ask_link, "admin", stage.people["ana"].id)
    bare(stage, confirmations.confirm, "chief", request)
    bare(stage, deadlines_services.enter_holiday, "admin", "Geneva", date(2010, 12, 24), "A day")
    bare(stage, deadlines_services.enter_holiday, "admin", "Lima", date(2010, 12, 23), "A day")
    bare(stage, deadlines_services.remove_holiday, "admin", "Lima", date(2010, 12, 23))
    bare(stage, lessons.import_lessons, "desk", LESSONS.encode(), "lessons.csv")
    casts.enter_rate(stage, "CHF", stage.now.date(), "1.02", "Treasury")
    casts.enter_rate(stage, "CHF", stage.now.date(), "1.03", "Treasury", reason="A slip.")
    import_text(stage, "projects", "symbol,title\nZAM/10/01/NOR,Mines\n")
    bare(stage, matching.confirm, "desk", "zam/10/01/nor", number)
    with stage.database.begin() as db:
        issuers.note_address(db, "https://appraisal.example.org", stage.now)
        site.log_access(db, stage.now, stage.people["ana"].id, "download", number, "1 a.pdf")
    appraised_share.publish(stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11")
    stage.wait(days=1)


def world(stage: Stage) -> str:
    """Play everything that events seal; return the number of the proposal that saw most of it."""
    number = rounds(stage)
    casts.draft(stage, "ben")
    annulled(stage)
    mistaken = casts.outside(stage)
    casts.take(stage, "desk", mistaken, "correct_registration", note="By mistake.")
    casts.outside(stage)
    recalled = casts.awaiting(stage)
    casts.take(stage, "lead", recalled, "recall", note="A slip.")
    site_facts(stage, number)
    assert checkpoints.checkpoint(stage.database, stage.now) is not None
    casts.submitted(stage)
    return number


class Seen(Database):
    """A database as one transaction that is open sees it."""

    def __init__(self, db: Connection, url: str) -> None:
        super().__init__(url)
        self.seen = db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self.seen


def told(stage: Stage, seen: Seen) -> list[str]:
    """Return all that verifying the trail, or else checking the database, finds wrong."""
    found = [str(entry) for entry in verification_database.verify(seen, stage.library, stage.files).breaks]
    return found or checks.findings(seen, stage.library, stage.now).wrong


def write(db: Connection, statement: Any) -> bool:
    """Tell whether a statement could be carried out at all."""
    saved = db.begin_nested()
    try:
        db.execute(statement)
    except DBAPIError:
        saved.rollback()
        return False
    saved.commit()
    return True


def altered(db: Connection, table: Table) -> Iterator[tuple[str, list[Any]]]:
    """Yield for every column the statements that alter one value, in a row where it holds something.

    The first that can be carried out will do.
    """
    [key] = table.primary_key
    rows = sealed_rows(db, table)
    assert rows, f"{table.name}: nothing to alter"
    for column in table.c:
        row = next((entry for entry in rows if entry[column.name] not in (None, "", "{}")), rows[-1])
        change = update(table).where(key == row[key.name])
        yield (
            column.name,
            [change.values({column.name: value}) for value in others(db, column, row[column.name])],
        )


def copied(db: Connection, table: Table) -> list[Any]:
    """Return statements that add a row once more, with one other value where it has to be unique."""
    [key] = table.primary_key
    row = dict(sealed_rows(db, table)[-1])
    row[key.name] = db.execute(select(func.max(key))).scalar_one() + 1
    found = [insert(table).values(**row)]
    for column in sorted(table.c, key=lambda column: bool(column.foreign_keys)):
        if column is not key and row[column.name] is not None:
            given = others(db, column, row[column.name])
            found += [insert(table).values({**row, column.name: value}) for value in given]
    return found


@contextmanager
def tampering(database: Database) -> Iterator[Connection]:
    """Open a transaction in which no key holds anybody back; nothing of it stays."""
    engine = create_engine(database.url.replace("postgresql:", "postgresql+psycopg:"))
    if database.is_sqlite:
        event.listen(engine, "connect", lambda made, _: setattr(made, "isolation_level", None))
        event.listen(engine, "begin", lambda db: db.exec_driver_sql("BEGIN"))
    with engine.connect() as db:
        if not database.is_sqlite:
            db.execute(text("SET LOCAL session_replication_role = replica"))
        yield db
        db.rollback()
    engine.dispose()


def carried_out(db: Connection, statements: list[Any]) -> bool:
    """Carry out the first statement that can be, with the triggers of its table gone for that long."""
    made = []
    if db.dialect.name == "sqlite":
        named = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
        made = list(db.execute(text(named), {"table": statements[0].table.name}))
    for row in made:
        db.exec_driver_sql(f"DROP TRIGGER {row.name}")
    done = any(write(db, statement) for statement in statements)
    for row in made:
        db.exec_driver_sql(row.sql)
    return done


def unnoticed(stage: Stage, tables: list[Table]) -> tuple[int, list[str]]:
    """Alter every column of some tables, take a row away, add one; return how often, and what nobody saw."""
    count, missed = 0, []
    with tampering(stage.database) as db:
        seen = Seen(db, stage.database.url)
        assert told(stage, seen) == []
        for table in tables:
            if is_listed(table.name, ""):
                continue
            [key] = table.primary_key
            last = sealed_rows(db, table)[-1][key.name]
            removed = table.delete().where(key == last)
            tried = [*altered(db, table), ("- a row", [removed]), ("+ a row", copied(db, table))]
            for name, statements in tried:
                if is_listed(table.name, name):
                    continue
                saved = db.begin_nested()
                count += 1
                if not carried_out(db, statements) or not told(stage, seen):
                    missed.append(f"{table.name} {name}")
                saved.rollback()
        assert told(stage, seen) == []
        seen.close()
    return count, missed


def test_every_table_is_sealed_or_listed_with_the_reason() -> None:
    known = {*seals.SEALS, *seals.BESIDE}
    assert known == set(METADATA.tables)
    assert not seals.SEALS.keys() & seals.BESIDE.keys()
    for table, column, reason in seals.unsealed():
        assert reason
        assert not column or column in METADATA.tables[table].c
    for name, seal in seals.SEALS.items():
        assert {*seal.open, *seal.later} <= set(METADATA.tables[name].c.keys()), name


@pytest.mark.thorough
def test_nothing_that_is_stored_changes_unseen(lite: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    world(lite)
    count, missed = unnoticed(lite, list(METADATA.sorted_tables))
    with capsys.disabled():
        sys.stdout.write(f"\n{count} values and rows altered, {len(missed)} unseen\n")
    assert missed == []


def tamper(stage: Stage, statement: str) -> None:
    with unguarded(stage.database) as db:
        assert db.execute(text(statement)).rowcount == 1


FORGED = (
    ("UPDATE ratings SET value = '2' WHERE item = 'TRI-1'", "ratings"),
    ("UPDATE ratings SET comment = 'Well done.' WHERE item = 'TRI-2'", "ratings"),
    ("DELETE FROM consultations WHERE id = 1", "consultations"),
    ("UPDATE relations SET relation = 'reviewer' WHERE relation = 'author'", "relations"),
    ("UPDATE appraisals SET final = 'READY'", "appraisals"),
    ("UPDATE proposals SET track = 'fast'", "proposals"),
    ("UPDATE versions SET value = replace(value, 'Illustrative', 'Other')", "versions"),
    ("UPDATE events SET note = 'Bent.' WHERE sequence = 2", "events"),
    ("UPDATE people SET name = 'Somebody Else' WHERE name = 'Lead'", "people"),
    ("UPDATE people SET roles = 'manager coordinator' WHERE name = 'Chief'", "people"),
)


@pytest.mark.parametrize(("statement", "table"), FORGED)
def test_no_record_is_made_of_what_was_altered(stage: Stage, statement: str, table: str) -> None:
    number = casts.not_recommended(stage)
    tamper(stage, statement)
    before = casts.contents(stage)
    with pytest.raises(NotAllowed) as caught:
        casts.take(stage, "chief", number, "reject", note="No.")
    code = "stored_differs_here" if table == "people" else "stored_differs"
    assert [(entry.code, entry.facts["table"]) for entry in caught.value.refusals] == [(code, table)]
    assert casts.contents(stage) == before


def test_a_step_without_a_record_goes_on_where_an_account_was_altered(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    tamper(lite, "UPDATE people SET name = 'Somebody Else' WHERE name = 'Lead'")
    until = (lite.now + timedelta(days=9)).date()
    assert casts.take(lite, "desk", number, "hold", until=until, note="Elections.").hold is not None
    casts.take(lite, "desk", number, "release")
    assert casts.refused(lite, "chief", number, "reject", note="No.") == ("stored_differs_here",)


def test_no_event_seals_what_was_altered_before(stage: Stage) -> None:
    number = casts.awaiting(stage)
    casts.take(stage, "desk", number, "hold", until=(stage.now + timedelta(days=9)).date(), note="Elections.")
    tamper(stage, "UPDATE holds SET reason = 'Strike.'")
    assert casts.refused(stage, "desk", number, "release") == ("stored_differs",)
    assert "holds: the row was altered" in str(
        verification_database.verify(stage.database, stage.library, None).breaks[0]
    )


def test_what_is_saved_without_an_event_is_no_fact_yet(stage: Stage) -> None:
    number = casts.submitted(stage)
    casts.assign(stage, number)
    casts.rate(stage, number)
    assert verification_database.verify(stage.database, stage.library, None).breaks == []
    tamper(stage, "UPDATE ratings SET value = '1' WHERE item = 'TRI-1'")
    assert verification_database.verify(stage.database, stage.library, None).breaks == []


def test_a_transaction_that_leaves_rows_unsealed_ends_in_an_error(stage: Stage) -> None:
    number = casts.awaiting(stage)
    before = casts.contents(stage)
    holds, roles = METADATA.tables["holds"], METADATA.tables["people"]
    hold = {"since": stage.now, "until": stage.now.date(), "reason": "x", "by": 1}

    def unloaded(db: Connection) -> None:
        db.execute(insert(holds).values(proposal_id=1, **hold))

    def without_event(db: Connection) -> None:
        db.execute(insert(holds).values(proposal_id=load_case(db, number, lock=True).id, **hold))

    def after_event(db: Connection) -> None:
        drafts.note_event(db, load_case(db, number), stage.people["desk"], stage.now, "add_author", {})
        unloaded(db)

    def of_site(db: Connection) -> None:
        db.execute(update(roles).where(roles.c.name == "Ana").values(roles="manager"))

    def run(act: Callable[[Connection], None]) -> None:
        with stage.database.begin() as db:
            act(db)

    for act in (unloaded, without_event, after_event, of_site):
        with pytest.raises(seals.Unsealed):
            run(act)
    assert casts.contents(stage) == before


def test_no_event_of_the_site_seals_what_was_altered_before(stage: Stage) -> None:
    tamper(stage, "UPDATE people SET roles = 'manager' WHERE name = 'Ana'")
    assert casts.refusal(stage, lambda: casts.change(stage, "ana", unit="SECTOR")) == ("stored_differs_here",)
    [found] = verification_database.verify(stage.database, stage.library, None).breaks
    id = stage.people["ana"].id
    assert str(found) == f"people: row {id}: is not what the site's chain says"
    # Somebody else is changed as ever.
    casts.change(stage, "ben", unit="SECTOR")


def test_chains_of_before_are_read_and_sealed_by_their_next_event(stage: Stage) -> None:
    number = casts.rated(stage)
    casts.draft(stage)
    with unguarded(stage.database) as db:
        age(db, number)
    tamper(stage, "UPDATE consultations SET text = 'We agree to all.' WHERE id = 1")
    found = verification_database.verify(stage.database, stage.library, None)
    assert (found.breaks, found.checked["unsealed_chains"]) == ([], 1)
    casts.take(stage, "lead", number, "finalise")
    found = verification_database.verify(stage.database, stage.library, None)
    assert (found.breaks, found.checked["unsealed_chains"]) == ([], 0)
    tamper(stage, "UPDATE consultations SET text = 'We agree.' WHERE id = 1")
    tamper(stage, "UPDATE ratings SET value = '1' WHERE item = 'TRI-2'")
    tamper(stage, "UPDATE proposals SET number = 'TC-2010-0009' WHERE state = 'draft'")
    told = [entry.what for entry in verification_database.verify(stage.database, stage.library, None).breaks]
    count = len(casts.items_of(stage, number))
    assert told == [
        f"ratings: some of the {count} rows were altered",
        f"consultations: some of the {len(latest(stage, number).consultations)} rows were altered",
        "event 1 is of TC-2010-0002",
        "there are 2, though their numbers go up to 9",
    ]


def latest(stage: Stage, number: str) -> Appraisal:
    return casts.load(stage, number).appraisals[-1]


def test_a_chain_that_sealed_once_says_so_for_ever(lite: Stage) -> None:
    number = casts.submitted(lite)
    with unguarded(lite.database) as db:
        age(db, number)
    until = (lite.now + timedelta(days=9)).date()
    casts.take(lite, "desk", number, "hold", until=until, note="Elections.")
    events, rows = METADATA.tables["events"], METADATA.tables["proposals"]
    with unguarded(lite.database) as db:
        last = db.execute(select(events).where(events.c.name == "hold")).one()
        said = {**json.loads(last.body), "sequence": 4, "previous": last.digest}
        del said["seals"]
        body = canonical(said).decode()
        added = {**last._mapping, "id": last.id + 1, "sequence": 4, "request": None, "body": body}
        added["digest"] = hashlib.sha256(body.encode()).hexdigest()
        db.execute(insert(events).values(added))
        db.execute(update(rows).values(sequence=4, head=added["digest"]))
    [found] = verification_database.verify(lite.database, lite.library, None).breaks
    assert str(found) == f"{number}: event 4 says nothing of what is stored"


# Where the two databases differ: truth, money, days, moments, text, and rows of the site.
ON_BOTH = ("proposals", "appraisals", "decisions", "documents", "holds", "people", "indicator_reports")


@pytest.mark.thorough
def test_both_databases_seal_alike(stage: Stage) -> None:
    world(stage)
    _, missed = unnoticed(stage, [METADATA.tables[name] for name in ON_BOTH])
    assert missed == []


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE records SET value = replace(value, 'TC-2010-0001', 'TC-2010-0002')",
        # Its digest goes with it, but no event names that.
        "UPDATE records SET value = 'x', digest = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'",
    ],
)
def test_no_record_is_drawn_that_was_altered(lite: Stage, forged: str) -> None:
    casts.awaiting(lite)
    with lite.database.read() as db:
        assert records.record_value(db, 1)
    tamper(lite, forged)
    with lite.database.read() as db, pytest.raises(NotAllowed) as caught:
        records.record_value(db, 1)
    assert caught.value.codes == ("stored_differs",)


@pytest.mark.parametrize("column", ["value", "biennium"])
def test_no_report_is_drawn_that_was_altered(lite: Stage, column: str) -> None:
    desk = lite.people["desk"]
    digest, _ = appraised_share.publish(lite.database, lite.library, desk, lite.now, "2.1", "2010-11")
    with lite.database.read() as db:
        assert report_pdfs.report_value(db, 1).decode() == appraised_share.find_published(db, digest)
    tamper(lite, f"UPDATE indicator_reports SET {column} = replace({column}, '2010', '2012')")  # noqa: S608 - the words are the test's own
    with lite.database.read() as db, pytest.raises(NotAllowed) as caught:
        report_pdfs.report_value(db, 1)
    assert caught.value.codes == ("stored_differs_here",)


def test_a_report_that_is_taken_away_is_missed(lite: Stage) -> None:
    desk = lite.people["desk"]
    appraised_share.publish(lite.database, lite.library, desk, lite.now, "2.1", "2010-11")
    tamper(lite, "DELETE FROM indicator_reports")
    assert [
        str(entry) for entry in verification_database.verify(lite.database, lite.library, None).breaks
    ] == ["indicator_reports: row 1: is missing, though the site's chain tells of it"]


def test_no_reason_is_given_for_a_rate_that_corrects_none(lite: Stage) -> None:
    casts.enter_rate(lite, "CHF", lite.now.date(), "1.02", "Treasury")
    [row] = casts.contents(lite)["rates"][-1:]
    tamper(lite, f"UPDATE rates SET reason = 'By order.' WHERE id = {row[0]}")  # noqa: S608 - the words are the test's own
    [found] = verification_database.verify(lite.database, lite.library, None).breaks
    assert str(found) == f"rate {row[0]}: its column reason is not what the site's chain tells"


def test_what_others_wrote_before_a_row_was_held_stays_sealed(stage: Stage) -> None:
    if stage.database.is_sqlite:
        pytest.skip("whoever writes there holds the whole database from the beginning")
    number = casts.submitted(stage)
    until = (stage.now + timedelta(days=9)).date()
    with stage.database.begin() as db:
        load_case(db, number)
        casts.take(stage, "desk", number, "hold", until=until, note="Elections.")
        held = load_case(db, number, lock=True)
        drafts.note_event(db, held, stage.people["desk"], stage.now, "add_author", {})
    assert verification_database.verify(stage.database, stage.library, None).breaks == []


def age_site(stage: Stage) -> None:
    """Write the site's chain anew as an earlier version of the product would have written it."""
    table = METADATA.tables["site_events"]
    with unguarded(stage.database) as db:
        previous = "0" * 64
        for row in db.execute(select(table).order_by(table.c.sequence)).all():
            said = {**json.loads(row.body), "previous": previous}
            del said["seals"]
            body = canonical(said).decode()
            previous = hashlib.sha256(body.encode()).hexdigest()
            changed = update(table).where(table.c.sequence == row.sequence)
            db.execute(changed.values(body=body, digest=previous))


def test_accounts_of_before_are_compared_without_reading_the_chain_once_each(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    age_site(lite)
    bare(lite, deadlines_services.enter_holiday, "admin", "Geneva", date(2010, 12, 24), "A day")
    with casts.counted() as statements:
        casts.take(lite, "chief", number, "reject", note="No.")
    whole = [each for each in statements if "site_events.body LIKE" in each and "person_id" not in each]
    assert len(whole) == 1


def test_an_account_that_goes_back_to_what_was_sealed_first_is_noticed(lite: Stage) -> None:
    number = casts.not_recommended(lite)
    age_site(lite)
    bare(lite, deadlines_services.enter_holiday, "admin", "Geneva", date(2010, 12, 24), "A day")
    unit = lite.people["lead"].unit
    casts.change(lite, "lead", unit="SECTOR")
    tamper(lite, f"UPDATE people SET unit = '{unit}' WHERE name = 'Lead'")  # noqa: S608 - the words are the test's own
    assert casts.refused(lite, "chief", number, "reject", note="No.") == ("stored_differs_here",)
