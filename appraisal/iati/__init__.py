"""IATI: activities become XML of the standard 2.03, and such XML becomes nodes; knows no database.

May import ``domain``, ``settings``, ``i18n``, ``clock`` and ``errors``; the only package that knows lxml.
What of a proposal an activity holds, and what of an activity a draft keeps, is decided in ``domain``.
"""
