"""Proposals are the cases that all is about: form, versions, documents, money, and who may see them.

May import ``people``, ``trail`` and what lies below. Begin with ``facts``, where ``Case`` is, then
``rules.form`` and ``rules.access``; ``store.case`` makes a case of rows.
"""
