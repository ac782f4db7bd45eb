"""Proposals go out as activities of the IATI standard 2.03, and activities come in as drafts.

May import ``indicators`` and everything below; no noun but ``app`` imports it. It alone knows lxml. Begin
with ``rules.activities`` for what of a proposal an activity holds, then ``services``.
"""
