"""A lesson is defined in ``lessons``; ``similar`` says which earlier work is about the same thing."""
