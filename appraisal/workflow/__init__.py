"""Workflow: the machine with its guards, the steps and decisions, what time demands, the work list."""
