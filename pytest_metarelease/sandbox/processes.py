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
    from collections.abc import Callable, Sequence
    from pathlib import Path

_LOOK_EVERY = 0.1
_BACKLOG = 1024


class Parts:
    """All parts of one sandbox. Start them from the main thread only.

    A part dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._logs = folder, folder / "logs"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, tuple[int, ...]] = {}
        self._logs.mkdir()

    def start(self, name: str, *listeners: socket.socket, ports: Sequence[int] = ()) -> None:
        """Start a part of ours with its listening sockets, which are closed here."""
        self._ports[name] = tuple(listener.getsockname()[1] for listener in listeners)
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

    def stop(self, name: str) -> None:
        """Kill a part of ours that ``start_again`` will start again; until then nothing listens."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def start_again(self, name: str) -> None:
        """Start a part that was stopped, on the ports that it had."""
        self.start(name, *(listen(port) for port in self._ports[name]))

    def stall(self, name: str) -> None:
        """Freeze a part: it keeps its connections and says nothing more."""
        self._running[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen part go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def watch(self, obey: Callable[[], None]) -> None:
        """Wait until a part ends by itself, which none should; ``obey`` is called in between.

        Raises:
            SandboxError: one did.
        """
        while True:
            self.check()
            obey()
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


def listen(port: int = 0) -> socket.socket:
    """A listening socket of 127.0.0.1, on a free port where none is given; connections wait."""
    return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)


def url_of(listener: socket.socket) -> str:
    """The origin that clients use: http://127.0.0.1:PORT."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
