"""Storage: SQLAlchemy and nothing else. Rows, the facts made of them, queries, migrations.

May import ``domain`` and below. Both databases store moments, days and money as text in their
canonical form, so that what is digested and what is stored are the same characters. Rows are
written and read by Core statements over the typed tables: a step loads a dozen of them, and
objects that track themselves would cost more than the statements.
"""
