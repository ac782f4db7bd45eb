"""The value of a record and a language become a tagged, archival PDF, always with the same bytes.

Its modules may import ``appraisals``, ``indicators``, ``proposals`` and the ground, and know no database; it
alone knows WeasyPrint. The pages are ``templates/printing``, and ``python -m appraisal.printing`` is the
process that ``worker`` keeps. Begin with ``rendering``.
"""
