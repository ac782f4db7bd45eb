"""People are loaded by ``people``; ``roles`` and ``substitutes`` are conditions for the queries of others."""
