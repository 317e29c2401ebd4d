"""Runs an ASGI application on a socket that is bound already.

Refuses to show what serves it: no server banner, no access log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp


def serve_app(listener: socket.socket, app: ASGIApp) -> None:
    """Run one ASGI application on a bound socket, without banner and access log."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        # No proxy stands before it, so nobody's word for another address counts.
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])
