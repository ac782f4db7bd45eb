"""Reports of indicator 2.1 become files here that other systems and spreadsheets take in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any, Final

from appraisal.clock import geneva_date, parse_stamp
from appraisal.definitions.library import Library
from appraisal.indicators.rules.other_indicators import OF_PROPOSALS
from appraisal.indicators.rules.titles import BREAKDOWNS, GROUPS
from appraisal.indicators.services import appraised_share
from appraisal.language.spreadsheet_csv import csv_lines
from appraisal.language.texts import N_, Language
from appraisal.language.words import Words
from appraisal.lists.rules import matching
from appraisal.proposals.rules.labels import REGIONS, ROUTE_REASONS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

COLUMNS: Final = (
    "group",
    "number",
    "title",
    "approved_on",
    "approved_at",
    "funds",
    "usd",
    "route",
    "reason",
    "region",
    "unit",
    "track",
    "donors",
    "illustrative",
)
# Of a sheet's 1,048,576 rows the first holds the headings; a further sheet takes what is left.
MOST_ROWS: Final = 1_000_000
# A cell holds no more characters.
_MOST_CHARACTERS: Final = 32_767
_OPTIONS: Final = {
    # Rows go to the disk as they are written.
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Value = Mapping[str, Any]


def write_csv(report: Value) -> Iterator[str]:
    """Yield a report as CSV, a row for each proposal with the group that it is counted in.

    UTF-8 with a mark, which spreadsheets want to see; headings and codes are those of the JSON. Of another
    indicator than 2.1 it is a row for each row of the list, with the columns that any of them has.
    """
    if "proposals" in report:
        return csv_lines(COLUMNS, map(_cells, _proposals(report)))
    rows = [
        # What names a row of a list stands in columns of its own; a proposal is named by its number alone.
        {"group": group, **({"proposals": [row["number"]]} if group in OF_PROPOSALS else {}), **row}
        for group, entries in report["groups"].items()
        for row in entries
    ]
    columns = list(dict.fromkeys(["group", *(name for row in rows for name in row if name != "number")]))
    return csv_lines(columns, (tuple(_cell(row.get(name)) for name in columns) for row in rows))


def _cell(value: Any) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else value


def _proposals(report: Value) -> Iterator[dict[str, Any]]:
    # Reports of before do not say it of all.
    unvalued = frozenset((*report.get("unvalued", ()), *report.get("unvalued_beside", ())))
    for group, entries in report["proposals"].items():
        for entry in entries:
            # What nobody knows is no amount of nought.
            usd = None if entry["number"] in unvalued else Decimal(entry["usd"])
            yield {"group": group, **entry, "approved_on": _day(entry["approved_at"]), "usd": usd}


def _day(moment: str | None) -> str:
    return geneva_date(parse_stamp(moment)).isoformat() if moment else ""


def _cells(entry: Value) -> tuple[object, ...]:
    given = {
        **entry,
        "approved_at": entry["approved_at"] or "",
        "funds": " ".join(entry["funds"]),
        "usd": "" if entry["usd"] is None else entry["usd"],
        "donors": "; ".join(entry["donors"]),
        "illustrative": "true" if entry["illustrative"] else "false",
    }
    return tuple(given[name] for name in COLUMNS)


def write_workbook(
    file: IO[bytes], report: Value, library: Library, language: Language, now: datetime
) -> None:
    """Write a report as XLSX: its figures, its breakdowns, and the proposals behind them.

    A text is written as a text, whatever it looks like, and a number as a number. ``now`` is the moment
    that the file is dated, unless the report was published at another.
    """
    import xlsxwriter

    published = report.get("published_at")
    with xlsxwriter.Workbook(file, dict(_OPTIONS)) as book:
        book.set_properties(
            {
                "title": f"{report['indicator']} {report['biennium']}",
                "created": (parse_stamp(published) if published else now).replace(tzinfo=None),
            }
        )
        _Workbook(book, report, library, Words(language)).write()


class _Workbook:
    """The sheets of one report, in one language."""

    def __init__(self, book: "Workbook", report: Value, library: Library, say: Words) -> None:
        self.book, self.report, self.library, self.say = book, report, library, say
        self.bold: Format = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self.share: Format = book.add_format({"num_format": "0.00"})
        self.usd: Format = book.add_format({"num_format": "#,##0.00"})
        self.day: Format = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})

    def write(self) -> None:
        self._figures(self._sheet(N_("Figures"), (34, 60, 16, 16)))
        self._breakdowns(self._sheet(N_("Breakdowns"), (24, 40, 16, 16, 12, 18, 18)))
        self._proposals()
        if self.report["finance_list"]["unapproved"]:
            self._unapproved(self._sheet(N_("Finance list"), (24, 60, 16, 24)))
        if self._changed:
            self._links(self._sheet(N_("Links to look at again"), (24, 60, 16, 100)))

    def _sheet(self, title: str, widths: Sequence[int], suffix: str = "") -> "Worksheet":
        sheet = self.book.add_worksheet(self.say.say(title) + suffix)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        return sheet

    def _row(
        self, sheet: "Worksheet", row: int, cells: Sequence[object], form: "Format | None" = None
    ) -> None:
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(row, column, cell[:_MOST_CHARACTERS], form)
            elif isinstance(cell, Fraction):
                sheet.write_number(row, column, float(cell), self.share)
            elif isinstance(cell, Decimal):
                sheet.write_number(row, column, float(cell), self.usd)
            elif isinstance(cell, date):
                sheet.write_datetime(row, column, datetime.combine(cell, time()), self.day)
            elif isinstance(cell, bool):
                sheet.write_boolean(row, column, cell)
            elif isinstance(cell, int):
                sheet.write_number(row, column, cell)

    def _head(self, sheet: "Worksheet", row: int, titles: Sequence[str]) -> None:
        self._row(sheet, row, [self.say.say(title) for title in titles], self.bold)

    def _figures(self, sheet: "Worksheet") -> None:
        report, say, listed = self.report, self.say, self.report["finance_list"]
        indicator = appraised_share.definition(self.library, report["indicator"], report["definition"]["key"])
        facts: list[tuple[str, object]] = [
            (N_("Indicator"), f"{report['indicator']}: {indicator.title[say.language]}"),
            (N_("Biennium"), report["biennium"]),
            (N_("Scope"), ", ".join(report["scope"])),
            (N_("Definition"), f"{report['definition']['key']} {report['definition']['digest']}"),
            (N_("Milestone"), Fraction(report["milestone"]) if report["milestone"] else ""),
            (N_("Milestone reached"), "" if (met := report["milestone_met"]) is None else met),
            (N_("Every approval has a date"), not report["proposals"]["undated"]),
            (N_("Projects in the finance list without a proposal here"), listed["missing"]),
            (N_("Projects opened without an approval here"), len(listed["unapproved"])),
            (N_("Links to look at again"), len(self._changed)),
            (N_("Approval rate of appraised proposals"), self._rate(report["approved_of_appraised"])),
            (N_("Illustrative"), report["illustrative"]),
        ]
        for name, title in (("as_of", N_("As known at")), ("published_at", N_("Published"))):
            if name in report:
                facts.append((title, report[name]))
        for row, (title, fact) in enumerate(facts):
            self._row(sheet, row, [say.say(title)], self.bold)
            self._row(sheet, row, [None, fact])
        row = len(facts) + 1
        self._head(sheet, row, (N_("Reading"), N_("Through the mechanism"), N_("All approvals"), N_("Share")))
        for place, (title, pair) in enumerate(_readings(report), row + 1):
            self._row(sheet, place, (say.say(title), *pair, _share(*pair)))
        if unvalued := report.get("unvalued"):
            self._row(
                sheet,
                place + 1,
                (say.say(N_("US$ not fully known, and missing in the sums")), ", ".join(unvalued)),
            )

    def _rate(self, pair: Sequence[int]) -> str:
        return self.say.say(N_("%(part)s of %(whole)s"), part=pair[0], whole=pair[1])

    def _breakdowns(self, sheet: "Worksheet") -> None:
        titles = (
            N_("Breakdown"),
            N_("Line"),
            N_("Through the mechanism"),
            N_("All approvals"),
            N_("Share"),
            N_("US$ through the mechanism"),
            N_("US$ of all"),
        )
        self._head(sheet, 0, titles)
        row = 0
        for name, lines in self.report["breakdowns"].items():
            for line in lines:
                row += 1
                pair = (line["numerator"], line["denominator"])
                said = (self.say.label(BREAKDOWNS, name), self._line(name, line["value"]))
                self._row(sheet, row, (*said, *pair, _share(*pair), *map(Decimal, line["usd"])))

    def _line(self, name: str, value: str) -> str:
        if not value:
            return self.say.say(N_("Not stated"))
        if name == "region":
            return self.say.label(REGIONS, value)
        if name == "track" and (track := self.library.tracks().get(value)):
            return track.title[self.say.language]
        return value

    def _proposals(self) -> None:
        titles = (
            N_("Counted as"),
            N_("Proposal"),
            N_("Title"),
            N_("Approved on"),
            N_("Funds"),
            N_("US$"),
            N_("Why"),
            N_("Region"),
            N_("Responsible unit"),
            N_("Track"),
            N_("Donors"),
            N_("Illustrative"),
        )
        widths = (30, 16, 60, 14, 12, 16, 30, 22, 22, 14, 40, 12)
        sheet, row, sheets = self._sheet(N_("Proposals"), widths), 0, 1
        self._head(sheet, 0, titles)
        for entry in _proposals(self.report):
            if row == MOST_ROWS:
                sheets += 1
                sheet, row = self._sheet(N_("Proposals"), widths, f" {sheets}"), 0
                self._head(sheet, 0, titles)
            row += 1
            self._row(sheet, row, self._proposal(entry))

    def _unapproved(self, sheet: "Worksheet") -> None:
        """Name the projects that were opened without an approval here."""
        titles = (N_("Project symbol"), N_("Project title"), N_("Proposal"), N_("State"))
        self._head(sheet, 0, titles)
        for row, entry in enumerate(self.report["finance_list"]["unapproved"], 1):
            said = (entry["symbol"], entry["title"], entry["number"], self.say.text(entry["state_title"]))
            self._row(sheet, row, said)

    @property
    def _changed(self) -> Sequence[Value]:
        # Reports of before do not say it.
        found: Sequence[Value] = self.report["finance_list"].get("changed", ())
        return found

    def _links(self, sheet: "Worksheet") -> None:
        """Name the links under which facts changed, and what changed."""
        titles = (N_("Project symbol"), N_("Project title"), N_("Proposal"), N_("What changed"))
        self._head(sheet, 0, titles)
        for row, entry in enumerate(self._changed, 1):
            said = "; ".join(
                self.say.say_each(matching.each_in_words(entry["differences"], self.say.number, self.say.day))
            )
            self._row(sheet, row, (entry["symbol"], entry["title"], entry["number"], said))

    def _proposal(self, entry: Value) -> tuple[object, ...]:
        return (
            self.say.label(GROUPS, entry["group"]),
            entry["number"],
            entry["title"],
            date.fromisoformat(entry["approved_on"]) if entry["approved_on"] else "",
            " ".join(entry["funds"]),
            entry["usd"],
            self.say.label(ROUTE_REASONS, entry["reason"]),
            self._line("region", entry["region"]),
            entry["unit"],
            self._line("track", entry["track"]),
            "; ".join(entry["donors"]),
            entry["illustrative"],
        )


def _readings(report: Value) -> list[tuple[str, tuple[Any, Any]]]:
    """Return the figure under every choice: what it reads, its numerator and its denominator."""
    part, whole = map(Decimal, report["usd"])
    return [
        (N_("The indicator"), (report["numerator"], report["denominator"])),
        (N_("With overrides counted"), tuple(report["with_overrides"])),
        (N_("XBTC only"), tuple(report["xbtc"])),
        (N_("RBSA only"), tuple(report["rbsa"])),
        (N_("Weighted by US$"), (part, whole)),
    ]


def _share(part: Any, whole: Any) -> Fraction | str:
    return Fraction(part) / Fraction(whole) * 100 if whole else ""
