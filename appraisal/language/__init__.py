"""Language: sentences and texts in three languages, and how they are written."""
