"""The commands ``verify``, ``bundle`` and ``audit`` examine a file, write a bundle, and examine the trail."""
