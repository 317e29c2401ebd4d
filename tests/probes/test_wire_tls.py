"""TLS as the wire speaks it: only with who can prove to be the host, within the same deadline."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import DeadlineError, ProbeError, UnreachableError
from pytest_metarelease.probes import wire
from pytest_metarelease.probes.clock import Deadline
from pytest_metarelease.probes.wire import Question, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)
    return key, cert


@pytest.fixture
def url(certificate: tuple[Path, Path]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up in the handshake is what is tested."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join(5)


@pytest.fixture
def new_wire() -> Iterator[Wire]:
    wire.tls_context.cache_clear()
    made = Wire()
    yield made
    made.close()
    wire.tls_context.cache_clear()


def ask(through: Wire, url: str, seconds: float = 5) -> int:
    question = Question("GET", url)
    return through.send(question, deadline=Deadline.after(seconds), limit=1000).status


def test_a_certificate_that_nobody_vouches_for_is_no_connection(url: str, new_wire: Wire) -> None:
    with pytest.raises(UnreachableError, match="certificate"):
        ask(new_wire, url)


def test_a_declared_authority_is_trusted(
    url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    wire.tls_context.cache_clear()
    trusting = Wire()
    assert ask(trusting, url) == 204
    with pytest.raises(ProbeError):
        ask(trusting, url.replace("127.0.0.1", "localhost"))
    trusting.close()
    wire.tls_context.cache_clear()


def test_a_handshake_that_never_ends_is_ended(new_wire: Wire) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DeadlineError):
        ask(new_wire, f"https://127.0.0.1:{silent.getsockname()[1]}/", 0.2)


def test_a_name_without_address_is_unreachable(
    new_wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError, match="has no address"):
        ask(new_wire, "http://nowhere.invalid/")


def test_a_resolver_that_is_silent_is_not_waited_for(
    new_wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        with pytest.raises(DeadlineError, match="was not resolved in time"):
            ask(new_wire, "http://slow.example/", 0.1)
    finally:
        released.set()


def test_a_second_address_is_tried(
    url: str, new_wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(url.rsplit(":", 1)[1].rstrip("/"))
    monkeypatch.setattr(wire, "resolve", lambda *_: ["127.0.0.9", "127.0.0.1"])
    with pytest.raises(UnreachableError, match="certificate"):
        ask(new_wire, f"https://two.example:{port}/")
