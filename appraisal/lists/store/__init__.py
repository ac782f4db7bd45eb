"""Rows of lists and their imports are stored in ``lists``, and matches in ``matching``."""
