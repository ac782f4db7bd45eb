"""Notices are written by ``notices`` within a step; ``messages`` words a mail, and ``smtp`` sends it."""
