"""Services: one function a use case. It is given a transaction, an actor and the present moment.

Each loads the facts, asks the domain, writes rows, one audit event and the outbox, all in the
transaction that its caller opened: what is refused leaves nothing behind. May import ``pdf``,
``storage`` and below.
"""
