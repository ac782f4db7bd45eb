"""WeasyPrint's file is made a PDF/A-3a that is PDF/UA-1 as well here, and fetching is refused.

WeasyPrint names one standard, and tags neither running lines as artifacts, nor header cells with their
scope, nor elements with their language; the rest is done by its public ``finisher`` and by wrapping the
function that builds the tag tree. That function is private, so the version of WeasyPrint is pinned and tests
look at what comes out.
"""

import logging
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

from appraisal.errors import AppraisalError

# The namespace of our own properties, with what each of them says (PDF/A-3, ISO 19005-3, 6.6.2.3).
NAMESPACE = "urn:appraisal:record:1#"
PROPERTIES = {
    "number": "Number of the proposal",
    "kind": "Kind of the record: appraisal or decision",
    "schema": "Schema of the embedded record",
    "sha256": "SHA-256 of the embedded record, canonical JSON (RFC 8785)",
    "signed": "Whether the record says that its files are signed",
    "indicator": "Code of the indicator that is reported on",
    "biennium": "Biennium that is reported on",
}
_UA = "http://www.aiim.org/pdfua/ns/id/"


def _property(name: str, kind: str, category: str, description: str) -> str:
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        f"<pdfaProperty:valueType>{kind}</pdfaProperty:valueType>"
        f"<pdfaProperty:category>{category}</pdfaProperty:category>"
        f"<pdfaProperty:description>{escape(description)}</pdfaProperty:description></rdf:li>"
    )


def _schema(title: str, namespace: str, prefix: str, properties: Iterable[str]) -> str:
    return (
        f'<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>{title}</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI>"
        f"<pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{''.join(properties)}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _extension(described: Mapping[str, str]) -> bytes:
    """Return what is added to the metadata: the second standard, our own properties, and what both mean."""
    said = {name: text for name, text in PROPERTIES.items() if name in described}
    own = "".join(f"<appraisal:{name}>{escape(described[name])}</appraisal:{name}>" for name in said)
    schemas = _schema(
        "PDF/UA identification",
        _UA,
        "pdfuaid",
        [_property("part", "Integer", "internal", "Part of the standard to which the file conforms")],
    ) + _schema(
        "Appraisal record",
        NAMESPACE,
        "appraisal",
        [_property(name, "Text", "external", text) for name, text in said.items()],
    )
    return f"""
<rdf:Description rdf:about="" xmlns:pdfuaid="{_UA}"><pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about="" xmlns:appraisal="{NAMESPACE}">{own}</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag>{schemas}</rdf:Bag></pdfaExtension:schemas></rdf:Description>
</rdf:RDF>""".encode()


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


def identify(document: Any, described: Mapping[str, str]) -> None:
    """Add the identification of PDF/UA-1, and those ``PROPERTIES`` that are said, to a document's metadata.

    WeasyPrint names one standard only, and puts metadata given to it where readers do not look.
    """
    made = document.metadata.generate_rdf_metadata

    def generate(variant: str, version: int, conformance: str) -> bytes:
        written: bytes = made(variant, version, conformance)
        return written.replace(b"</rdf:RDF>", _extension(described))

    document.metadata.generate_rdf_metadata = generate


def finish(document: Any, pdf: Any) -> None:
    """Leave the metadata readable for tools that do not decompress, and name each attached file once."""
    _object(pdf, pdf.catalog["Metadata"]).compress = False
    files = list(dict.fromkeys(pdf.catalog["AF"]))
    pdf.catalog["AF"].clear()
    pdf.catalog["AF"].extend(files)


def end_streams_plainly() -> None:
    """Have every stream end so that its last byte is not taken for a part of the line end; once a process.

    A carriage return as the last compressed byte, before a line feed, makes a stream seem one byte short to
    strict validators. After it the line end is written in full, as is allowed (ISO 32000-1, 7.3.8.1).
    """
    import pydyf  # type: ignore[import-untyped]

    write = pydyf.Stream.data.fget
    end = b"\nendstream"

    def written(stream: Any) -> bytes:
        found: bytes = write(stream)
        return found[: -len(end)] + b"\r" + end if found.endswith(b"\r" + end) else found

    pydyf.Stream.data = property(written)


def build_tags_fully() -> None:
    """Have WeasyPrint tag running lines as artifacts, and header cells with their scope; once a process."""
    import pydyf
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
            if (language := _language_of(box)) is not None:
                element["Lang"] = pydyf.String(language)
            yield element

    tags._build_box_tree = build_fully


def _language_of(box: Any) -> str | None:
    """Return the language that the element of a box names; that of the document stands in the catalogue."""
    if box.element is None or box.element_tag in ("html", "body"):
        return None
    found: str | None = box.element.get("lang")
    return found


def _make_artifacts(stream: Any, numbers: Collection[int], artifact: Any) -> None:
    for place, part in enumerate(stream.stream):
        if isinstance(part, dict) and part.get("MCID") in numbers:
            stream.stream[place - 1 : place + 1] = ["/Artifact", artifact]


def _object(pdf: Any, reference: Any) -> Any:
    return pdf.objects[int(reference.split()[0])]
