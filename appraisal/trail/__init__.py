"""The trail is what happened: chains of events, the access log, and checkpoints that seal both.

May import ``database`` and what lies below. Begin with ``rules.events``, then ``rules.approvals``, which
tells which approval stands.
"""
