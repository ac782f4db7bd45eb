"""Lessons of evaluations are imported and searched, and earlier work that is similar is found.

May import ``printing`` and everything below it; the core never imports it. Begin with ``rules.similar``,
then ``services.noted``.
"""
