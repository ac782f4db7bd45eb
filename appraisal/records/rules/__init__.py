"""A record is made by ``value``; ``validity`` tells whether it still counts."""
