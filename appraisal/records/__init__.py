"""Records are what is issued of an appraisal or a decision, with a value, an issuer and a signature.

May import ``appraisals``, ``notices``, ``proposals`` and what lies below; how a record looks is in
``printing``. Begin with ``rules.value``, then ``services.records``; keys are in ``signing``.
"""
