"""A worker in a process of its own, which delivers what waits; a test kills it wherever it likes.

Run as ``python -m tests.carriers DATABASE PORT MOMENT``.
"""

import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from appraisal.i18n import Language
from appraisal.services import jobs
from appraisal.services.couriers import Courier
from appraisal.storage.databases import Database
from appraisal.storage.files import Files
from tests.mailboxes import Mailboxes


def blank(value: bytes, language: Language) -> bytes:
    """Draw nothing: a worker has records to render as well."""
    return b"%PDF"


def main(url: str, port: str, moment: str) -> None:
    """Deliver everything that is due at a moment."""
    database, now = Database(url), datetime.fromisoformat(moment)
    courier = Courier(Mailboxes(port=int(port)).server())
    with TemporaryDirectory() as folder:
        jobs.work(database, Files(Path(folder)), blank, lambda: now, courier=courier)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
