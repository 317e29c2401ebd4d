"""The defects of the API that show in its answers as a whole: headers, files, methods, traces.

Refuses to change anything where no fault was asked for; then it is not even in the way.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pytest_metarelease.sandbox.plan import Plan

_NAMES = frozenset(
    [
        "cors-reflects",
        "cors-null",
        "cors-star",
        "nosniff-missing",
        "cookie-insecure",
        "server-banner",
        "trace-enabled",
        "error-leaks-stack",
        "metrics-served",
        "unknown-path-found",
        "any-method-accepted",
    ]
)
_TRACE = (
    "TypeError: Cannot read properties of undefined (reading 'maker')\n"
    "    at validateOrder (/app/src/routes/orders.js:42:17)\n"
    "    at Layer.handle (/app/node_modules/express/lib/router/layer.js:95:5)"
)


def with_defects(app: ASGIApp, plan: Plan) -> ASGIApp:
    """The application with those of the faults that are about answers as a whole."""
    found = _NAMES & set(plan.faults)
    return Defects(app, found) if found else app


class Defects:
    """ASGI middleware that spoils answers."""

    def __init__(self, app: ASGIApp, faults: frozenset[str]) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        if "trace-enabled" in self._faults and method == "TRACE":
            lines = b"\r\n".join(name + b": " + value for name, value in scope["headers"])
            await _answer(send, 200, b"message/http", b"TRACE " + path.encode() + b"\r\n" + lines)
            return
        if "metrics-served" in self._faults and path == "/metrics":
            text = (
                b"# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\nx 1\n"
            )
            await _answer(send, 200, b"text/plain", text)
            return
        if "any-method-accepted" in self._faults and path == "/api/orders" and method != "POST":
            scope = {**scope, "method": "OPTIONS" if method == "OPTIONS" else "GET"}
        await self._app(scope, receive, _Spoiled(send, scope, self._faults).send)


class _Spoiled:
    def __init__(self, send: Send, scope: Scope, faults: frozenset[str]) -> None:
        self._send, self._scope, self._faults = send, scope, faults
        self._replacement: bytes | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._start(message)
        elif self._replacement is not None:
            message = {**message, "body": self._replacement}
            self._replacement = b""
        await self._send(message)

    def _start(self, message: Message) -> Message:
        status = message["status"]
        if "error-leaks-stack" in self._faults and status in (400, 422):
            self._replacement = json.dumps({"error": _TRACE}).encode()
        if "unknown-path-found" in self._faults and status == 404 and self._is_unrouted():
            status, self._replacement = 200, b'{"ok": true}'
        headers = [*message.get("headers", ()), *self._headers()]
        dropped = {b"content-length"} if self._replacement is not None else set()
        if any(name.startswith("cors-") for name in self._faults):
            dropped |= {b"access-control-allow-origin", b"access-control-allow-credentials"}
        kept = [one for one in headers if one[0].lower() not in dropped]
        if self._replacement is not None:
            kept.append((b"content-length", str(len(self._replacement)).encode()))
        return {**message, "status": status, "headers": [*kept, *self._cors()]}

    def _is_unrouted(self) -> bool:
        path: str = self._scope["path"]
        return path.startswith("/api/") and not path.startswith("/api/orders/0x")

    def _headers(self) -> list[tuple[bytes, bytes]]:
        found = []
        if "cookie-insecure" in self._faults:
            found.append((b"set-cookie", b"session=5f21c9d07b; Path=/"))
        if "server-banner" in self._faults:
            found += [(b"server", b"nginx/1.18.0"), (b"x-powered-by", b"Express")]
        return found

    def _cors(self) -> list[tuple[bytes, bytes]]:
        origin = dict(self._scope["headers"]).get(b"origin")
        if origin is None:
            return []
        if "cors-reflects" in self._faults:
            return [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
            ]
        if "cors-star" in self._faults:
            return [(b"access-control-allow-origin", b"*")]
        if "cors-null" in self._faults and origin == b"null":
            return [(b"access-control-allow-origin", b"null")]
        return []


async def _answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
