"""The commands ``serve`` and ``work`` run the web server, and the worker that empties the outbox."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from appraisal import clock
from appraisal.accounts.services import accounts
from appraisal.app import worker as app_worker
from appraisal.cli import site as cli_site
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.database.outbox import waiting
from appraisal.definitions.library import Library
from appraisal.notices.services.smtp import Courier
from appraisal.printing.worker import Renderer
from appraisal.records.services import issuers
from appraisal.records.signing.signer import Signer
from appraisal.settings import BadSetting, MailServer, Settings
from appraisal.verification.services import releases

if TYPE_CHECKING:
    from appraisal.web.context import Site

PAUSE = 1.0


_OTHER_NAMES = "  (APPRAISAL_ADDRESS sets another name)"
_FORWARDED = {"x-forwarded-for", "x-forwarded-proto"}
Now = Callable[[], datetime]


def work_on(
    database: Database,
    files: Files,
    now: Now,
    stop: threading.Event,
    mail: MailServer | None,
    signer: Signer | None = None,
) -> None:
    """Do jobs as they come until told to stop, first those that waited; a fault never ends the worker."""
    courier, has_begun = Courier(mail) if mail else None, False
    with Renderer() as renderer:
        while not stop.is_set():
            try:
                if not has_begun:
                    with database.begin() as db:
                        app_worker.take_up(db, now())
                    has_begun = True
                app_worker.work(
                    database,
                    files,
                    renderer.render,
                    now,
                    courier=courier,
                    is_stopped=stop.is_set,
                    signer=signer,
                )
            except Exception:
                logging.exception("The worker will try again")
            stop.wait(PAUSE)


@contextmanager
def worker(site: "Site", signer: Signer | None) -> Iterator[None]:
    """Run a worker beside the server, for the embedded database."""
    stop = threading.Event()
    given = (site.database, site.files, site.now, stop, site.settings.mail, signer)
    thread = threading.Thread(target=work_on, args=given, name="worker")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def free_port(host: str, port: int) -> int:
    """Return a port that can be listened on: the one given, or any for 0; stops where it is taken."""
    with socket.socket() as tried:
        # As the server does it, which may follow at once on another that has ended.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            _fail_to_listen(host, port, error)
        found: int = tried.getsockname()[1]
        return found


def _fail_to_listen(host: str, port: int, error: OSError) -> NoReturn:
    cli_site.fail(f"Cannot listen on {host}:{port}: {error.strerror or error}", 1)


def run(
    settings: Settings,
    library: Library,
    database: Database,
    files: Files,
    now: Now,
    host: str,
    port: int,
    proxy: str | None = None,
) -> None:
    """Serve until interrupted; with SQLite the worker runs in this process.

    What ``proxy`` says of the visitor's address is believed, and nobody else's word: failed
    sign-ins are counted by address.
    """
    from waitress.server import create_server

    from appraisal.app import connections
    from appraisal.app.application import MOST_BYTES, create_app
    from appraisal.web import origins
    from appraisal.web.context import Site

    site = Site(settings, library, database, files, accounts.hasher(), now)
    releases.note_in_force(site.database, site.library, site.now())
    cli_site.say_stopped(site.database, site.library)
    with site.database.begin() as db:
        issuers.note_address(db, site.settings.address, site.now())
        issuers.warn(db, site.now())
        near = issuers.expiry(db, site.now())
    cli_site.warn_of_key(near)
    hosts = origins.hosts_of(site.settings, host)
    try:
        app = create_app(site, hosts)
    except BadSetting as error:
        cli_site.fail(str(error))
    trusted: dict[str, Any] = {"trusted_proxy": proxy, "trusted_proxy_headers": _FORWARDED} if proxy else {}
    try:
        server = create_server(
            app,
            host=host,
            port=port,
            threads=8,
            # A thread is given only what has come in whole. What is a little too large gets a page that says
            # so; what is far too large is not taken in, and the connection ends.
            max_request_body_size=2 * MOST_BYTES,
            connection_limit=connections.MOST,
            # Unlike the other way, it takes any number of them.
            asyncore_use_poll=True,
            ident=None,
            clear_untrusted_proxy_headers=True,
            **trusted,
        )
    except OSError as error:
        _fail_to_listen(host, port, error)
    connections.limit(server)
    chosen = getattr(server, "effective_port", port)
    click.echo(f"Serving on http://{f'[{host}]' if ':' in host else host}:{chosen}  (Ctrl+C stops)")
    click.echo(f"Answers to: {', '.join(hosts)}{'' if site.settings.address else _OTHER_NAMES}")
    if site.database.is_sqlite:
        with cli_site.signer(site.settings) as signer, worker(site, signer):
            server.run()
    else:
        server.run()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes any."
)
@click.option(
    "--secure-cookies", is_flag=True, help="Send cookies over HTTPS only; set it behind a TLS proxy."
)
@click.option(
    "--trusted-proxy", metavar="ADDRESS", help="The TLS proxy whose X-Forwarded headers are believed."
)
def serve(host: str, port: int, secure_cookies: bool, trusted_proxy: str | None) -> None:
    """Serve the web pages.

    With SQLite one process does everything, the worker included. With PostgreSQL start as many of
    these as you need, and one ‘appraisal work’ or more beside them.
    """
    chosen = cli_site.settings()
    if secure_cookies:
        chosen = replace(chosen, secure_cookies=True)
    library = cli_site.library()
    with cli_site.opened(chosen) as (database, files):
        run(chosen, library, database, files, clock.now, host, port, trusted_proxy)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
def work(once: bool) -> None:
    """Do the jobs of the outbox: render records as PDF, and send mail where a server is set up."""
    chosen = cli_site.settings()
    with cli_site.opened(chosen) as (database, files), cli_site.signer(chosen) as signer:
        if once:
            courier = Courier(chosen.mail) if chosen.mail else None
            with database.begin() as db:
                app_worker.take_up(db, clock.now())
            with Renderer() as renderer:
                done = app_worker.work(
                    database, files, renderer.render, clock.now, courier=courier, signer=signer
                )
            click.echo(f"{done} done, {waiting(database)} waiting.")
            return
        click.echo("Working (Ctrl+C stops)")
        stop = threading.Event()
        try:
            work_on(database, files, clock.now, stop, chosen.mail, signer)
        except KeyboardInterrupt:
            stop.set()
