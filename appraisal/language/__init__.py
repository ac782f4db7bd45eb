"""Language holds sentences and texts in three languages, and writes amounts, days and names in each.

May import the ground alone. Begin with ``texts``; the catalogues are in ``translations``.
"""
