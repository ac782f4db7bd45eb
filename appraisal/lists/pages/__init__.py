"""The pages of ``lists`` show each imported list, its rows, and its import."""
