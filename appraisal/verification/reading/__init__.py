"""Files from anywhere are read here with limits; begin with ``isolated``, which starts a process for each."""
