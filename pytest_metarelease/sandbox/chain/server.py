"""The node's door: JSON-RPC 2.0 over HTTP/1.1 on a loopback socket, batches and keep-alive.

Refuses anything but POST, and bodies over 5 MiB. A thread per connection; the node itself
answers one request at a time.
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from pytest_metarelease.sandbox.accounts import FUNDED, GENESIS_BALANCE
from pytest_metarelease.sandbox.chain.evm import Evm
from pytest_metarelease.sandbox.chain.node import Node
from pytest_metarelease.sandbox.chain.wire import RpcError
from pytest_metarelease.sandbox.plan import GENESIS_AGE

if TYPE_CHECKING:
    import socket

MAX_BODY = 5 * 1024 * 1024


def serve(listener: socket.socket, chain_id: int, genesis_age: int = GENESIS_AGE) -> None:
    """Answer on ``listener`` until the process ends; the first block is dated back, in seconds."""
    balances = {bytes.fromhex(account.address[2:]): GENESIS_BALANCE for account in FUNDED}
    evm = Evm(chain_id, balances, int(time.time()) - genesis_age)
    with _Server(listener, Node(evm, FUNDED)) as server:
        server.serve_forever()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, node: Node) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self.node = node


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Server

    def do_POST(self) -> None:
        """One request or one batch."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._answer(411, _failure(None, RpcError(-32600, "Content-Length is missing")))
        elif int(length) > MAX_BODY:
            self.close_connection = True
            self._answer(413, _failure(None, RpcError(-32600, "request entity too large")))
        else:
            self._answer(200, self._reply(self.rfile.read(int(length))))

    def do_GET(self) -> None:
        """A node speaks POST only."""
        self._answer(405, _failure(None, RpcError(-32600, "method not allowed: use POST")))

    def _reply(self, body: bytes) -> Any:
        try:
            request = json.loads(body)
        except ValueError:
            return _failure(None, RpcError(-32700, "parse error"))
        if not isinstance(request, list):
            return self._one(request)
        if not request:
            return _failure(None, RpcError(-32600, "empty batch"))
        return [self._one(part) for part in request]

    def _one(self, request: Any) -> Any:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, RpcError(-32600, "invalid request"))
        identity, params = request.get("id"), request.get("params", [])
        if not isinstance(params, list):
            return _failure(identity, RpcError(-32602, "invalid params: not a list"))
        try:
            result = self.server.node.ask(request["method"], params)
        except RpcError as error:
            return _failure(identity, error)
        except Exception as problem:  # noqa: BLE001 - a node answers, whatever broke inside it
            return _failure(identity, RpcError(-32603, f"internal error: {problem!r}"))
        return {"jsonrpc": "2.0", "id": identity, "result": result}

    def _answer(self, status: int, answer: Any) -> None:
        body = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """A node's log is of no interest to anybody here."""


def _failure(identity: Any, error: RpcError) -> dict[str, Any]:
    shape: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.revert is not None:
        shape["data"] = error.revert
    return {"jsonrpc": "2.0", "id": identity, "error": shape}
