"""Reports are computed in ``appraised_share``, and given out by ``report_files`` and ``report_pdfs``."""
