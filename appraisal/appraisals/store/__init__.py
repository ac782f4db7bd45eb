"""Conditions and self-checks are stored here, and ratings counted; begin with ``conditions``."""
