"""Domain: the rules of appraisal as pure functions over frozen facts.

Knows no database, no web and no clock; may import ``definitions`` and the leaves only.
``facts`` holds the values, every other module the rules for one noun.
"""
