"""Rules of a proposal begin with ``form``, ``access`` and ``attempt``.

``routes`` tell how it came to be approved.
"""
