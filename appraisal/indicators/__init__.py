"""Indicators: 2.1 and the six others, their reports and files."""
