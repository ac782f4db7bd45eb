"""Rendering: a process that has just begun, one that is warm, two at once, and one that goes on and on.

Each beside WeasyPrint alone on the same HTML and style sheet, interleaved.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from appraisal.canonical import canonical
from appraisal.paths import folder
from appraisal.printing import rendering
from appraisal.printing.worker import Renderer
from tests.bench import processes
from tests.bench.ratios import report, timed
from tests.bench.records import value_of_a_record

ROUNDS: Final = 3
EACH: Final = 2
RENDERS: Final = 300
# A machine that is busy with other things is no failure of ours.
PATIENCE: Final = 600.0
STYLE: Final = str(folder("templates") / "records" / "record.css")
BARE: Final = """
import sys
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
fonts = FontConfiguration()
style = CSS(sys.argv[2], font_config=fonts)
for _ in range(int(sys.argv[3])):
    HTML(sys.argv[1], encoding="utf-8").write_pdf(font_config=fonts, stylesheets=[style], pdf_variant="pdf/a-3a")
"""
OURS: Final = """
import pathlib, sys
from appraisal.printing.rendering import parse, render
value = parse(pathlib.Path(sys.argv[1]).read_bytes())
for _ in range(int(sys.argv[2])):
    render(value, "en")
"""


def bench() -> None:
    value = value_of_a_record()
    with tempfile.TemporaryDirectory(prefix="appraisal-bench-") as place:
        page, record = Path(place) / "record.html", Path(place) / "record.json"
        page.write_text(rendering.page_of(value, "en"), "utf-8")
        record.write_bytes(canonical(value))
        _measure_cold(str(page), str(record))
        _measure_two(str(page), canonical(value))
    _measure_memory(value)


def _measure_cold(page: str, record: str) -> None:
    ratios, spent = [], []
    for _ in range(ROUNDS):
        bare = processes.run("-c", BARE, page, STYLE, "1").seconds
        spent.append(processes.run("-c", OURS, record, "1").seconds)
        ratios.append(spent[-1] / bare)
    report("a record in a new process, in CPU time of WeasyPrint", ratios, "-", _seconds(spent))


def _measure_two(page: str, record: bytes) -> None:
    """Draw as many records by one worker and by two; what WeasyPrint alone takes is that of one process."""
    ratios, gains, spent = [], [], []
    with (
        Renderer(seconds=PATIENCE) as first,
        Renderer(seconds=PATIENCE) as second,
        ThreadPoolExecutor(2) as threads,
    ):

        def draw(*renderers: Renderer) -> None:
            shares: list[Callable[[], None]] = [
                lambda renderer=renderer: _draw(renderer, record, EACH // len(renderers))  # type: ignore[misc]
                for renderer in renderers
            ]
            for done in [threads.submit(share) for share in shares]:
                done.result()

        draw(first, second)
        for _ in range(ROUNDS):
            begun = timed(lambda: processes.run("-c", BARE, page, STYLE, "1"))
            bare = (timed(lambda: processes.run("-c", BARE, page, STYLE, str(1 + EACH))) - begun) / EACH
            one = timed(lambda: draw(first)) / EACH
            two = timed(lambda: draw(first, second)) / EACH
            ratios.append(two / bare)
            gains.append(one / two)
            spent.append(two)
    report("a record by two workers, in time of WeasyPrint, one process", ratios, "-", _seconds(spent, "s"))
    report("two workers, rate of one", gains, "above 1")


def _draw(renderer: Renderer, record: bytes, times: int) -> None:
    for _ in range(times):
        renderer.render(record, "en")


def _seconds(spent: list[float], unit: str = "CPU s") -> str:
    return f"{statistics.median(spent):.2f} {unit} [{min(spent):.2f} - {max(spent):.2f}]"


def _measure_memory(value: dict[str, Any]) -> None:
    """Draw the shortest of records, each another; compare what the worker holds after ten and at the end."""
    short = json.loads(canonical(value))
    [first] = short["appraisal"]["criteria"] = short["appraisal"]["criteria"][:1]
    first["items"], short["proposal"]["content"] = first["items"][:1], {}
    held: list[float] = []
    with Renderer(seconds=PATIENCE, renders=RENDERS + 1) as renderer:
        for index in range(RENDERS):
            short["proposal"]["title"] = f"Record {index}"
            renderer.render(canonical(short), ("en", "fr", "es")[index % 3])
            if index + 1 in (10, RENDERS):
                held.append(_resident(renderer.pid))
    report(
        f"memory of a worker after {RENDERS} records, of that after 10",
        [held[-1] / held[0]],
        "flat, at most 1.10",
        f"{held[0]:.0f} MB, {held[-1]:.0f} MB",
    )


def _resident(pid: int | None) -> float:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6
