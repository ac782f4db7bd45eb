"""Records are found in ``records``, their PDFs in ``renderings``, and their keys in ``issuers``."""
