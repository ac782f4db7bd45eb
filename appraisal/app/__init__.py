"""The application put together: its pages, the worker, the daily round, commands of the whole site."""
