"""Appraisals hold ratings of lead, reviewers and authors, and verdicts and conditions that follow.

May import ``lists``, ``deadlines``, ``notices``, ``proposals`` and what lies below. Begin with
``rules.verdicts`` and ``rules.reviews``, then ``services.lead`` and ``services.reviews``.
"""
