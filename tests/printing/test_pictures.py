"""Pictures: three pages of records as they looked when somebody looked at them.

After a change that is meant, ``python -m tests.printing.test_pictures`` draws them anew; look at them.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from appraisal.definitions.library import read_library
from appraisal.language.texts import Language
from appraisal.paths import folder
from appraisal.printing.rendering import render
from appraisal.workflow.rules.guards import names
from tests.printing.samples import Print, Sample, Value, sample_of

PICTURES: Final = Path(__file__).parent / "pictures"
# Dots an inch: enough to see every block, and few enough for the pictures to stay small.
SCALE: Final = 50 / 72
# How far a page may differ after blurring, of 255: on the whole, and in any one place. Another rasteriser
# smooths otherwise; a block that is gone or has moved differs by far more.
MEAN: Final = 2.0
PEAK: Final = 60
PAGES: Final[dict[str, tuple[str, Language, int]]] = {
    "cover": ("record", "en", 0),
    "items": ("record", "fr", 1),
    "decision": ("approval", "es", 0),
}


def picture(pdf: bytes, page: int) -> Image.Image:
    """Draw a page in grey."""
    with pypdfium2.PdfDocument(pdf) as document:
        drawn = document[page % len(document)].render(scale=SCALE, grayscale=True)
        found: Image.Image = drawn.to_pil().convert("L")
    return found


def kept(name: str) -> Image.Image:
    """Return a page as it looked."""
    with Image.open(PICTURES / f"{name}.png") as found:
        return found.convert("L")


def differences(one: Image.Image, other: Image.Image) -> tuple[float, int]:
    """Return how far two pictures differ, on the whole and at most."""
    if one.size != other.size:
        return 255.0, 255
    soft = ImageFilter.GaussianBlur(1.5)
    found = ImageChops.difference(one.filter(soft), other.filter(soft))
    return ImageStat.Stat(found).mean[0], int(found.getextrema()[1])  # type: ignore[arg-type]


def values(sample: Sample) -> dict[str, Value]:
    return {"record": sample.record(), "approval": sample.approval()}


@pytest.mark.thorough
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(sample: Sample, printed: Print, name: str) -> None:
    kind, language, page = PAGES[name]
    drawn = picture(printed(values(sample)[kind], language), page)
    mean, peak = differences(drawn, kept(name))
    assert mean < MEAN, (mean, peak)
    assert peak < PEAK, (mean, peak)


@pytest.mark.thorough
def test_a_page_that_lost_something_does_not_look_as_it_did(sample: Sample, printed: Print) -> None:
    without = sample.record()
    without["appraisal"]["criteria"] = without["appraisal"]["criteria"][:-1]
    other = picture(printed(without, "en"), 0)
    assert differences(other, kept("cover"))[1] > PEAK
    # Moved by two dots, as where a margin changed.
    assert differences(ImageChops.offset(kept("cover"), 0, 2), kept("cover"))[1] > PEAK


def _drawn() -> Iterator[tuple[str, Any]]:
    sample = sample_of(read_library(folder("workflows"), folder("checklists"), names()))
    for name, (kind, language, page) in PAGES.items():
        yield name, picture(render(values(sample)[kind], language), page)


if __name__ == "__main__":
    for name, drawn in _drawn():
        out = io.BytesIO()
        drawn.quantize(16).save(out, "PNG", optimize=True)
        (PICTURES / f"{name}.png").write_bytes(out.getvalue())
