"""Deadlines count working days: how long a step may take and took, by the holidays of a duty station.

May import ``notices``, ``proposals`` and what lies below. Begin with ``rules.working_days``, then
``rules.due_dates`` for what time demands of a proposal.
"""
