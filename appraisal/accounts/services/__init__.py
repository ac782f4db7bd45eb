"""Use cases of accounts begin with ``accounts``; ``confirmations`` need a second person."""
