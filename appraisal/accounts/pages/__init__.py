"""Pages of accounts open with ``administration``.

``own_account`` is a person's own, ``sign_in`` the way in.
"""
