"""Verbs are the use cases that a scenario may name; ``table`` lists them all, the other modules do them."""
