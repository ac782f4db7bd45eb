"""Keys sign files and texts in ``signer``; ``certificates`` are those that are trusted. Knows no database."""
