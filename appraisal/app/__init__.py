"""The application puts nouns together: pages of several nouns, the worker, the daily round, its commands.

May import every noun; none imports it but the commands and pages that need a whole application. Begin with
``application``, then ``pages.proposal`` for how a page is put together, and ``worker``.
"""
