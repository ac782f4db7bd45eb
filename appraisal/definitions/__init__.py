"""Definitions: workflows, checklists, sets and indicators as versioned data.

YAML files become frozen, typed values that carry the digest of their canonical form. Everything
wrong in them is reported at once, with file and line. May import only the leaves of the package
(``i18n``, ``canonical``, ``errors``, ``paths``); names that are implemented above (guards, form
fields) reach the reader as a parameter.
"""
