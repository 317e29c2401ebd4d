"""A real Prometheus that scrapes one target of the test; nothing of it stays."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHIN = 60.0
_PORTS_TRIED = 3
_CONFIG = """\
global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ["{target}"]}}]
"""


@contextmanager
def prometheus_server(target: str) -> Iterator[str]:
    """The URL of a fresh server that scrapes ``/metrics`` of the URL ``target`` ten times a second.

    Raises:
        MissingToolError: Prometheus is not installed.
        RuntimeError: It does not start.
    """
    program = tool("prometheus")
    folder = Path(tempfile.mkdtemp(prefix="metarelease-prometheus-"))
    try:
        (folder / "config.yml").write_text(_CONFIG.format(target=urlsplit(target).netloc))
        server, port = _listening(program, folder)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listening(program: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A server that is ready; another port when somebody was faster."""
    for number in range(_PORTS_TRIED):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        server = _start(program, folder, folder / f"data-{number}", port)
        if _is_ready(server, port):
            return server, port
        _stop(server)
    raise RuntimeError(f"Prometheus did not start: {(folder / 'log').read_text()[-2000:]}")


def _start(program: Path, folder: Path, data: Path, port: int) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'config.yml'}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def _is_ready(server: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + _WITHIN
    while server.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            pass  # it does not listen yet
        finally:
            connection.close()
        time.sleep(0.05)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
