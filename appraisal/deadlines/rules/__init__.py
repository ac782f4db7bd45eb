"""Rules of time begin with ``working_days``.

``due_dates`` say what time demands, ``durations`` what was taken.
"""
