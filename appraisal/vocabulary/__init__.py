"""Vocabulary: closed sets of words with their titles."""
