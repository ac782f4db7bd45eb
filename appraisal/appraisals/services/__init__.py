"""Use cases of an appraisal begin with ``lead``.

``reviews`` are those of reviewers, ``conditions`` what comes after.
"""
