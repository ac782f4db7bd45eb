"""The value of a record, or of an indicator's report, is rendered as a PDF in one language.

The file conforms to PDF/A-3a, carries the canonical JSON as ``record.json`` or ``report.json``, and is the
same to the byte for the same value and language. Everything it is made of lies in ``templates/printing``
and ``static/fonts/print``; nothing else is read and nothing is fetched.
"""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any
from xml.sax.saxutils import escape

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from appraisal import canonical
from appraisal.clock import parse_stamp
from appraisal.language.texts import Language
from appraisal.paths import folder
from appraisal.printing import archival, indicator_report, printable, words
from appraisal.printing.parts import sheet
from appraisal.printing.words import RecordWords
from appraisal.records.rules.value import is_signed

VARIANT = "pdf/a-3a"
ATTACHMENT = "record.json"
REPORT_ATTACHMENT = "report.json"

_FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir><config><rescan><int>0</int></rescan></config></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class _Press:
    """What is made once per process: the bundled fonts, and the style sheets parsed for them.

    ``report`` comes on top of ``style``, which is that of records.
    """

    fonts: Any
    style: Any
    report: Any


@dataclass(frozen=True, slots=True)
class _Document:
    """What is drawn: the page, when it was issued, its attached value, and what its metadata say."""

    page: str
    issued: str
    attachment: str
    description: str
    described: Mapping[str, str]
    styles: tuple[Any, ...]


_setting_up = Lock()


def render(value: Mapping[str, Any], language: Language) -> bytes:
    """Return the PDF of a record or of a published report; ``value`` is its parsed canonical JSON.

    The same value and language give the same bytes, in any process of the same installation. Raises
    ``KeyError`` or ``jinja2.UndefinedError`` for a value that is neither's, and
    ``archival.NotArchivable`` where the pages ask for a file or for a glyph that no bundled font has.
    """
    press = prepare()
    from weasyprint import HTML, Attachment

    drawn = (
        _report(press, value, language)
        if indicator_report.is_report(value)
        else _record(press, value, language)
    )
    issued = parse_stamp(drawn.issued)
    attachment = Attachment(
        string=canonical.canonical(value),
        name=drawn.attachment,
        description=drawn.description,
        created=issued,
        modified=issued,
        relationship="Data",
        url_fetcher=archival.refusing_fetcher(),
    )
    with archival.watched():
        page = HTML(string=drawn.page, url_fetcher=archival.refusing_fetcher())
        document = page.render(font_config=press.fonts, stylesheets=drawn.styles, pdf_variant=VARIANT)
        archival.identify(document, drawn.described)
        written: bytes = document.write_pdf(
            pdf_variant=VARIANT, attachments=[attachment], finisher=archival.finish
        )
    return written


def _record(press: "_Press", value: Mapping[str, Any], language: Language) -> _Document:
    return _Document(
        page=page_of(value, language),
        issued=value["issued_at"],
        attachment=ATTACHMENT,
        description=f"{value['schema']} {value['number']}",
        # So that archives find a record by what its metadata say.
        described={
            "number": value["number"],
            "kind": value["kind"],
            "schema": value["schema"],
            "sha256": canonical.digest(value),
            "signed": "true" if is_signed(value) else "false",
        },
        styles=(press.style,),
    )


def _report(press: "_Press", value: Mapping[str, Any], language: Language) -> _Document:
    page = _environment(language).get_template("printing/report.html")
    return _Document(
        page=page.render(
            value=value,
            language=language,
            sheet=indicator_report.sheet(value, RecordWords(language)),
            issued=_to_the_second(value["published_at"]),
        ),
        issued=value["published_at"],
        attachment=REPORT_ATTACHMENT,
        description=f"{value['schema']} {value['indicator']} {value['biennium']}",
        described={
            "schema": value["schema"],
            "sha256": canonical.digest(value),
            "indicator": value["indicator"],
            "biennium": value["biennium"],
        },
        styles=(press.style, press.report),
    )


def prepare() -> "_Press":
    """Load fonts and style sheet, once per process; ``render`` does it where nobody did before."""
    with _setting_up:
        return _press()


def page_of(value: Mapping[str, Any], language: Language) -> str:
    """Return the HTML of a record, in which every text is escaped and fit for print."""
    say = RecordWords(language)
    environment = _environment(language)
    return environment.get_template("printing/record.html").render(
        value=value,
        language=language,
        sheet=sheet(value, say),
        issued=_to_the_second(value["issued_at"]),
    )


def _to_the_second(moment: str) -> str:
    return parse_stamp(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _environment(language: Language) -> Environment:
    say = RecordWords(language)
    environment = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=partial(printable.finalise, language=language),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(_=say.say, say=say, words=words)
    environment.filters["line"] = partial(printable.line, language=language)
    # For attributes, where a place to break would be read as text.
    environment.filters["bare"] = lambda text: Markup.escape(printable.bare(text))
    # Of what is drawn, which is no text and must not be broken.
    environment.filters["drawn"] = Markup.escape
    return environment


@cache
def _press() -> _Press:
    """Set up the fonts from a font configuration of our own, so that those of the machine change nothing."""
    place = Path(tempfile.mkdtemp(prefix="appraisal-fonts-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    file = place / "fonts.conf"
    fonts = folder("static") / "fonts" / "print"
    file.write_text(
        _FONTCONFIG.format(fonts=escape(str(fonts)), cache=escape(str(place / "cache"))), encoding="utf-8"
    )
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(file)
    try:
        # Reads its fonts at import and whenever a configuration is made.
        from weasyprint import CSS
        from weasyprint.text.fonts import FontConfiguration

        configuration = FontConfiguration()
        style, report = (
            CSS(
                string=(folder("templates") / name).read_text(encoding="utf-8"),
                url_fetcher=archival.refusing_fetcher(),
                font_config=configuration,
            )
            for name in ("printing/record.css", "printing/report.css")
        )
        archival.build_tags_fully()
        archival.end_streams_plainly()
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before
    return _Press(configuration, style, report)


def parse(value_json: bytes) -> Mapping[str, Any]:
    """Read the canonical JSON of what is to be drawn; raises ``ValueError`` for what is no JSON object."""
    value = json.loads(value_json)
    if not isinstance(value, dict):
        raise ValueError("a record is a JSON object")
    return value
