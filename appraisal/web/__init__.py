"""Web: HTTP and nothing else. Parse, authorise, call a service, render.

One module a noun, each with a blueprint ``bp``. May import ``services``, reading queries of
``storage``, and ``domain``; nothing below imports it.
"""
