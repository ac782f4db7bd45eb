"""Appraisals: ratings of lead, reviewers and authors, verdicts, reconciliation, conditions, agreement."""
