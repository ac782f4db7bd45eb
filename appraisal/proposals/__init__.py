"""Proposals: the facts of a case, its form, versions and documents, and who may see it."""
