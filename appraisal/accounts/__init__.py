"""Accounts are opened, changed and closed, and people sign in, hold roles and name substitutes.

May import ``workflow`` and what lies below, since closing an account hands over duties; people as values are
in ``people``. Begin with ``rules.accounts``, then ``services.accounts``.
"""
