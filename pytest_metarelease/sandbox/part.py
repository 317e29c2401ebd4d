"""The entry of every process that the supervisor starts: one part of the product each.

Refuses to outlive the supervisor: the kernel ends a part when its parent dies (Linux), elsewhere
it looks twice a second whether the parent is still there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

_PR_SET_PDEATHSIG = 1


def main(name: str, folder: Path, parent: int, *numbers: int) -> None:
    """Run the part ``name``; ``numbers`` are its sockets, for the balancer also ports."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    if name == "janitor":
        _clean_up_after(parent, folder)
        return
    die_with_parent(parent)
    _run(name, folder, numbers)


def die_with_parent(parent: int) -> None:
    """Make sure that this process ends when ``parent`` does, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def _clean_up_after(parent: int, folder: Path) -> None:
    """Wait until the supervisor was killed, then drop the database it could not drop.

    One that ends in order drops it itself and ends this process before it could look.
    """
    from pytest_metarelease.sandbox import scratch
    from pytest_metarelease.sandbox.book import VARIABLE
    from pytest_metarelease.sandbox.plan import Plan

    database = urlsplit(Plan.read(folder / "plan.json").database).path.removeprefix("/")
    while os.getppid() == parent:
        time.sleep(0.1)
    scratch.drop(os.environ[VARIABLE], database)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _run(name: str, folder: Path, numbers: tuple[int, ...]) -> None:
    # Imported here and not above: each process pays only for what it is.
    from pytest_metarelease.sandbox.plan import Plan

    plan = Plan.read(folder / "plan.json")
    if name == "chain":
        from pytest_metarelease.sandbox.chain import server

        server.serve(_listener(numbers[0]), plan.chain_id, plan.genesis_age)
    elif name in ("api", "api-old"):
        from pytest_metarelease.sandbox.api import app

        app.serve(_listener(numbers[0]), plan, old=name == "api-old")
    elif name == "frontend":
        from pytest_metarelease.sandbox.frontend import site

        site.serve(_listener(numbers[0]), plan)
    elif name == "external":
        from pytest_metarelease.sandbox import external

        external.serve(_listener(numbers[0]), _listener(numbers[1]), plan)
    elif name == "balancer":
        from pytest_metarelease.sandbox import balancer

        balancer.serve(_listener(numbers[0]), numbers[1:])
    else:
        raise SystemExit(f"no part is called {name!r}")


def _listener(descriptor: int) -> socket.socket:
    return socket.socket(fileno=descriptor)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *(int(number) for number in sys.argv[3:]))
