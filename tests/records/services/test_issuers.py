"""Issuers: with which key all is signed is a fact of the trail, and nothing is left unsigned unseen."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pypdf import PdfWriter
from sqlalchemy import select, text

from appraisal.app import worker
from appraisal.database import tables
from appraisal.language.texts import Language
from appraisal.records.services import issuers, records
from appraisal.records.services.issuers import KeyMissing
from appraisal.records.signing.signer import Signer, Unsignable
from appraisal.records.store import issuers as stored_issuers
from appraisal.trail.store import site
from appraisal.trail.store import whole_trail as stored
from appraisal.verification.reading.signatures import examine_pdf, examine_text
from appraisal.verification.services import checkpoints, database
from tests import casts
from tests.casts import Stage
from tests.keys import Keyring, make_keyring
from tests.tampering import unguarded

JOBS = tables.jobs
RECORDS = tables.records
RENDERINGS = tables.renderings


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return make_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def paper() -> bytes:
    """A file of one empty page."""
    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(out)
    return out.getvalue()


def use(stage: Stage, signer: Signer) -> None:
    with stage.database.begin() as db:
        assert issuers.use_key(db, signer, stage.now)


def told(stage: Stage) -> list[str]:
    return [str(entry) for entry in database.verify(stage.database, stage.library, stage.files).breaks]


def values(stage: Stage) -> list[dict[str, object]]:
    with stage.database.read() as db:
        return [
            json.loads(value)
            for value in db.execute(select(RECORDS.c.value).order_by(RECORDS.c.id)).scalars()
        ]


@pytest.mark.thorough
def test_records_say_from_when_on_they_are_signed_and_where_they_are_verified(
    stage: Stage, ring: Keyring
) -> None:
    casts.approved(stage)
    use(stage, ring.signer())
    with stage.database.begin() as db:
        assert not issuers.use_key(db, ring.signer(), stage.now)
        assert issuers.note_address(db, "https://appraisal.example.org", stage.now)
        assert not issuers.note_address(db, "https://appraisal.example.org", stage.now)
        assert not issuers.note_address(db, "", stage.now)
    casts.approved(stage)
    with stage.database.begin() as db:
        assert issuers.retire_key(db, stage.now)
        assert not issuers.retire_key(db, stage.now)
    casts.approved(stage)
    here = "https://appraisal.example.org"
    assert [value["issuer"] for value in values(stage)[::2]] == [
        {"address": "", "signed": False},
        {"address": here, "signed": True},
        {"address": here, "signed": False},
    ]
    with stage.database.read() as db:
        facts = [entry.facts["facts"] for entry in site.chain(db) if '"action":"issuer"' in entry.body]
        assert stored_issuers.certificate_of(db, ring.signer().fingerprint) == ring.signer().certificate
        assert stored_issuers.certificate_of(db, "0" * 64) is None
    subject, fingerprint = ring.signer().subject, ring.signer().fingerprint
    assert facts == [
        {"address": "", "fingerprint": fingerprint, "subject": subject},
        {"address": here, "fingerprint": fingerprint, "subject": subject},
        {"address": here, "fingerprint": "", "subject": ""},
    ]
    assert told(stage) == []


def test_a_key_whose_certificate_is_not_valid_is_not_taken(stage: Stage, tmp_path: Path) -> None:
    expired = make_keyring(tmp_path, since=2000, until=2005).signer()
    with pytest.raises(Unsignable, match="expired on 2005-01-01"), stage.database.begin() as db:
        issuers.use_key(db, expired, stage.now)
    with stage.database.read() as db:
        assert stored_issuers.history(db) == []


@pytest.mark.thorough
def test_a_record_is_drawn_signed_or_not_at_all(
    stage: Stage, ring: Keyring, tmp_path: Path, paper: bytes
) -> None:
    """The drawing itself takes seconds and is not what this is about: a file drawn before stands for it."""

    def draw(value: bytes, language: Language) -> bytes:
        return paper

    use(stage, ring.signer())
    casts.awaiting(stage)
    other = make_keyring(tmp_path).signer()
    for signer, why in (
        (
            None,
            f"KeyMissing: the key of {ring.signer().subject} is in force, but APPRAISAL_SIGNER names none",
        ),
        (
            other,
            f"KeyMissing: the key of {ring.signer().subject} is in force, but APPRAISAL_SIGNER names another",
        ),
    ):
        assert worker.work(stage.database, stage.files, draw, lambda: stage.now, signer=signer) == 0
        with stage.database.read() as db:
            assert db.execute(select(RENDERINGS)).all() == []
            assert db.execute(select(JOBS.c.error).where(JOBS.c.kind == "render")).scalars().all() == [why]
        stage.wait(days=1)
    assert worker.work(stage.database, stage.files, draw, lambda: stage.now, signer=ring.signer()) == 1
    with stage.database.read() as db:
        [sha256] = db.execute(select(RENDERINGS.c.sha256)).scalars()
    file = stage.files.read(sha256)
    assert file.startswith(paper)
    found = examine_pdf(file, ring.grounds(stage.now))
    assert found is not None
    assert (found.problems, found.trust, found.fingerprint) == ((), "trusted", ring.signer().fingerprint)


def test_a_record_that_is_not_to_be_signed_is_not(stage: Stage, ring: Keyring, paper: bytes) -> None:
    casts.awaiting(stage)
    use(stage, ring.signer())
    assert worker.work(stage.database, stage.files, lambda *_: paper, lambda: stage.now, signer=None) == 1
    with stage.database.read() as db:
        [sha256] = db.execute(select(RENDERINGS.c.sha256)).scalars()
    assert stage.files.read(sha256) == paper


def test_checkpoints_are_signed_with_the_key_in_force(stage: Stage, ring: Keyring) -> None:
    first = checkpoints.checkpoint(stage.database, stage.now)
    use(stage, ring.signer())
    with pytest.raises(KeyMissing, match="names none"):
        checkpoints.checkpoint(stage.database, stage.now)
    with pytest.raises(KeyMissing, match="names none"):
        checkpoints.daily_checkpoint(stage.database, stage.now.replace(year=2011))
    second = checkpoints.checkpoint(stage.database, stage.now, ring.signer())
    assert first is not None
    assert second is not None
    with stage.database.read() as db:
        assert stored.signature_of(db, first.sequence) is None
        signature = stored.signature_of(db, second.sequence)
    assert signature is not None
    found = examine_text(second.body.encode(), signature, ring.grounds(stage.now))
    assert (found.problems, found.trust) == ((), "trusted")
    assert told(stage) == []
    assert database.verify(stage.database, stage.library, None).checked["signatures"] == 1


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE checkpoints SET signature = NULL", "checkpoint 1: is not signed, though a key was in force"),
        (
            "UPDATE checkpoints SET signature = :other",
            "checkpoint 1: is signed with a key that was not in force",
        ),
        (
            "UPDATE checkpoints SET signature = :junk",
            "checkpoint 1: has a signature that does not hold: broken",
        ),
        ("UPDATE issuers SET address = 'x'", "the issuers: are not those that the site's chain tells of"),
        ('UPDATE issuers SET "by" = 7', "the issuers: are not those that the site's chain tells of"),
        (
            "UPDATE issuers SET at = '2010-01-01 00:00:00'",
            "the issuers: are not those that the site's chain tells of",
        ),
        ("DELETE FROM issuers", "the issuers: are not those that the site's chain tells of"),
        (
            "UPDATE issuers SET certificate = :junk",
            "the issuers: the certificate of TEST ONLY - Example, Example was altered",
        ),
    ],
)
def test_keys_and_signatures_that_were_bent_are_named(
    stage: Stage, ring: Keyring, tmp_path: Path, statement: str, what: str
) -> None:
    use(stage, ring.signer())
    made = checkpoints.checkpoint(stage.database, stage.now, ring.signer())
    assert made is not None
    other = make_keyring(tmp_path).signer().sign_text(made.body.encode(), stage.now)
    given = {"other": other, "junk": b"\x30\x00"}
    with unguarded(stage.database) as db:
        db.execute(text(statement), {key: value for key, value in given.items() if f":{key}" in statement})
    # What a row says is sealed as well, except for the certificate, of which that is the digest.
    by_rows = [said for said in told(stage) if said.startswith("issuers: row 1: ")]
    assert [said for said in told(stage) if said not in by_rows] == [what]
    assert bool(by_rows) == ("issuers" in statement and "certificate" not in statement)


EXPIRED = datetime(2011, 2, 1, tzinfo=UTC)


def notices_of(stage: Stage, who: str) -> list[tuple[str, dict[str, object]]]:
    table = tables.notices
    mine = select(table.c.what, table.c.facts).where(table.c.person_id == stage.people[who].id)
    with stage.database.read() as db:
        rows = db.execute(mine.where(table.c.what.like("key_%")).order_by(table.c.id)).all()
    return [(row.what, json.loads(row.facts)) for row in rows]


def test_with_an_expired_key_checkpoints_are_made_unsigned_and_the_trail_says_why(
    stage: Stage, tmp_path: Path
) -> None:
    short = make_keyring(tmp_path, since=2009, until=2011)
    use(stage, short.signer())
    assert checkpoints.checkpoint(stage.database, stage.now, short.signer()) is not None
    made = checkpoints.daily_checkpoint(stage.database, EXPIRED, short.signer())
    assert made is not None
    with stage.database.read() as db:
        assert stored.signature_of(db, made.sequence) is None
        last = [entry.facts for entry in site.chain(db) if '"action":"issuer"' in entry.body][-1]
        assert issuers.expired_on(db, EXPIRED) == datetime(2011, 1, 1, tzinfo=UTC)
    assert last["facts"]["expired"] == "2011-01-01T00:00:00.000000Z"
    assert told(stage) == []


def test_a_key_that_was_retired_in_time_is_not_said_to_have_expired(stage: Stage, tmp_path: Path) -> None:
    use(stage, make_keyring(tmp_path, since=2009, until=2011).signer())
    with stage.database.begin() as db:
        issuers.retire_key(db, stage.now)
    with stage.database.read() as db:
        assert issuers.expired_on(db, stage.now) is None
        assert issuers.expired_on(db, EXPIRED) is None


def test_a_key_that_is_retired_too_late_has_expired(stage: Stage, tmp_path: Path) -> None:
    use(stage, make_keyring(tmp_path, since=2009, until=2011).signer())
    with stage.database.begin() as db:
        assert issuers.retire_key(db, EXPIRED)
        assert not issuers.retire_key(db, EXPIRED)
        assert issuers.note_address(db, "https://appraisal.example.org", EXPIRED)
    with stage.database.read() as db:
        last = [entry.facts for entry in site.chain(db) if '"action":"issuer"' in entry.body][1]
        assert issuers.expired_on(db, EXPIRED) == datetime(2011, 1, 1, tzinfo=UTC)
    assert last["facts"]["expired"] == "2011-01-01T00:00:00.000000Z"


def test_a_record_promises_no_signature_once_the_key_has_expired(stage: Stage, tmp_path: Path) -> None:
    """Even before a tick has noted it."""
    use(stage, make_keyring(tmp_path, since=2009, until=2011).signer())
    casts.awaiting(stage)
    stage.now = EXPIRED
    casts.awaiting(stage)
    assert [value["issuer"]["signed"] for value in values(stage)] == [True, False]  # type: ignore[index]


def test_what_was_promised_is_signed_with_the_next_key(
    stage: Stage, tmp_path: Path, ring: Keyring, paper: bytes
) -> None:
    short = make_keyring(tmp_path, since=2009, until=2011).signer()
    use(stage, short)
    casts.awaiting(stage)
    stage.now = EXPIRED
    with stage.database.begin() as db:
        issuers.end_expired(db, stage.now)
    assert worker.work(stage.database, stage.files, lambda *_: paper, lambda: stage.now, signer=short) == 0
    use(stage, ring.signer())
    stage.wait(days=1)
    assert (
        worker.work(stage.database, stage.files, lambda *_: paper, lambda: stage.now, signer=ring.signer())
        == 1
    )


def test_a_promised_signature_is_given_in_another_language_after_its_key_was_retired(
    stage: Stage, ring: Keyring, tmp_path: Path, paper: bytes
) -> None:
    use(stage, ring.signer())
    casts.awaiting(stage)

    def draw(signer: Signer | None) -> int:
        return worker.work(stage.database, stage.files, lambda *_: paper, lambda: stage.now, signer=signer)

    assert draw(ring.signer()) == 1
    with stage.database.begin() as db:
        issuers.retire_key(db, stage.now)
        records.ask_rendering(db, 1, "fr", stage.now)
    other = make_keyring(tmp_path).signer()
    for signer in (None, other):
        assert draw(signer) == 0
        stage.wait(hours=1)
    assert draw(ring.signer()) == 1
    with stage.database.read() as db:
        sha256 = records.rendering_of(db, 1, "fr")
    assert sha256 is not None
    found = examine_pdf(stage.files.read(sha256), ring.grounds(stage.now))
    assert found is not None
    assert found.fingerprint == ring.signer().fingerprint


def test_administrators_are_told_from_sixty_days_before_once_for_each_warning(
    stage: Stage, tmp_path: Path
) -> None:
    use(stage, make_keyring(tmp_path, since=2009, until=2011).signer())
    told_on = {}
    # Geneva has the new year an hour before the certificate has.
    for day in range(75):
        now = datetime(2010, 10, 25, 12, tzinfo=UTC) + timedelta(days=day)
        before = len(notices_of(stage, "admin"))
        for _ in range(2):
            with stage.database.begin() as db:
                issuers.warn(db, now)
        if len(notices_of(stage, "admin")) > before:
            told_on[now.date().isoformat()] = notices_of(stage, "admin")[-1][1].get("warning")
        assert len(notices_of(stage, "admin")) <= before + 1
    assert told_on == {
        "2010-11-02": 60,
        "2010-12-02": 30,
        "2010-12-18": 14,
        "2010-12-25": 7,
        "2010-12-31": 1,
        "2011-01-01": None,
    }
    assert notices_of(stage, "admin")[-1] == ("key_expired", {"last": "2011-01-01"})
    assert notices_of(stage, "desk") == []


def test_a_key_that_expires_tonight_is_warned_of_once_and_at_once(stage: Stage, tmp_path: Path) -> None:
    stage.now = datetime(2010, 12, 31, 20, tzinfo=UTC)
    use(stage, make_keyring(tmp_path, since=2009, until=2011).signer())
    for _ in range(2):
        with stage.database.begin() as db:
            issuers.warn(db, stage.now)
            near = issuers.expiry(db, stage.now)
    assert near is not None
    assert (near.days, near.is_near) == (1, True)
    assert [facts["warning"] for _, facts in notices_of(stage, "admin")] == [1]
