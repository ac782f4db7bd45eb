"""Definitions are workflows, checklists, sets and indicators as versioned data.

YAML files become frozen, typed values that carry the digest of their canonical form. Everything wrong in
them is reported at once, with file and line. May import ``vocabulary``, ``language`` and the ground; names
that are implemented above (guards, form fields) reach the reader as a parameter. Begin with ``workflows``,
then ``library``.
"""
