"""Anybody drops a file on the page of ``record_file``; ``bundles`` are taken away by those who may."""
