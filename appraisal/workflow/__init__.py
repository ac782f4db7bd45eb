"""Workflow moves proposals: the machine with its guards, steps, decisions, what time demands, work lists.

May import ``records``, ``appraisals``, ``notices``, ``proposals`` and what lies below; of ``accounts`` it
knows nothing. Begin with ``rules.machine`` and ``rules.guards``, then ``services.steps`` and
``services.acts``.
"""
