"""A case is made of rows by ``case`` and written by ``writing``.

``lists`` finds many, ``visible`` says which of them.
"""
