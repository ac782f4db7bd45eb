"""The page of ``durations`` shows how many working days each step takes."""
