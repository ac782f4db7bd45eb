"""Migrations of the database are run by Alembic from inside the package.

They write tables out rather than import them, since those change. ``env`` runs them; ``versions`` holds them.
"""
