"""XML of IATI 2.03, read and written."""
