"""How long texts and tables of forms may be."""

LINE_LIMIT = 300


PROSE_LIMIT = 5000


ROWS_LIMIT = 200
