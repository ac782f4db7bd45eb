"""The command ``import-approvals`` of ``outside_approvals`` registers approvals given elsewhere."""
