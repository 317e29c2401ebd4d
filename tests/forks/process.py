"""Starts a process that is forked instead of a fresh interpreter, where both come to the same.

It forks nothing whose start is what is tried: other ``PYTHON...`` variables, plugins switched off
by variables, files of the project that would be imported instead of ours. Those start afresh.
"""

from __future__ import annotations

import atexit
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEADLINE = 60.0  # seconds for an answer of the server
HERE = Path(__file__).parent
METARELEASE = str(Path(sys.executable).with_name("metarelease"))
# Read when the interpreter or pytest starts, so that only equal ones can be had from a fork.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "TZ")
_PLUGINS = ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS")


class Process(Protocol):
    """What tests ask of a started process; ``subprocess.Popen`` is one."""

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended."""

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""


class ServerError(Exception):
    """The process that forks for us has ended; what it printed is in the message."""


class Forked:
    """A process that a server forked; its exit code is the one that the kernel gave."""

    def __init__(self, server: Server, asker: socket.socket, pid: int) -> None:
        self.pid = pid
        self._server, self._asker = server, asker
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended."""
        if self._code is None:
            self._asker.settimeout(timeout)
            try:
                answer = self._asker.recv(100) if self._asker.fileno() >= 0 else b""
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            if not answer:
                self._asker.close()
                raise ServerError(self._server.last_words())
            self._code = os.waitstatus_to_exitcode(int(answer))
            self._asker.close()
        return self._code

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)


class Server:
    """One server, started with the variables that every run has, with or without the wires."""

    def __init__(self, variables: Mapping[str, str], *, wired: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="forks-"))
        self._at_start = at_start(variables)
        (self.folder / "variables").write_bytes(marshal.dumps(self._at_start))
        self._stand_in()
        with (self.folder / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, HERE / "server.py", self._address, *(["wired"] if wired else [])],
                cwd=self.folder,
                env=dict(variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self.modules = frozenset(self._process.stdout.readline().decode().split())
        if not self.modules:
            raise ServerError(self.last_words())

    @property
    def _address(self) -> str:
        return str(self.folder / "socket")

    def _stand_in(self) -> None:
        """Write the program that stands for the interpreter in forked runs."""
        script = self.folder / "python"
        script.write_text(f"#!{sys.executable} -IS\n" + (HERE / "python.py").read_text())
        script.chmod(0o700)

    def can(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> bool:
        """Return whether a fork of the server is what a fresh interpreter would be."""
        known = list(command[:3]) == [sys.executable, "-m", "pytest"] or command[0] == METARELEASE
        same = at_start(variables) == self._at_start and not any(map(variables.get, _PLUGINS))
        return known and same and not self.modules & set(map(_imported_as, folder.iterdir()))

    def start(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        output: IO[str],
        errors: IO[str] | None = None,
    ) -> Forked:
        """Fork a process in a session of its own; its input is empty.

        Errors go to ``output`` as well where no other file is given for them.
        """
        asker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asker.settimeout(DEADLINE)
        own = tuple(command[1:]) if command[0] == sys.executable else tuple(command)
        asked = marshal.dumps((own, str(folder), dict(variables), True))
        with Path(os.devnull).open("rb") as nothing:
            files = [nothing.fileno(), output.fileno(), (errors or output).fileno()]
            try:
                asker.connect(self._address)
                socket.send_fds(asker, [asked], files)
                answer = asker.recv(100)
            except OSError as error:
                asker.close()
                raise ServerError(self.last_words()) from error
        if not answer:
            asker.close()
            raise ServerError(self.last_words())
        return Forked(self, asker, int(answer))

    def last_words(self) -> str:
        """Return why nothing more can be had from this server."""
        code = self._process.poll()
        said = (self.folder / "errors").read_text(errors="replace")[-2000:]
        return f"the server of forks does not answer (exit {code}): {said}"

    def close(self) -> None:
        """End the server and, through it, nothing else: what runs has an asker or is killed."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            self._process.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _imported_as(path: Path) -> str | None:
    """Return the name of the module that a file or folder may be; ``pytest.ini`` is none."""
    importable = path.name.endswith(tuple(all_suffixes())) or path.is_dir()
    return path.name.partition(".")[0] if importable else None


def at_start(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an interpreter reads when it starts."""
    return {name: value for name, value in variables.items() if name.startswith(_AT_START)}


@cache
def serving(variables: tuple[tuple[str, str], ...], wired: bool = False) -> Server:
    """Return the one server of its kind in this process, ended when it ends."""
    made = Server(dict(variables), wired=wired)
    atexit.register(made.close)
    return made
