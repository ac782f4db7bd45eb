"""A step is taken by ``steps``, changes facts by ``acts``, and by ``time_steps`` where time demands it."""
