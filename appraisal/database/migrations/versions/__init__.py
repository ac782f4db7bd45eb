"""Each module brings a database from one version of the schema to the next, by its number."""
