"""Stand-ins for 0x and CoinGecko, which a sandbox cannot reach: real answers, small content.

Refuses to invent prices: one ETH is 2,500 tokens, always.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import socket

    from pytest_metarelease.sandbox.plan import Plan

_PRICE = 2500


def serve(zerox: socket.socket, coingecko: socket.socket, plan: Plan) -> None:
    """Answer on both sockets until the process ends."""
    down = plan.has("external-down")
    first = _Server(zerox, {"/swap/v1/sources": _sources, "/swap/v1/quote": _quote}, down=down)
    second = _Server(coingecko, {"/api/v3/ping": _ping}, down=False)
    threading.Thread(target=second.serve_forever, daemon=True).start()
    first.serve_forever()


def _sources(_: dict[str, str]) -> tuple[int, Any]:
    names = ("Uniswap_V2", "Uniswap_V3", "SushiSwap", "Curve", "Balancer_V2")
    return 200, {"sources": {name: [] for name in names}}


def _quote(wanted: dict[str, str]) -> tuple[int, Any]:
    missing = [name for name in ("sellToken", "buyToken", "sellAmount") if not wanted.get(name)]
    if missing or not wanted["sellAmount"].isdecimal():
        fields = [{"field": name, "code": 1000, "reason": "is required"} for name in missing]
        problem = {"code": 100, "reason": "Validation Failed", "validationErrors": fields}
        return 400, problem
    sold = int(wanted["sellAmount"])
    return 200, {
        "chainId": 1,
        "price": str(_PRICE),
        "guaranteedPrice": str(_PRICE * 0.99),
        "sellTokenAddress": wanted["sellToken"],
        "buyTokenAddress": wanted["buyToken"],
        "sellAmount": str(sold),
        "buyAmount": str(sold * _PRICE),
        "value": "0",
        "gas": "136000",
        "estimatedGas": "136000",
        "gasPrice": "15000000000",
        "sources": [
            {"name": "Uniswap_V3", "proportion": "0.75"},
            {"name": "Curve", "proportion": "0.25"},
        ],
    }


def _ping(_: dict[str, str]) -> tuple[int, Any]:
    return 200, {"gecko_says": "(V3) To the Moon!"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, pages: dict[str, Any], *, down: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self.pages, self.down = pages, down


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """One request."""
        parts = urlsplit(self.path)
        page = self.server.pages.get(parts.path)
        status, body = 404, {"reason": "Not found"}
        if self.server.down:
            status, body = 503, {"reason": "Service temporarily unavailable"}
        elif page is not None:
            status, body = page(dict(parse_qsl(parts.query)))
        content = json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nobody reads it."""
