"""The site's own chain is written in ``site``; ``whole_trail`` reads everything from end to end."""
