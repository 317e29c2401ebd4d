"""One kept HTTP/1.1 connection for many small requests: each answer is read to its end, and let go.

For the load sampler, where a client that makes objects of every header measures itself. It keeps
nothing but the status, follows no redirect and sends nothing but GET. Source: RFC 9112.
"""

from __future__ import annotations

import contextlib
import re
import struct
import time
from http.client import (
    BadStatusLine,
    HTTPException,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from socket import SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET
from typing import TYPE_CHECKING

from pytest_metarelease.probes.clock import Deadline
from pytest_metarelease.probes.dialling import dial

if TYPE_CHECKING:
    import socket
    import ssl

_MOST_HEAD = 64 * 1024
_MOST_BYTES = 8 * 2**20
_MOST_INTERIM = 8
_AT_ONCE = 64 * 1024
# ``struct timeval`` of socket(7): seconds and microseconds.
_TIMEVAL = struct.Struct("@ll")
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: |\r?\n|\Z)")
_END = re.compile(rb"\r?\n\r?\n")
# What says where a body ends; the head is put in lower case before.
_FRAMING = re.compile(rb"\n(content-length|transfer-encoding|connection):[ \t]*([^\r\n]*)")


class KeptConnection:
    """Asks one host, over one connection while that stays open; times are of ``perf_counter``.

    ``sock`` is None while there is none; another thread may shut it down to end a wait.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.sock: socket.socket | None = None
        self._address = host, port
        self._tls = tls
        self._buffer = b""
        self._silent = True

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        taken, self.sock = self.sock, None
        self._buffer = b""
        if taken is not None:
            with contextlib.suppress(OSError):
                taken.close()

    def ask(self, request: bytes, until: float) -> int:
        """Send a whole request and return the status of the answer, of which 8 MiB are read.

        Raises:
            OSError: There is no connection, it broke, or one wait was longer than until ``until``.
            http.client.HTTPException: What was answered is no answer, or ended too early.
        """
        kept = self.sock is not None
        try:
            return self._ask(request, until)
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if not kept or not self._silent or time.perf_counter() >= until:
                raise
        # The server had closed the kept connection in the meantime (RFC 9110 section 9.2.2).
        return self._ask(request, until)

    def _ask(self, request: bytes, until: float) -> int:
        if self.sock is None:
            left = max(until - time.perf_counter(), 0.001)
            self.sock = dial(*self._address, Deadline.after(left), self._tls)
        taken, self._silent = self.sock, True
        _limit(taken, max(until - time.perf_counter(), 0.001))
        try:
            return self._exchange(taken, request)
        except BlockingIOError:
            raise TimeoutError("timed out") from None

    def _exchange(self, taken: socket.socket, request: bytes) -> int:
        taken.sendall(request)
        for _ in range(_MOST_INTERIM):
            head = self._head(taken)
            found = _STATUS.match(head)
            if found is None:
                raise BadStatusLine(repr(head.partition(b"\n")[0][:80]))
            minor, status = int(found[1]), int(found[2])
            if status >= 200 or status == 101:
                self._body(taken, head.lower(), status, minor)
                return status
        raise HTTPException(f"more than {_MOST_INTERIM} interim answers")

    def _head(self, taken: socket.socket) -> bytes:
        """Return the next head, and keep what was read of its body."""
        while (end := _END.search(self._buffer)) is None:
            if len(self._buffer) > _MOST_HEAD:
                raise LineTooLong("head of an answer")
            try:
                self._fill(taken)
            except IncompleteRead:
                if self._buffer:
                    raise
                raise RemoteDisconnected("closed without an answer") from None
        head = self._buffer[: end.start()]
        self._buffer = self._buffer[end.end() :]
        return head

    def _fill(self, taken: socket.socket) -> None:
        piece = taken.recv(_AT_ONCE)
        if not piece:
            raise IncompleteRead(self._buffer)
        self._silent = False
        self._buffer += piece

    def _body(self, taken: socket.socket, head: bytes, status: int, minor: int) -> None:
        """Read what belongs to this answer; the connection is kept where its end is known."""
        said: dict[bytes, set[bytes]] = {}
        for name, value in _FRAMING.findall(head):
            said.setdefault(name, set()).add(value.strip())
        options = b",".join(said.get(b"connection", ()))
        keep = b"close" not in options and (minor == 1 or b"keep-alive" in options)
        whole = True
        # RFC 9112 section 6.3: which of these says where the body ends.
        if status in (204, 304):
            pass
        elif b"transfer-encoding" in said:
            whole = self._chunks(taken)
        elif b"content-length" in said:
            whole = self._exactly(taken, _length(said[b"content-length"]), _MOST_BYTES)
        else:
            keep = False
            self._rest(taken)
        # What comes unasked after an answer would be taken for the next one.
        if not keep or not whole or self._buffer or status == 101:
            self.close()

    def _exactly(self, taken: socket.socket, length: int, most: int) -> bool:
        """Read ``length`` bytes, or return False after ``most``."""
        left = min(length, most)
        while len(self._buffer) < left:
            left -= len(self._buffer)
            self._buffer = b""
            piece = taken.recv(_AT_ONCE)
            if not piece:
                raise IncompleteRead(b"", left)
            self._buffer = piece
        self._buffer = self._buffer[left:]
        return length <= most

    def _chunks(self, taken: socket.socket) -> bool:
        """Read the chunks of RFC 9112 section 7.1 and the trailer, or return False when large."""
        left = _MOST_BYTES
        while left > 0:
            size = self._line(taken).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
                raise HTTPException(f"no size of a chunk: {size[:20]!r}")
            length = int(size, 16)
            if length == 0:
                while self._line(taken):
                    left -= 1
                    if left <= 0:
                        return False
                return True
            if not self._exactly(taken, length, left):
                return False
            left -= length + 1
            if self._line(taken):
                raise HTTPException("a chunk is longer than it says")
        return False

    def _line(self, taken: socket.socket) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MOST_HEAD:
                raise LineTooLong("chunk")
            self._fill(taken)
        line = self._buffer[:end]
        self._buffer = self._buffer[end + 1 :]
        return line.rstrip(b"\r")

    def _rest(self, taken: socket.socket) -> None:
        left = _MOST_BYTES - len(self._buffer)
        self._buffer = b""
        while left > 0 and (piece := taken.recv(_AT_ONCE)):
            left -= len(piece)


def _limit(taken: socket.socket, seconds: float) -> None:
    """Let no wait on a connection be longer, in the kernel where that can be.

    Python's own limit asks ``poll`` before each read and write: two times more in which threads
    let go of the interpreter and compete for it. TLS would ask again for ever where the kernel's
    limit has passed, so it keeps Python's.
    """
    if hasattr(taken, "cipher"):
        taken.settimeout(seconds)
        return
    taken.settimeout(None)
    whole, part = divmod(int(seconds * 1e6), 1_000_000)
    limit = _TIMEVAL.pack(whole, part)
    taken.setsockopt(SOL_SOCKET, SO_RCVTIMEO, limit)
    taken.setsockopt(SOL_SOCKET, SO_SNDTIMEO, limit)


def _length(said: set[bytes]) -> int:
    if len(said) != 1 or not (value := next(iter(said))).isdigit() or len(value) > 18:
        raise HTTPException(f"no length of a body: {sorted(said)!r:.60}")
    return int(value)
