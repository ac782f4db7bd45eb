"""Holidays, the calendars of many proposals and ended stays are read here; begin with ``calendars``."""
