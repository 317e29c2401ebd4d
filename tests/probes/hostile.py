"""A loopback HTTP server that answers exactly the bytes a test asks for, also wrong ones.

It refuses nothing and checks nothing: what is right is the probe's business.
"""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import parse_headers
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import io


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Talk:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def drip(self, data: bytes, every: float) -> None:
        """Send one byte at a time; ends when the other side has gone or the server stops."""
        for byte in data:
            self.send(bytes([byte]))
            if self._stopping.wait(every):
                return

    def wait(self, seconds: float) -> None:
        self._stopping.wait(seconds)


Script: TypeAlias = "Callable[[Asked, Talk], None]"


def answer(
    body: bytes | str = b"",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str | None = "application/json",
) -> bytes:
    """Return the bytes of a correct answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Status"]
    given = {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
    lines += [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([*lines, "", ""]).encode() + content


def says(data: bytes) -> Script:
    """Return a script that sends ``data`` and keeps the connection."""
    return lambda _, talk: talk.send(data)


def says_json(document: object, status: int = 200, **headers: str) -> Script:
    """Return a script that answers a JSON document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return says(answer(json.dumps(document), status, named))


class Hangup(Exception):  # noqa: N818 - not an error, a way to end a connection
    """The script closes the connection."""


def then_hang_up(data: bytes) -> Script:
    """Return a script that sends ``data`` and closes the connection."""

    def script(_: Asked, talk: Talk) -> None:
        talk.send(data)
        raise Hangup

    return script


def zipped(size: int) -> bytes:
    """Return gzip data that inflates to ``size`` zero bytes."""
    deflate = zlib.compressobj(wbits=31)
    return deflate.compress(bytes(size)) + deflate.flush()


@dataclass(slots=True)
class Hostile:
    """A running server: its URL, its script by path, and everything it was asked."""

    url: str
    scripts: dict[str, Script]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@contextlib.contextmanager
def hostile_server(scripts: Mapping[str, Script] | None = None) -> Iterator[Hostile]:
    """Serve on a free loopback port until the end of the block; unknown paths answer 404."""
    stopping = threading.Event()
    lock = threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with lock:
                hostile.connections += 1
                number = hostile.connections
            stream = self.request.makefile("rb")
            with contextlib.suppress(OSError, Hangup, ValueError):
                while self._one(stream, number):
                    pass
            stream.close()

        def _one(self, stream: io.BufferedReader, number: int) -> bool:
            line = stream.readline().decode().split()
            if len(line) != 3:
                return False
            headers = dict(parse_headers(stream).items())
            named = {name.lower(): value for name, value in headers.items()}
            length = int(named.get("content-length", 0))
            body = stream.read(length)
            asked = Asked(line[0], line[1], named, body, number)
            with lock:
                hostile.asked.append(asked)
            path = line[1].split("?")[0]
            hostile.scripts.get(path, says(answer("{}", 404)))(asked, Talk(self.request, stopping))
            return True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 256

    with Server(("127.0.0.1", 0), Handler) as server:
        hostile = Hostile(f"http://127.0.0.1:{server.server_address[1]}", dict(scripts or {}))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield hostile
        finally:
            stopping.set()
            server.shutdown()
            thread.join(5)


def closed_port() -> str:
    """Return a loopback URL where nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"
