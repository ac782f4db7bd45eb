"""A record through the product, against WeasyPrint alone on the same HTML and style sheet."""

import json
import tempfile
import time
from pathlib import Path

from sqlalchemy import select
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from appraisal.database import schema, tables
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.paths import folder
from appraisal.printing import rendering
from appraisal.scenarios.files import read_scenario
from appraisal.scenarios.performance import play
from appraisal.scenarios.verbs.table import verbs
from tests.bench.ratios import report
from tests.bench.steps import library

ROUNDS = 7


def bench() -> None:
    value = value_of_a_record()
    page = rendering.page_of(value, "en")
    fonts = FontConfiguration()
    style = CSS(string=(folder("templates") / "records" / "record.css").read_text("utf-8"), font_config=fonts)

    def bare() -> bytes:
        written: bytes = HTML(string=page).write_pdf(
            font_config=fonts, stylesheets=[style], pdf_variant=rendering.VARIANT
        )
        return written

    def ours() -> bytes:
        return rendering.render(value, "en")

    bare()
    ours()
    ratios, spent = [], []
    for _ in range(ROUNDS):
        # The processor's time: drawing waits for nothing.
        begun = time.process_time()
        bare()
        middle = time.process_time()
        ours()
        ratios.append((time.process_time() - middle) / (middle - begun))
        spent.append(time.process_time() - middle)
    report(
        "a record, in time of WeasyPrint alone on the same HTML",
        ratios,
        "at most 1.15",
        f"{min(spent):.1f} CPU s",
    )


def value_of_a_record() -> dict[str, object]:
    """Return the value of an appraisal record of the conditions scenario."""
    definitions = library()
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        database = Database(f"sqlite:///{place}/records.sqlite3")
        schema.upgrade(database)
        script = read_scenario(
            folder("workflows") / "scenarios" / "conditions.yaml",
            definitions,
            verbs(),
        )
        play(script, database, definitions, Files(Path(place)))
        table = tables.records
        with database.read() as db:
            text = db.execute(select(table.c.value).where(table.c.kind == "appraisal")).scalars().first()
        database.close()
    assert text is not None
    found: dict[str, object] = json.loads(text)
    return found
