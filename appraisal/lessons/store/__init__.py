"""Lessons are stored in ``lessons``, and earlier work that may be similar is found in ``similar``."""
