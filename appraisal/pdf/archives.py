"""Archives: what makes WeasyPrint's file a PDF/A-3a that is PDF/UA-1 as well, and refuses all fetching."""

import logging
from collections.abc import Iterator
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
    reference = int(pdf.catalog["Metadata"].split()[0])
    pdf.objects[reference].compress = False
    files = list(dict.fromkeys(pdf.catalog["AF"]))
    pdf.catalog["AF"].clear()
    pdf.catalog["AF"].extend(files)
