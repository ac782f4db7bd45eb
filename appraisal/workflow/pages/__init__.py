"""Every step has its page in ``steps``, whose form comes from ``step_forms``.

``progress`` says what is next.
"""
