"""Requests about accounts and sessions are stored here, in ``requests`` and ``sessions``."""
