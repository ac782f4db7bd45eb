"""Rules of people say who stands in for whom (``substitutes``), and who may be named one (``naming``)."""
