"""Pages put together from several nouns live here.

``proposal`` and ``work_list`` are the ones to read first.
"""
