"""A record proves or disproves itself by ``record_file``, which asks the other modules here.

Knows no database.
"""
