"""The processes of one sandbox: started, watched and ended together.

Refuses to leave any behind: all are killed at the end, and the kernel kills them should the
supervisor itself be killed first (Linux).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox.part import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LOOK_EVERY = 0.2
_BACKLOG = 1024


class Parts:
    """All parts of one sandbox. Start them from the main thread only.

    A part dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._logs = folder, folder / "logs"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs.mkdir()

    def start(self, name: str, *listeners: socket.socket, ports: Sequence[int] = ()) -> None:
        """Start a part of ours with its listening sockets, which are closed here."""
        numbers = [*(listener.fileno() for listener in listeners), *ports]
        module = "pytest_metarelease.sandbox.part"
        arguments = [str(self._folder), str(os.getpid()), *map(str, numbers)]
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", module, name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[listener.fileno() for listener in listeners],
            )
        for listener in listeners:
            listener.close()

    def start_program(self, name: str, command: Sequence[str]) -> Path:
        """Start somebody else's program; returns the file that its output goes to."""
        parent = os.getpid()
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603 - named by the user or on PATH
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Safe here: no other thread of the supervisor holds a lock across the fork.
                preexec_fn=lambda: die_with_parent(parent),
            )
        return self._log(name)

    def check(self) -> None:
        """Nothing, unless a part has ended.

        Raises:
            SandboxError: one has; its log says why.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise SandboxError(f"the sandbox's {name} ended with code {process.returncode}")

    def watch(self) -> None:
        """Wait until a part ends, which none should.

        Raises:
            SandboxError: one did.
        """
        while True:
            self.check()
            time.sleep(_LOOK_EVERY)

    def end(self) -> None:
        """Kill all; none keeps anything that a milder end would save."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        for process in self._running.values():
            process.wait()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def listen() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1; connections wait until a part takes them."""
    return socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)


def url_of(listener: socket.socket) -> str:
    """The origin that clients use: http://127.0.0.1:PORT."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
