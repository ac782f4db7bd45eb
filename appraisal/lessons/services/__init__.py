"""Lessons are imported by ``lessons``.

``similar`` finds earlier work, and ``noted`` notes that it was looked at.
"""
