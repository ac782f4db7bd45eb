"""Verification examines a record's file, a bundle or the whole database, and writes bundles for auditors.

May import ``printing`` and everything below it; the core never imports it. Begin with ``rules.record_file``,
then ``services.record_file``; files from anywhere are read by ``reading`` in processes of their own.
"""
