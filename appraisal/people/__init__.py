"""People are values here, with their roles and units and those for whom they stand in.

May import ``trail``, ``database`` and what lies below. Accounts and signing in are in ``accounts``. Begin
with ``facts``, then ``rules.substitutes``.
"""
