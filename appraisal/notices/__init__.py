"""Notices are what people are told of steps and dates, and the mail that carries it.

May import ``proposals``, ``people`` and what lies below; whatever tells somebody something calls it. Begin
with ``rules`` for the sentences and who is told, then ``services.notices``.
"""
