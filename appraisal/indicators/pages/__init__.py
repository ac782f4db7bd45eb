"""Pages of indicators open with ``appraised_share``, which shows 2.1.

``finance_list`` names what is missing in it.
"""
