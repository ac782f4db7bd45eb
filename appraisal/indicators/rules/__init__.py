"""Figures follow from these rules; begin with ``appraised_share``, which is indicator 2.1."""
