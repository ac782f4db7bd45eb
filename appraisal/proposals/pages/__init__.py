"""Pages of a proposal's content open with ``drafts``, where authors write; ``form`` draws the fields."""
