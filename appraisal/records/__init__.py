"""Records: the value of an appraisal record, who issues it, and its signature."""
