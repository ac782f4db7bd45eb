"""Lessons of evaluations, and earlier work that is similar."""
