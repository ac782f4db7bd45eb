"""Scenarios: files that say who does what when, and what must then be true.

They run through the same services that the web uses. May import the services and below.
"""
