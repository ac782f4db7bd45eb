"""XML of IATI 2.03 is read by ``reading`` and written by ``writing``, the only modules that know lxml."""
