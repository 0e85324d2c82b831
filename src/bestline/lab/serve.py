"""Serve: the lab on this machine, until Ctrl-C. The socket is bound first, so that the address is true when it is told."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn

from bestline.errors import DataError, OptionError
from bestline.lab.guard import by_number, loopback
from bestline.lab.server import application

__all__ = ["serve"]

_CLOSING = 2  # seconds that answers under way may still take


def serve(
    data: Any = None,
    formula: str | None = None,
    *,
    port: int = 0,
    browser: bool = True,
    network: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    data, formula
        What to begin with; by default a lesson's data.
    port : int
        0 takes one that is free.
    browser : bool
        Whether to open a browser.
    network : bool
        Whether other machines may come in. They need the address with its token all the same.
    say : callable
        Is told the address.

    Raises
    ------
    DataError
        When the port is taken, or the data cannot be read.
    """
    with _bound(port, network) as bound:
        own = bound.getsockname()[1]
        token = secrets.token_urlsafe(24)
        # Not the full name: without a network the system looks for it for a minute.
        names = {socket.gethostname().lower(): None} if network else {}
        hosts = by_number(own, names) if network else loopback(own)
        wrong: list[Exception] = []

        def ready(error: Exception | None) -> None:
            if error is not None and data is not None:
                wrong.append(error)
                server.should_exit = True
            elif browser and data is not None:
                _open(address)

        where = socket.gethostname() if network else "127.0.0.1"
        address = f"http://{where}:{own}/#token={token}"
        app = application(token, hosts, data, formula, ready)
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, server_header=False, timeout_graceful_shutdown=_CLOSING, lifespan="on"
        )
        server = uvicorn.Server(config)
        say(f"The lab is at {address}")
        if browser and data is None:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        with suppress(KeyboardInterrupt):  # which uvicorn raises once it has shut down
            server.run(sockets=[bound])
        if wrong:
            raise wrong[0]


def _bound(port: int, network: bool) -> socket.socket:
    """A socket that listens: on this machine's own address, that nobody else can reach, unless asked otherwise."""
    if not 0 <= port <= 65_535:
        raise OptionError(f"A port is a number from 0 to 65,535; got {port}.")
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("0.0.0.0" if network else "127.0.0.1", port))  # noqa: S104  asked for in words
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise DataError(
            f"Port {port} cannot be used: {error.strerror or error}. Another program may have it; leave --port out to take one that is free."
        ) from error
    return bound


def _open(address: str) -> None:
    with suppress(Exception):  # a machine without a browser: the address is printed
        webbrowser.open(address)
