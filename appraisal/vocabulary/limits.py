"""Limits bound the length of texts and tables of forms."""

LINE_LIMIT = 300


PROSE_LIMIT = 5000


ROWS_LIMIT = 200
