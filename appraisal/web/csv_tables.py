"""Tables become files here that a spreadsheet opens without taking a text for a formula."""

from collections.abc import Iterable, Sequence

from flask import Response

from appraisal.language.spreadsheet_csv import csv_lines


def sheet(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a CSV file, in UTF-8 with a mark, which spreadsheets want to see."""
    return Response(
        "".join(csv_lines(columns, rows)),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
