"""Addresses of a host, within a deadline.

It refuses to wait for the system's resolver, which knows no time limit of its own.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from typing import TYPE_CHECKING

from pytest_metarelease.errors import DeadlineError, UnreachableError

if TYPE_CHECKING:
    from pytest_metarelease.probes.clock import Deadline


def resolve(host: str, port: int, deadline: Deadline) -> list[str]:
    """Return the addresses of ``host``.

    The system's resolver knows no time limit, so it is asked in a thread that may be left behind.

    Raises:
        DeadlineError: There was no answer in time.
        UnreachableError: The name has no address.
    """
    if _is_address(host):
        return [host]
    answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_ask_resolver, args=(host, port, answer), daemon=True).start()
    try:
        found = answer.get(timeout=max(deadline.remaining, 0.001))
    except queue.Empty:
        raise DeadlineError(f"the name {host} was not resolved in time") from None
    if isinstance(found, OSError):
        raise UnreachableError(f"the name {host} has no address: {found}") from None
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ask_resolver(host: str, port: int, answer: queue.SimpleQueue[list[str] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answer.put(error if isinstance(error, OSError) else OSError(str(error)))
    else:
        answer.put([str(one[4][0]) for one in found])
