"""Scenarios say who does what when and what must then be true, and so test definitions.

They run through the same services that the web uses. May import every noun's services and below, never
pages. Begin with ``files`` for how one is written, then ``performance``; what may be done is in ``verbs``.
"""
