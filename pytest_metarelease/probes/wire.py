"""The one door to httpx: a request goes out, a whole answer or one typed error comes back.

It refuses to wait beyond one total deadline (name, connection, TLS, headers and body together), to
hold more than a bound of bytes, to follow a redirect, to keep a cookie, to use a proxy or ``netrc``
of the environment, and to retry anything that may have changed something.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    TooLargeError,
    UnreachableError,
)
from pytest_metarelease.probes.clock import Deadline
from pytest_metarelease.probes.decoding import decoder
from pytest_metarelease.probes.names import resolve

if TYPE_CHECKING:
    import ssl

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITE_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Question:
    """One request as it will be sent. ``url`` is absolute."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back: ``body`` is decoded from its content encoding; names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS settings of this process; making them takes 20 ms, so they are made once.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are honoured, as everywhere.
    """
    return httpx.create_ssl_context()


class _Exchange(threading.local):
    """What the streams of this thread need to know of the exchange that is going on."""

    deadline: Deadline = Deadline(0.0, 0.0)
    dialled: bool = False
    received: bool = False

    def remaining(self, error: type[httpcore.TimeoutException]) -> float:
        left = self.deadline.remaining
        if left <= 0:
            raise error
        return left


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write may take what is left of the whole exchange."""

    def __init__(self, stream: httpcore.NetworkStream, exchange: _Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - ours counts
        data = self._stream.read(max_bytes, self._exchange.remaining(httpcore.ReadTimeout))
        self._exchange.received = self._exchange.received or bool(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - ours counts
        for start in range(0, len(buffer), _WRITE_CHUNK):
            left = self._exchange.remaining(httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITE_CHUNK], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - ours counts
    ) -> httpcore.NetworkStream:
        left = self._exchange.remaining(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._exchange)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Connects within the deadline, trying each address of the host with a fair part of it."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - ours counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._exchange.dialled = True
        addresses = resolve(host, port, self._exchange.deadline)
        last: Exception = httpcore.ConnectError("no address")
        for number, address in enumerate(addresses):
            share = self._exchange.remaining(httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _Stream(stream, self._exchange)
        raise last


class Wire:
    """Connections, kept alive between exchanges; threads may share them."""

    def __init__(self) -> None:
        self._exchange = _Exchange()
        self._pool = self._new_pool()

    def _new_pool(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=tls_context(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(self._exchange),
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def send(
        self, question: Question, *, deadline: Deadline, limit: int, fresh: bool = False
    ) -> RawAnswer:
        """Return the answer to ``question``, read to its end; ``fresh`` opens a new connection.

        A safe request that fails on a kept connection before anything came is sent once more on
        a new one (RFC 9110 section 9.2.2): the server had closed it in the meantime.

        Raises:
            ProbeError: Unreachable, deadline, malformed, too large; forbidden if it cannot be sent.
        """
        self._exchange.deadline = deadline
        self._exchange.dialled = self._exchange.received = False
        if not fresh:
            try:
                return self._send(self._pool, question, limit)
            except UnreachableError:
                if (
                    self._exchange.dialled
                    or self._exchange.received
                    or question.method not in SAFE_METHODS
                ):
                    raise
        with self._new_pool() as pool:
            return self._send(pool, question, limit)

    def _send(self, pool: httpcore.ConnectionPool, question: Question, limit: int) -> RawAnswer:
        seconds = self._exchange.deadline.seconds
        try:
            response = pool.handle_request(_core_request(question))
            try:
                return _read_answer(response, limit)
            finally:
                response.close()
        except httpcore.TimeoutException:
            raise DeadlineError(f"no whole answer within {seconds:g} s") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ) as error:
            raise _translated(error, self._exchange) from None


def _core_request(question: Question) -> httpcore.Request:
    try:
        request = httpx.Request(
            question.method,
            question.url,
            headers=dict(question.headers),
            content=question.content,
        )
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ForbiddenError(f"the request cannot be sent: {error}") from None
    url = httpcore.URL(
        scheme=request.url.raw_scheme,
        host=request.url.raw_host,
        port=request.url.port,
        target=request.url.raw_path,
    )
    return httpcore.Request(
        method=request.method, url=url, headers=request.headers.raw, content=request.stream
    )


def _translated(error: Exception, exchange: _Exchange) -> ProbeError:
    text = str(error) or type(error).__name__
    if isinstance(error, httpcore.RemoteProtocolError):
        if not exchange.received:
            return UnreachableError("the connection was closed before an answer came")
        text = text.replace("without sending a response", "before the end of the headers")
        return MalformedError(f"the answer is no HTTP: {text}")
    if isinstance(error, httpcore.ConnectError):
        return UnreachableError(f"no connection: {text}")
    if isinstance(error, httpcore.NetworkError):
        return UnreachableError(f"the connection broke: {text}")
    return ForbiddenError(f"the request cannot be sent: {text}")


def _read_answer(response: httpcore.Response, limit: int) -> RawAnswer:
    headers = tuple(
        (name.decode("ascii", "replace").lower(), value.decode("latin-1"))
        for name, value in response.headers
    )
    encodings = [value.strip().lower() for name, value in headers if name == "content-encoding"]
    decode = decoder(",".join(encodings), limit)
    raw = bytearray()
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > limit:
            raise TooLargeError(f"the answer is longer than {limit} bytes")
        raw += decode(chunk)
    if size:
        raw += decode(b"")
    return RawAnswer(response.status, headers, bytes(raw))
