"""A private PostgreSQL server for tests: own folder, own Unix socket, own free port.

Refuses to use a server that somebody else runs; everything is gone when the block ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHIN = 60.0
_PORTS_TRIED = 3
_HINT = "scripts/test installs PostgreSQL (apt-get install postgresql); or put initdb on PATH."


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a fresh server (``postgresql://postgres@127.0.0.1:PORT/postgres``)."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="metarelease-pg-"))
    try:
        user = _owner(folder)
        data = folder / "data"
        _run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", user=user)
        server, port = _listening(binaries, data, folder, user)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replica_of(primary: str) -> Iterator[str]:
    """The URL of a server that streams from ``primary``, a URL of ``postgres_server``."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="metarelease-pg-"))
    try:
        user = _owner(folder)
        data = folder / "data"
        _run(binaries / "pg_basebackup", "-D", data, "-d", primary, "-R", "-c", "fast", user=user)
        server, port = _listening(binaries, data, folder, user)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listening(
    binaries: Path, data: Path, folder: Path, user: str | None
) -> tuple[subprocess.Popen[bytes], int]:
    """A server that accepts connections; another port when somebody was faster."""
    for _ in range(_PORTS_TRIED):
        port = _free_port()
        server = _start(binaries / "postgres", data, folder, port, user)
        if _accepts(binaries / "pg_isready", server, port):
            return server, port
        _stop(server)
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # "fast": ends its clients
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _binaries() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not packaged:
        raise RuntimeError(f"there is no PostgreSQL on this machine. {_HINT}")
    return packaged[-1].parent


def _owner(folder: Path) -> str | None:
    """PostgreSQL will not run as root; as anybody else it runs as ourselves."""
    if os.geteuid() != 0:
        return None
    postgres = pwd.getpwnam("postgres")
    os.chown(folder, postgres.pw_uid, postgres.pw_gid)
    return "postgres"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _start(
    program: Path, data: Path, folder: Path, port: int, user: str | None
) -> subprocess.Popen[bytes]:
    options = {"fsync": "off", "max_connections": "40", "listen_addresses": "127.0.0.1"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [program, "-D", data, "-k", folder, "-p", str(port), *settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=user,
            cwd=folder,
        )


def _accepts(program: Path, server: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + _WITHIN
    command: list[str | Path] = [program, "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(command, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _run(*command: str | Path, user: str | None) -> None:
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)
