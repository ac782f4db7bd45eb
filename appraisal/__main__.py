"""``python -m appraisal`` is the command ``appraisal``."""

from appraisal.cli import main

if __name__ == "__main__":
    main()
