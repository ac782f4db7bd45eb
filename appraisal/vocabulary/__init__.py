"""Vocabulary holds closed sets of words with their titles, and the bounds of what is entered.

May import ``settings``, ``language`` and ``errors``. Begin with ``refusals`` and ``roles``.
"""
