"""What stands before every endpoint: rate limit, body limit, security headers, measured faults.

Refuses the 2,001st request of a burst with 429, the 81st for a quote, and bodies over 64 KiB with
413.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from pytest_metarelease.sandbox.api.state import State

#: Requests per second and per client that go on for ever, and how many may come at once.
RATE, BURST = 1000.0, 2000.0
#: The same for quotes, each of which asks somebody else.
QUOTE_RATE, QUOTE_BURST = 40.0, 80.0
MAX_BODY = 64 * 1024
FAILING_EVERY = 12
SLOWER_BY = 0.7
_MANY_CLIENTS = 10_000

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


@dataclass(slots=True)
class Bucket:
    """Tokens of one client; one request costs one."""

    rate: float = RATE
    burst: float = BURST
    tokens: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Begin full."""
        self.tokens = self.burst

    def take(self, now: float) -> bool:
        """Whether there was a token left."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Shield:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        self._clients: dict[str, Bucket] = {}
        self._quoting: dict[str, Bucket] = {}
        self._business = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, answer = (
            time.perf_counter(),
            _Answer(send, self._state.plan.has("nosniff-missing")),
        )
        try:
            await self._guarded(scope, receive, answer)
        finally:
            self._state.requests.add(time.perf_counter() - started, error=answer.status >= 500)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if not self._admitted(scope):
            silent = self._state.plan.has("retry-after-missing")
            wish = () if silent else ((b"retry-after", b"1"),)
            await answer.refuse(429, "too many requests", wish)
            return
        if self._state.plan.has("api-slow") and _is_business(scope):
            answer.later = SLOWER_BY
        if self._spoiled(scope):
            await answer.refuse(500, "internal server error")
            return
        await self._app(scope, _limited(receive), answer.send)

    def _admitted(self, scope: Scope) -> bool:
        if len(self._clients) > _MANY_CLIENTS:
            self._clients.clear()
            self._quoting.clear()
        client = (scope.get("client") or ("unknown",))[0]
        now = time.monotonic()
        if scope["path"] == "/api/quote" and not self._state.plan.has("rate-limit-missing"):
            own = self._quoting.setdefault(client, Bucket(QUOTE_RATE, QUOTE_BURST))
            if not own.take(now):
                return False
        return self._clients.setdefault(client, Bucket()).take(now)

    def _spoiled(self, scope: Scope) -> bool:
        """The fault api-errors."""
        if not _is_business(scope):
            return False
        self._business += 1
        return self._state.plan.has("api-errors") and self._business % FAILING_EVERY == 0


def _is_business(scope: Scope) -> bool:
    """Whether the faults api-slow and api-errors are about it: health is left alone by both."""
    path: str = scope["path"]
    return path.startswith("/api/") and path != "/api/health"


@dataclass(slots=True)
class _Answer:
    """Adds the headers, remembers the status, and comes later; a refusal costs no time."""

    _send: Send
    sniffed: bool = False
    status: int = 500
    later: float = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.later and self.status < 400:
                await asyncio.sleep(self.later)
            headers = HEADERS[:1] if self.sniffed else HEADERS
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await self._send(message)

    async def refuse(self, status: int, why: str, more: tuple[Any, ...] = ()) -> None:
        body = json.dumps({"error": why}).encode()
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length), *more]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _limited(receive: Receive) -> Receive:
    """Counts what really comes: a length that was declared may be wrong, or missing."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise HTTPException(413, f"the body must not exceed {MAX_BODY} bytes")
        return message

    return counting
