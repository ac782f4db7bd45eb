"""Proposals are opened by ``opening`` and written by ``drafts``.

A step under way is a ``Taking`` of ``taking``.
"""
