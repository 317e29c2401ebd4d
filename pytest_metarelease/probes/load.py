"""Sampling a service at a set rate: open loop, latency from the intended start, all samples kept.

It refuses to send anything but GET, to ask undeclared hosts, to hold more than 64 requests in
flight and to run beyond its end. Where our own clock was late, that is part of the sample.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.kept import KeptConnection
from pytest_metarelease.probes.load_sample import LoadSample, Trial

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.probes.hosts import Hosts

MOST_IN_FLIGHT = 64
MOST_SAMPLES = 100_000
_WATCH = 0.05
_GRACE = 1.0
_UNQUOTED = "/?&=%:+,;@~!$'()*[]"


def sample(
    url: str,
    paths: Sequence[str],
    *,
    rate: float,
    samples: int,
    timeout: float,
    hosts: Hosts,
    headers: Sequence[Mapping[str, str]] = (),
) -> LoadSample:
    """Ask ``paths`` below ``url`` in turn, ``rate`` times a second, and return every trial.

    The loop is open: a request is due at its time whether or not earlier ones were answered, and
    its latency counts from then. ``headers`` are further ones of each path. ``timeout`` is the
    longest that a request may take from when it was due; a second after
    ``samples / rate + timeout`` everything has ended.

    Raises:
        ForbiddenError: The host is not declared.
        UsageError: There is nothing to ask, or rate, samples or timeout are out of range.
    """
    hosts.check(url)
    if not paths or rate <= 0 or timeout <= 0 or not 0 < samples <= MOST_SAMPLES:
        raise UsageError(
            f"cannot take {samples} samples of {len(paths)} paths at {rate}/s within {timeout} s; "
            f"give at least one path and at most {MOST_SAMPLES} samples"
        )
    client = _Client(url, timeout)
    at = utc_now()
    own = headers or [{}] * len(paths)
    requests = tuple(client.request(*one) for one in zip(paths, own, strict=True))
    run = _Run(client, requests, rate, samples)
    trials = run.carry_out()
    return LoadSample(
        url=url, paths=tuple(paths), at=at, span=run.span, timeout=timeout, trials=trials
    )


class _Client:
    """Makes connections to one host, and the requests that are sent over them."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self.timeout = timeout
        self._host = parts.hostname or ""
        self._tls = _tls_context() if parts.scheme == "https" else None
        usual = 443 if self._tls else 80
        self._port = parts.port or usual
        self._base = parts.path.rstrip("/")
        name = f"[{self._host}]" if ":" in self._host else self._host
        self._headers = {
            "Host": name if self._port == usual else f"{name}:{self._port}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            "User-Agent": "pytest-metarelease",
        }

    def connection(self) -> KeptConnection:
        """Return a connection that is made with its first request."""
        return KeptConnection(self._host, self._port, self._tls)

    def request(self, path: str, more: Mapping[str, str]) -> bytes:
        """Return the bytes that ask for ``path``, with further headers.

        Raises:
            UsageError: A header holds what would end it (RFC 9110 section 5.5).
        """
        target = quote(f"{self._base}/{path.lstrip('/')}", safe=_UNQUOTED)
        named = {one.lower() for one in more}
        usual = {one: two for one, two in self._headers.items() if one.lower() not in named}
        lines = [f"GET {target} HTTP/1.1"]
        lines += [f"{one}: {two}" for one, two in {**usual, **more}.items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise UsageError("a header of the sampled service holds a line break; remove it")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@dataclass(slots=True)
class _Run:
    """One sampling: threads take the trials in turn; one at a time waits for the next due time.

    A thread more is started when a trial begins and nobody is left to wait for the next.
    """

    client: _Client
    requests: tuple[bytes, ...]
    rate: float
    samples: int
    span: float = 0.0
    _trials: dict[int, Trial] = field(default_factory=dict)
    _in_flight: dict[int, KeptConnection] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _state: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _waiting: int = 0
    _next: int = 0
    _started: float = 0.0

    def carry_out(self) -> tuple[Trial, ...]:
        """Return all trials in order, also those that got no answer until the end."""
        self._started = time.perf_counter()
        self._add_thread()
        self._watch()
        self.span = time.perf_counter() - self._started
        with self._state:
            known = dict(self._trials)
        return tuple(known.get(number) or self._lost(number) for number in range(self.samples))

    def _due(self, number: int) -> float:
        return self._started + number / self.rate

    def _add_thread(self) -> None:
        with self._state:
            self._waiting += 1
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        with contextlib.closing(self.client.connection()) as connection:
            while True:
                with self._turn:
                    number = self._next
                    self._next += 1
                    if number >= self.samples:
                        return
                    lag = _sleep_until(self._due(number))
                    with self._state:
                        self._waiting -= 1
                        alone = self._waiting == 0 and len(self._threads) < MOST_IN_FLIGHT
                if alone and number + 1 < self.samples:
                    self._add_thread()
                self._try(connection, number, lag)
                with self._state:
                    self._waiting += 1

    def _try(self, connection: KeptConnection, number: int, lag: float) -> None:
        due, sent = self._due(number), time.perf_counter()
        until = due + self.client.timeout
        status: int | None = None
        error: str | None = None
        with self._state:
            self._in_flight[number] = connection
        try:
            if sent < until:
                request = self.requests[number % len(self.requests)]
                status = connection.ask(request, until)
            else:
                error = "not sent: all connections were waiting for answers"
        except (OSError, HTTPException) as problem:
            error = f"{type(problem).__name__}: {problem}"[:200]
            connection.close()
        ended = time.perf_counter()
        if status is not None and ended > until:
            status, error = None, "answered too late"
        with self._state:
            self._in_flight.pop(number, None)
            self._trials[number] = Trial(
                number=number,
                offset=due - self._started,
                latency=ended - due,
                service=ended - sent,
                lag=lag,
                status=status,
                error=error,
            )

    def _lost(self, number: int) -> Trial:
        waited = self.client.timeout
        offset = number / self.rate
        return Trial(number, offset, waited, waited, 0.0, None, "no answer until the end")

    def _watch(self) -> None:
        """Wait for the end, and end every connection whose time is over.

        The limit of a socket is one per read: a body that drips would never reach it.
        """
        end = self._due(self.samples) + self.client.timeout + _GRACE
        while time.perf_counter() < end:
            with self._state:
                alive = [thread for thread in self._threads if thread.is_alive()]
                now = time.perf_counter() - self.client.timeout
                late = [one for number, one in self._in_flight.items() if self._due(number) < now]
            if not alive:
                return
            for connection in late:
                _cut(connection)
            alive[0].join(_WATCH)


def _tls_context() -> ssl.SSLContext:
    # Whom the functional probes trust, the sampler trusts; a plain one needs no wire library.
    from pytest_metarelease.probes.wire import tls_context

    return tls_context()


def _sleep_until(due: float) -> float:
    """Sleep until ``due`` and return by how much that was missed through our own fault, seconds.

    A trial that is overdue already, because all threads were busy, waits for the service.
    """
    left = due - time.perf_counter()
    if left <= 0:
        return 0.0
    time.sleep(left)
    return max(0.0, time.perf_counter() - due)


def _cut(connection: KeptConnection) -> None:
    taken = connection.sock
    if taken is not None:
        with contextlib.suppress(OSError):
            # Not the TLS socket's own shutdown: that one lets go of what the reader holds.
            socket.socket.shutdown(taken, socket.SHUT_RDWR)
