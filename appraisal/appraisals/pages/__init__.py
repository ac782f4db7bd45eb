"""Pages of an appraisal open with ``appraisal``.

A checklist is rated in ``checklist_form``, a review in ``own_review``.
"""
