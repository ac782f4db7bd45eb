"""Deadlines: working days, holidays, how long a step may take, and how long it took."""
