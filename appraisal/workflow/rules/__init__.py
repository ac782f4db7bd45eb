"""Steps are open or closed by ``machine``, which asks ``guards``; it alone knows pytransitions."""
