"""People: accounts, roles, signing in, and substitutes."""
