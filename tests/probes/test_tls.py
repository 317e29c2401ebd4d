"""TLS as a service speaks it: nothing is verified where there is none, and each defect is told."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ProbeError, UndeclaredError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.probes.tls import TlsProbe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_certificate(folder: Path, *, days: int, name: str) -> Path:
    """Key and self-signed certificate in one file."""
    file = folder / f"{name}-{days}.pem"
    key = folder / f"{name}-{days}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={name}"]
    files = ["-keyout", str(key), "-out", str(file)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("good"), days=60, name="IP:127.0.0.1")


@contextmanager
def speaking(certificate: Path, *, old: bool = False) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up in the handshake is what is tested."""

    with Server(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=True
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def judged(url: str, trusted: Path | None, days: int = 14) -> Notebook:
    context = ssl.create_default_context(cafile=trusted)
    recorder = Notebook()
    recorder.check = "it"
    TlsProbe("service:api", url, recorder, context, timeout=5.0).judge(days)
    return recorder


def test_plain_http_on_loopback_verifies_nothing() -> None:
    with pytest.raises(UndeclaredError, match="not applicable"):
        judged("http://127.0.0.1:1/", None)


def test_plain_http_elsewhere_is_unmet() -> None:
    with pytest.raises(UnmetError, match="https"):
        judged("http://shop.example/", None)


def test_where_nothing_answers_nothing_is_known() -> None:
    with pytest.raises(ProbeError):
        judged("https://127.0.0.1:1/", None)


def test_what_is_right_is_met(good: Path) -> None:
    with speaking(good) as url:
        recorder = judged(url, good)
    judgements = [one.judgement for one in recorder.citations["it"]]
    assert judgements.count(Judgement.MET) == 4
    assert set(judgements) == {Judgement.MET, Judgement.NONE}


def test_who_is_not_trusted_is_unmet(good: Path) -> None:
    with speaking(good) as url, pytest.raises(UnmetError, match="trusted"):
        judged(url, None)


def test_another_host_name_is_unmet(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, days=60, name="DNS:other.example")
    with speaking(other) as url, pytest.raises(UnmetError, match="IP address mismatch"):
        judged(url, other)


def test_what_ends_soon_is_unmet(tmp_path: Path) -> None:
    short = make_certificate(tmp_path, days=3, name="IP:127.0.0.1")
    with speaking(short) as url, pytest.raises(UnmetError, match="days to expiry"):
        judged(url, short)


def test_an_old_protocol_is_unmet(good: Path) -> None:
    with speaking(good, old=True) as url, pytest.raises(UnmetError, match=r"TLS 1\.1"):
        judged(url, good)
