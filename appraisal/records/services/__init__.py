"""Records are stored and drawn by ``records``; ``issuers`` tells with which key they are signed."""
