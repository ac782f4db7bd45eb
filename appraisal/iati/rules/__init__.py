"""Proposals become activities by the rules of ``activities``.

Activities become drafts by those of ``drafts``.
"""
