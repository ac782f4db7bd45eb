"""Events are chained by ``events``, sealed into ``checkpoints`` by ``merkle``.

``approvals`` tells which one stands.
"""
