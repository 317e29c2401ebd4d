"""One POST over HTTP/1.1 with a deadline for the whole answer, not for each read.

Never follows a redirect, never inflates a body, never asks a host other than the one it was made
for. Name resolution and the TLS handshake count, too.
"""

from __future__ import annotations

import base64
import http.client
import io
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    TooLargeError,
    UnreachableError,
    UsageError,
)
from pytest_metarelease.probes.clock import Deadline
from pytest_metarelease.probes.dialling import dial
from pytest_metarelease.redaction import mask_url

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

BODY_BOUND = 64 * 1024 * 1024
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that came whole and within its deadline; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _TimedReader(io.RawIOBase):
    """Reads a socket and, before each read, gives it only what is left of the deadline."""

    def __init__(self, raw: io.RawIOBase, arm: Callable[[], None]) -> None:
        self._raw = raw
        self._arm = arm

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """Stands in ``http.client`` for a socket whose every operation ends at ``deadline``."""

    def __init__(self, plain: socket.socket, clock: Callable[[], float]) -> None:
        self._plain = plain
        self._clock = clock
        self.deadline = 0.0

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        raw = self._plain.makefile("rb", buffering=0)
        return io.BufferedReader(_TimedReader(raw, self._arm), 256 * 1024)

    def sendall(self, data: bytes) -> None:
        self._arm()
        self._plain.sendall(data)

    def close(self) -> None:
        self._plain.close()

    def _arm(self) -> None:
        left = self.deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        self._plain.settimeout(left)


class Wire:
    """One server behind one URL, with one persistent connection for each thread."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"chain rpc {mask_url(url)}: JSON-RPC is spoken over http or https here; "
                "declare the node's HTTP address"
            )
        self.masked = mask_url(url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._clock = clock
        self._tls: ssl.SSLContext | None = None
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()

    def post(self, body: bytes, *, deadline: float, repeatable: bool = True) -> Reply:
        """Send ``body`` and return the whole answer, whatever its status.

        ``repeatable`` allows a second try where a kept connection turns out to be closed.

        Raises:
            UnreachableError: No connection, or it broke before an answer began.
            DeadlineError: ``deadline`` (on the clock) passed before the answer was whole.
            MalformedError: It was not HTTP, was cut short, or its body was encoded.
            TooLargeError: The body exceeds 64 MiB.
        """
        kept = getattr(self._mine, "connection", None) is not None
        try:
            return self._exchange(body, deadline)
        except (ConnectionError, http.client.RemoteDisconnected) as problem:
            if not (kept and repeatable):
                raise self._unreachable(problem) from None
        try:
            return self._exchange(body, deadline)
        except (ConnectionError, http.client.RemoteDisconnected) as problem:
            raise self._unreachable(problem) from None

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._mine = threading.local()

    def _exchange(self, body: bytes, deadline: float) -> Reply:
        whole = False
        try:
            connection = self._connection(deadline)
            connection.request("POST", self._target, body, self._headers)
            reply = self._read(connection.getresponse())
            whole = True
        except TimeoutError:
            raise DeadlineError(f"{self.masked}: no whole answer before the deadline") from None
        except (ConnectionError, http.client.RemoteDisconnected):
            raise
        except http.client.HTTPException as problem:
            raise MalformedError(
                f"{self.masked}: the answer is not HTTP ({type(problem).__name__})"
            ) from None
        except OSError as problem:
            raise self._unreachable(problem) from None
        finally:
            if not whole:
                self._drop()
        return reply

    def _connection(self, deadline: float) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is None or connection.sock is None:
            connection = self._connect(deadline)
        timed: Any = connection.sock
        timed.deadline = deadline
        return connection

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        connection: http.client.HTTPConnection
        if self._secure:
            # Made once: reading the certificate store costs 20 ms.
            self._tls = self._tls or ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls)
        else:
            connection = http.client.HTTPConnection(self._host, self._port)
        reached = dial(self._host, connection.port, Deadline.after(left), self._tls)
        connection.sock = _TimedSocket(reached, self._clock)
        # A connection that closes after its answer must be opened anew by us, with a deadline.
        connection.auto_open = 0
        self._mine.connection = connection
        with self._lock:
            self._open.add(connection)
        return connection

    def _read(self, response: http.client.HTTPResponse) -> Reply:
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise MalformedError(f"{self.masked}: body encoded as {encoding!r}, which nobody asked")
        pieces: list[bytes] = []
        size = 0
        while piece := response.read(_PIECE):
            size += len(piece)
            if size > BODY_BOUND:
                raise TooLargeError(f"{self.masked}: the answer exceeds {BODY_BOUND} bytes")
            pieces.append(piece)
        if response.length:
            raise MalformedError(f"{self.masked}: the answer was cut short")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, b"".join(pieces))

    def _drop(self) -> None:
        connection = getattr(self._mine, "connection", None)
        if connection is not None:
            connection.close()
            self._mine.connection = None
            with self._lock:
                self._open.discard(connection)

    def _unreachable(self, problem: Exception) -> UnreachableError:
        return UnreachableError(
            f"{self.masked}: no connection ({type(problem).__name__}); "
            "check the address, the network and the node"
        )
