"""Verification: examining a file, a bundle or a whole database."""
