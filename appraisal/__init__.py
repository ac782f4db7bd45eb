"""Appraisal: a workflow engine with a web front for technical cooperation proposals.

The listing is what the product is about. A line imports only lines below it, but for pages and commands,
which put nouns together as ``app`` does. The core, from ``accounts`` to ``people``, never imports what hangs
on it, pages included. ``make lint`` holds all of that.

    app           the application put together: pages made of several nouns (the start page with my work, the
                  list of proposals, the page of one, outside approvals, settings), worker, daily round, menus
    scenarios     plays that test definitions
    cli web       what all commands, and all pages, share
    iati          proposals as activities of the IATI standard, and drafts from such activities
    verification  a record's file, a bundle or the whole database examined; bundles written for auditors
    lessons       lessons of evaluations; earlier work that is similar
    printing      records and reports drawn as PDF; knows no database
    indicators    the seven indicators, the pipeline, published reports and their files
    accounts      opening, changing and closing accounts, roles, signing in, sessions, naming substitutes
    workflow      the machine and its guards, steps, decisions, what time demands, the work list
    records       the value of a record, who issues it, its signature, whether it is still valid
    appraisals    ratings, verdicts, reviews, reconciliation, consultations, conditions, self-checks
    lists         lists from elsewhere, read, checked, imported; projects of the finance list matched
    deadlines     working days, holidays, how long a step may take and took
    notices       what people are told, and the mail that carries it
    proposals     the case, its form, versions, documents, money and rates, routes, who may see it
    people        people as values, who holds a role, who stands in for whom
    trail         chains of events, the access log, checkpoints, which approval stands
    database      engines, transactions, tables, migrations, seals, the outbox, stored files
    definitions   workflows, checklists, sets and indicators: YAML read, proved, released
    vocabulary    closed sets of words with their titles: roles, refusals, findings, bounds
    settings      what an installation decides
    language      sentences in three languages; how money, days and names are written
    canonical clock errors paths processes product schemas      the ground

A noun has floors, each a module or a package; a line imports only floors below it.

    pages commands  the two fronts: parse, ask for the right, call a service, render
    services        one function a use case; owns the transaction
    store           SQLAlchemy and nothing else: rows to facts, facts to rows, queries
    rules           pure functions over facts: no database, no HTTP, no time but what is given
    facts           frozen values

A step goes through them so: a page of ``workflow`` parses a form and calls a service, which opens a
transaction; the store of ``proposals`` makes a frozen ``Case`` of rows; rules say what may happen, and the
machine moves; the service writes state, one event and outbox messages together. Later the worker of ``app``
takes a message, and ``printing`` draws the record. Each noun has ``templates/NOUN`` and ``tests/NOUN`` as
well.

Nothing happens at import: no engine, no environment, no catalogue. Connection, library, actor and moment are
parameters.
"""
