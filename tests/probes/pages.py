"""Small real pages on a loopback server, plain or over TLS, and what arrived at it."""

from __future__ import annotations

import base64
import hashlib
import http.server
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(slots=True)
class Site:
    """A server of pages: path -> HTML. ``posted`` are the bodies that were sent to it."""

    url: str
    posted: list[bytes] = field(default_factory=list)


@contextmanager
def pages(found: Mapping[str, str], certificate: Path | None = None) -> Iterator[Site]:
    """Serve pages; with a certificate and its key in one file, over TLS."""
    site = Site("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = found.get(self.path)
            self._answer(200 if page is not None else 404, (page or "").encode())

        def do_POST(self) -> None:
            site.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(201, b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A browser hangs up when it has seen enough."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        site.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join(5)


def make_certificate(folder: Path) -> tuple[Path, str]:
    """Return a file with key and certificate for 127.0.0.1, and the digest of its public key.

    The digest is what Chromium takes to trust one key: SHA-256 of its SPKI, base64.
    """
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    _run(*command, *names, "-keyout", str(key), "-out", str(cert))
    public = _run("openssl", "pkey", "-in", str(key), "-pubout", "-outform", "DER")
    both = folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return both, base64.b64encode(hashlib.sha256(public).digest()).decode()


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
