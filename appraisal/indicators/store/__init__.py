"""Proposals behind the figures are read here; ``approvals`` serves indicator 2.1, ``pipeline`` the funnel."""
