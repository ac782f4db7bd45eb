"""Indicators are computed from facts: 2.1 and the six others, the pipeline, reports and their files.

May import ``accounts``, ``lists`` and everything else below; the core never imports it. Begin with
``rules.appraised_share``, which is 2.1, then ``services.appraised_share``.
"""
