"""A TCP connection within one deadline: name, every address of it, and the TLS handshake together.

Refuses to wait longer, whatever the resolver and the other side do.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.names import resolve

if TYPE_CHECKING:
    import ssl

    from pytest_metarelease.probes.clock import Deadline


def dial(host: str, port: int, deadline: Deadline, tls: ssl.SSLContext | None) -> socket.socket:
    """Return a connection to ``host``; each of its addresses is tried with a fair part of the time.

    Raises:
        TimeoutError: The deadline passed.
        OSError: No address of the host answers, or the handshake failed.
    """
    plain = _connected(host, port, deadline)
    if tls is None:
        return plain
    try:
        # One limit for the whole handshake: ``ssl`` counts it down from message to message.
        plain.settimeout(_left(deadline))
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    try:
        addresses = resolve(host, port, deadline)
    except ProbeError as problem:
        if deadline.passed:
            raise TimeoutError(str(problem)) from None
        raise OSError(str(problem)) from None
    last = OSError(f"the name {host} has no address")
    for number, address in enumerate(addresses):
        share = _left(deadline) / (len(addresses) - number)
        try:
            found = socket.create_connection((address, port), timeout=share)
        except OSError as problem:
            last = problem
        else:
            # Else a small request would wait for the acknowledgement of the one before.
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return found
    raise last


def _left(deadline: Deadline) -> float:
    left = deadline.remaining
    if left <= 0:
        raise TimeoutError("the deadline passed while connecting")
    return left
