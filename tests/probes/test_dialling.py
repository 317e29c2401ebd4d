"""Connecting within one deadline: a resolver that hangs, a server that never shakes hands."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import DeadlineError
from pytest_metarelease.probes.chain.wire import Wire as ChainWire
from pytest_metarelease.probes.clock import Deadline
from pytest_metarelease.probes.dialling import dial
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.load import sample
from tests.probes.hostile import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    released = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        released.wait(30)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    released.set()


@pytest.fixture
def mute() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def test_trivially_no_time_is_no_connection(mute: int) -> None:
    with pytest.raises(TimeoutError):
        dial("127.0.0.1", mute, Deadline.after(0), None)


def test_nobody_there_is_said() -> None:
    port = int(closed_port().rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        dial("127.0.0.1", port, Deadline.after(5), None)


@pytest.mark.usefixtures("_hanging_resolver")
def test_a_resolver_that_hangs_is_left_behind() -> None:
    with pytest.raises(TimeoutError, match="not resolved in time"):
        dial("node.example", 443, Deadline.after(0.05), None)
    wire = ChainWire("http://node.example/")
    with pytest.raises(DeadlineError):
        wire.post(b"{}", deadline=Deadline.after(0.05).moment)
    url = "http://node.example:1"
    taken = sample(url, ["/"], rate=100, samples=3, timeout=0.05, hosts=Hosts.these([url]))
    assert [one.status for one in taken.trials] == [None] * 3


def test_a_handshake_that_never_ends_is_left(mute: int) -> None:
    with pytest.raises(TimeoutError):
        dial("127.0.0.1", mute, Deadline.after(0.05), ssl.create_default_context())
    wire = ChainWire(f"https://127.0.0.1:{mute}/")
    with pytest.raises(DeadlineError):
        wire.post(b"{}", deadline=Deadline.after(0.05).moment)
    wire.close()


def test_a_handshake_that_drips_is_left() -> None:
    stopping = threading.Event()

    def drip(server: socket.socket) -> None:
        taken, _ = server.accept()
        with taken:
            # The start of a TLS record of 16 kB, byte by byte: each read is quick, none is the end.
            taken.sendall(b"\x16\x03\x03\x40\x00")
            while not stopping.wait(0.01):
                try:
                    taken.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        with pytest.raises((TimeoutError, ssl.SSLError)):
            dial(
                "127.0.0.1",
                server.getsockname()[1],
                Deadline.after(0.3),
                ssl.create_default_context(),
            )
        stopping.set()
        thread.join(5)
