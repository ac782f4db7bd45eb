"""The database keeps all facts: engines, transactions, tables, migrations, seals, outbox, stored files.

May import ``definitions`` and what lies below, and knows no noun; each noun's ``store`` builds its queries
on it. Begin with ``engine``, then ``tables``. Both databases store moments, days and money as text in their
canonical form, so that what is digested and what is stored are the same characters. Rows are written and
read by Core statements over the typed tables: a step loads a dozen of them, and objects that track
themselves would cost more than the statements.
"""
