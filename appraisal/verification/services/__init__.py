"""Examinations begin with ``record_file``, ``bundle_check`` and ``checkpoints``.

``bundles`` writes a bundle.
"""
