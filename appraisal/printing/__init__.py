"""PDF: the value of a record and a language become a tagged, archival file, always the same bytes.

May import ``domain``, ``i18n``, ``canonical``, ``clock``, ``errors`` and ``paths``; knows no database. The
pages are ``templates/printing``, and ``python -m appraisal.printing`` is the process that ``workers`` keeps.
"""
