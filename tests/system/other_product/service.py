"""The other product's servers: its gateway on a SQLite database, and the courier it depends on.

Refuses to know anything of the package that verifies it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

PARCELS = "application/vnd.parcels+json"
_MOST = 65_536
_RATES = {"zones": {"eu": 4.5, "overseas": 19.0}}


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the gateway answers from, and whether it counts its parcels in words."""

    database: Path
    revision: str
    node: str
    courier: str
    counts_in_words: bool = False

    def status(self) -> dict[str, Any]:
        """Say how it is, having looked at each part."""
        parts = {"db": self._has_parcels(), "courier": self._rates(), "ledger": self._has_blocks()}
        services = {name: {"status": "up" if up else "down"} for name, up in parts.items()}
        build = {"v": "3.1.4", "rev": self.revision[:10]}
        return {
            "state": "ok" if all(parts.values()) else "bad",
            "services": services,
            "build": build,
        }

    def parcels(self) -> dict[str, Any]:
        """List what is not delivered."""
        query = "SELECT ref, grams FROM parcels WHERE delivered = 0 ORDER BY ref"
        with closing(sqlite3.connect(self.database)) as connection:
            found = [{"ref": ref, "grams": grams} for ref, grams in connection.execute(query)]
        count: Any = "several" if self.counts_in_words else len(found)
        return {"parcels": found, "count": count}

    def _has_parcels(self) -> bool:
        return bool(self.parcels()["parcels"])

    def _rates(self) -> bool:
        return "zones" in _json(f"{self.courier}/rates")

    def _has_blocks(self) -> bool:
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return "result" in _json(self.node, question)


def _json(url: str, body: object | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it each answer waits for the acknowledgement of its head: forty milliseconds.
    disable_nagle_algorithm = True
    gateway: ClassVar[Gateway]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/status":
            self._answer(200, self.gateway.status())
        elif path == "/v1/parcels":
            self._answer(200, self.gateway.parcels(), PARCELS)
        else:
            self._answer(404, {"problem": "there is no such thing"})

    def do_PUT(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST:
            self.close_connection = True
            self._answer(413, {"problem": "that is too much"})
            return
        content = self.rfile.read(length)
        if self.headers.get_content_type() != "application/json":
            self._answer(415, {"problem": "say it in JSON"})
            return
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            self._answer(400, {"problem": "this is no JSON"})
            return
        told = isinstance(body, dict) and isinstance(body.get("place"), str)
        self._answer(200 if told else 422, body if told else {"problem": "say the place"})

    def version_string(self) -> str:
        return "parcels"

    def log_message(self, *arguments: object) -> None:
        """Say nothing: pytest shows what a test says."""

    def _answer(self, status: int, content: object, kind: str = "application/json") -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Courier(_Handler):
    def do_GET(self) -> None:
        self._answer(200, _RATES)


@contextmanager
def courier() -> Iterator[str]:
    """Serve the courier's rates; the origin."""
    with _served(_Courier) as origin:
        yield origin


@contextmanager
def gateway(behind: Gateway) -> Iterator[str]:
    """Serve the gateway; the origin."""
    with _served(type("_Gateway", (_Handler,), {"gateway": behind})) as origin:
        yield origin


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
