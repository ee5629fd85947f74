"""Serves the explorer on 127.0.0.1 until it is interrupted."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp

from parallelbench.errors import UserError

HOST = "127.0.0.1"


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(24)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on this machine only; port 0 is any that is free.

    Raises:
        UserError: the port is in use or not allowed.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise UserError(f"port {port} cannot be used ({error.strerror}); choose another one, or leave --port out.") from error
    made.listen()
    return made


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return a server for an application, which logs nothing but errors."""
    return uvicorn.Server(
        uvicorn.Config(
            app, lifespan="off", ws="none", http="h11", loop="asyncio", access_log=False, log_level="error",
            server_header=False, timeout_graceful_shutdown=1,
        )
    )  # fmt: skip


def serve(app: ASGIApp, where: socket.socket, follow: Callable[[Event], None]) -> None:
    """Serve until the process is interrupted, while `follow` runs in a thread of its own until the event is set."""
    end = Event()
    reader = Thread(target=follow, args=(end,), name="parallelbench-view-reader", daemon=True)
    reader.start()
    try:
        make_server(app).run(sockets=[where])
    finally:
        end.set()
