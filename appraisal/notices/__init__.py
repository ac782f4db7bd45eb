"""Notices: what people are told, and by which mail."""
