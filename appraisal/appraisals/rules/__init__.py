"""Rules of appraisals begin with ``verdicts``, ``reviews`` and ``conditions``.

``completeness`` says what is lacking.
"""
