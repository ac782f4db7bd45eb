"""A worker in a process of its own, which delivers what waits; a test kills it wherever it likes.

Run as ``python -m tests.carriers DATABASE PORT MOMENT``.
"""

import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from appraisal.app import worker
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.language.texts import Language
from appraisal.notices.services.smtp import Courier
from tests.mailboxes import Mailboxes


def blank(value: bytes, language: Language) -> bytes:
    """Draw nothing: a worker has records to render as well."""
    return b"%PDF"


def main(url: str, port: str, moment: str) -> None:
    """Deliver everything that is due at a moment."""
    database, now = Database(url), datetime.fromisoformat(moment)
    courier = Courier(Mailboxes(port=int(port)).server())
    with TemporaryDirectory() as folder:
        worker.work(database, Files(Path(folder)), blank, lambda: now, courier=courier)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
