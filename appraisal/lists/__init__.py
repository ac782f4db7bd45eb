"""Lists from elsewhere are read, checked and imported, and the finance list is matched with proposals.

May import ``deadlines``, ``notices``, ``proposals`` and what lies below. Begin with ``rules.kinds_of_list``
and ``rules.lines``, then ``services.imports``; matching is ``rules.matching``.
"""
