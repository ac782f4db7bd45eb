"""Commands of the whole installation live here; begin with ``serve``, and ``tick`` for the daily round."""
