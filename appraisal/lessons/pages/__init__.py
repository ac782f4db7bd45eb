"""Lessons are searched in ``lessons``; the page of ``similar`` work belongs to one proposal."""
