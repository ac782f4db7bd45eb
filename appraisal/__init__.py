"""Appraisal: a workflow engine with a web front for technical cooperation proposals.

The listing is the architecture. It reads downwards: a line may import only lines below it, and ``make lint``
holds it.

    cli/          commands, one module a noun                                     uses web, services
    web/          HTTP only: parse, authorise, call a service, render             uses services, storage
    services/     one function a use case; owns the transaction                   uses all below
    pdf/          a record and a language -> bytes; knows no database             uses domain
    iati/         activities <-> XML of the IATI standard; knows no database      uses domain
    storage/      SQLAlchemy and nothing else: rows, facts, queries, migrations   uses domain
    domain/       rules, as pure functions over frozen values                     uses definitions
    definitions/  YAML -> frozen, typed definitions with a digest; checks         uses i18n
    i18n canonical errors settings clock paths product                            the ground floor

The same nouns (proposals, reviews, appraisals, decisions, records, indicators, people) name modules in every
layer, and folders in ``templates/`` and ``tests/``: follow a feature sideways by its name.

A step's way through the layers: ``web`` parses a form and calls a function of ``services``; that opens a
transaction, has ``storage`` turn rows into a frozen ``Case``, asks ``domain`` what may happen, and writes
state, event and outbox messages together. Later a worker takes a message from the outbox, and ``pdf`` prints
the record.

Nothing happens at import: no engine, no environment, no catalogue. Session, actor, time and definitions are
parameters.
"""
