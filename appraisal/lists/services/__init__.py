"""Lists are read by ``spreadsheets``, imported by ``imports``, and matched with proposals by ``matching``."""
