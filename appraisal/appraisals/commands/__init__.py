"""The commands ``score`` and ``agreement`` compute verdicts from a file, and agreement over all proposals."""
