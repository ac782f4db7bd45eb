"""PDFs of reports: each is drawn in every language from the outbox, and can be asked for again."""

from typing import Any

import pytest
from sqlalchemy import Row, select, update

from appraisal.app import worker
from appraisal.database import tables
from appraisal.errors import NotFound
from appraisal.indicators.services import appraised_share, report_pdfs
from appraisal.indicators.store import reports as stored
from appraisal.language.texts import LANGUAGES
from tests.app.test_worker import Press
from tests.casts import Stage

RENDERINGS = tables.report_renderings
JOBS = tables.jobs


def publish(stage: Stage) -> str:
    return appraised_share.publish(
        stage.database, stage.library, stage.people["desk"], stage.now, "2.1", "2010-11"
    )[0]


def rows(stage: Stage, table: Any) -> list[Row[Any]]:
    with stage.database.read() as db:
        return list(db.execute(select(table).order_by(table.c.id)))


def test_publishing_has_the_report_drawn_in_every_language(stage: Stage) -> None:
    digest = publish(stage)
    press = Press()
    assert worker.work(stage.database, stage.files, press, lambda: stage.now) == 3
    with stage.database.read() as db:
        value = appraised_share.find_published(db, digest)
        assert stored.languages_of(db, [digest, "0" * 64]) == {digest: frozenset(LANGUAGES)}
        assert stored.find_rendering(db, digest, "de") is None
        found = {language: stored.find_rendering(db, digest, language) for language in LANGUAGES}
    assert value is not None
    assert press.asked == [(value.encode(), language) for language in LANGUAGES]
    for language, sha256 in found.items():
        assert sha256 is not None
        assert stage.files.read(sha256).startswith(b"%PDF " + language.encode())
    # Nothing is new, so nothing is drawn.
    assert publish(stage) == digest
    assert worker.work(stage.database, stage.files, press, lambda: stage.now) == 0


def test_what_is_asked_for_again_is_only_what_is_missing(stage: Stage) -> None:
    digest = publish(stage)
    for _ in range(2):
        with stage.database.begin() as db:
            report_pdfs.ask_renderings(db, digest, stage.now)
    assert len(rows(stage, JOBS)) == 3
    worker.work(stage.database, stage.files, Press(), lambda: stage.now)
    with stage.database.begin() as db:
        db.execute(RENDERINGS.delete().where(RENDERINGS.c.language == "fr"))
        report_pdfs.ask_renderings(db, digest, stage.now)
    assert [row.payload for row in rows(stage, JOBS)[3:]] == ['{"language":"fr","report":1}']


def test_a_dead_job_is_asked_for_anew(lite: Stage) -> None:
    digest = publish(lite)
    with lite.database.begin() as db:
        db.execute(update(JOBS).values(dead_at=lite.now))
        report_pdfs.ask_renderings(db, digest, lite.now)
    assert worker.work(lite.database, lite.files, Press(), lambda: lite.now) == 3


def test_one_that_was_made_meanwhile_is_kept(lite: Stage) -> None:
    publish(lite)
    (report,) = rows(lite, tables.indicator_reports)
    for pdf in (b"%PDF first", b"%PDF second"):
        with lite.database.begin() as db:
            report_pdfs.keep_rendering(db, lite.files, report.id, "en", pdf, lite.now)
    (row,) = rows(lite, RENDERINGS)
    assert (lite.files.read(row.sha256), row.size) == (b"%PDF first", 10)


def test_a_report_that_is_not_there_is_not_found(lite: Stage) -> None:
    with lite.database.begin() as db:
        with pytest.raises(NotFound):
            report_pdfs.ask_renderings(db, "0" * 64, lite.now)
        with pytest.raises(NotFound):
            report_pdfs.report_value(db, 7)
