"""The command ``record`` draws a record, and ``drawings`` tells which PDFs wait."""
