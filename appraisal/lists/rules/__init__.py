"""Rules of lists begin with ``kinds_of_list`` and ``lines``.

``matching`` compares the finance list with proposals.
"""
