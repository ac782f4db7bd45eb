"""Readers: what is inside a PDF, by a library that did not write it."""

import io
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader


def reader(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """Return the text layer of each page without blanks, which depend on where lines break."""
    return ["".join(page.extract_text().split()) for page in reader(pdf).pages]


def solid(text: str) -> str:
    return "".join(text.split())


def embedded(pdf: bytes) -> dict[str, bytes]:
    return {name: versions[0] for name, versions in reader(pdf).attachments.items()}


def bookmarks(entries: Any) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, list):
            yield from bookmarks(entry)
        else:
            yield str(entry.title)


def root(pdf: bytes) -> Any:
    return reader(pdf).trailer["/Root"]


def structure(element: Any) -> Iterator[Any]:
    element = element.get_object()
    if not isinstance(element, dict):
        return
    if "/S" in element:
        yield element
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        yield from structure(kid)
