"""The trail: chains of events, the access log, checkpoints."""
