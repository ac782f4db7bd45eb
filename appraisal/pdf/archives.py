"""Archives: what makes WeasyPrint's file a PDF/A-3a that is PDF/UA-1 as well, and refuses all fetching.

WeasyPrint names one standard, and tags neither running lines as artifacts nor header cells with their scope;
the rest is done by its public ``finisher`` and by wrapping the function that builds the tag tree. That
function is private, so the version of WeasyPrint is pinned and tests look at what comes out.
"""

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from appraisal.errors import AppraisalError

_EXTENSION = b"""
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of the standard to which the file conforms</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
</rdf:RDF>"""


class NotArchivable(AppraisalError):
    """The pages ask for something that would make the file depend on more than itself."""


class _Watch(logging.Handler):
    """Collects the warnings after which a file would not conform."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.ERROR or "glyph" in message.lower() or "font" in message.lower():
            self.found.append(message)


@contextmanager
def watched() -> Iterator[None]:
    """Raise ``NotArchivable`` where rendering fetched, failed at something or lacked a glyph."""
    from weasyprint.logger import LOGGER
    from weasyprint.urls import FatalURLFetchingError

    watch = _Watch()
    LOGGER.addHandler(watch)
    try:
        # WeasyPrint leaves it to the garbage collector to close its colour profile.
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            yield
    except FatalURLFetchingError as error:
        # It is no Exception, so that it gets past WeasyPrint's own handlers; here it becomes one.
        raise NotArchivable(str(error)) from error
    finally:
        LOGGER.removeHandler(watch)
    if watch.found:
        raise NotArchivable("; ".join(dict.fromkeys(watch.found)))


def refusing_fetcher() -> Any:
    """Return a fetcher that fetches nothing: no address of the network, no file, no ``data:``."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class RefusingFetcher(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            raise FatalURLFetchingError(f"A record fetches nothing, but was asked for {url[:200]}")

    return RefusingFetcher()


def identify(document: Any) -> None:
    """Add the identification of PDF/UA-1 to the metadata of a rendered document.

    WeasyPrint names one standard only, and puts metadata given to it where readers do not look.
    """
    made = document.metadata.generate_rdf_metadata

    def generate(variant: str, version: int, conformance: str) -> bytes:
        described: bytes = made(variant, version, conformance)
        return described.replace(b"</rdf:RDF>", _EXTENSION)

    document.metadata.generate_rdf_metadata = generate


def finish(document: Any, pdf: Any) -> None:
    """Leave the metadata readable for tools that do not decompress, and name each attached file once."""
    _object(pdf, pdf.catalog["Metadata"]).compress = False
    files = list(dict.fromkeys(pdf.catalog["AF"]))
    pdf.catalog["AF"].clear()
    pdf.catalog["AF"].extend(files)
    for entry in pdf.objects:
        if getattr(entry, "compress", False) and entry.data.endswith(b"\r\nendstream"):
            # A carriage return as the last compressed byte reads as part of the line end: the stream then
            # seems one byte short to strict validators.
            entry.compress = False


def build_tags_fully() -> None:
    """Have WeasyPrint tag running lines as artifacts, and header cells with their scope; once a process."""
    import pydyf  # type: ignore[import-untyped]
    from weasyprint.formatting_structure.boxes import MarginBox, TextBox
    from weasyprint.pdf import tags

    build = tags._build_box_tree

    def build_fully(
        box: Any,
        parent: Any,
        pdf: Any,
        page: int,
        numbers: dict[int, Any],
        notes: list[Any],
        marks: dict[Any, Any],
    ) -> Iterator[Any]:
        if isinstance(box, MarginBox):
            inside = [entry for entry in box.descendants() if isinstance(entry, TextBox)]
            found = {marks.pop(entry)["mcid"] for entry in inside}
            numbers.update(dict.fromkeys(found, "null"))
            side = "Header" if box.at_keyword.startswith("@top") else "Footer"
            artifact = pydyf.Dictionary({"Type": "/Pagination", "Subtype": f"/{side}"})
            _make_artifacts(
                _object(pdf, _object(pdf, pdf.page_references[page])["Contents"]), found, artifact
            )
            return
        for element in build(box, parent, pdf, page, numbers, notes, marks):
            if element["S"] == "/TH":
                element["A"]["Scope"] = "/Column"
            yield element

    tags._build_box_tree = build_fully


def _make_artifacts(stream: Any, numbers: Collection[int], artifact: Any) -> None:
    for place, part in enumerate(stream.stream):
        if isinstance(part, dict) and part.get("MCID") in numbers:
            stream.stream[place - 1 : place + 1] = ["/Artifact", artifact]


def _object(pdf: Any, reference: Any) -> Any:
    return pdf.objects[int(reference.split()[0])]
