"""A Python that has imported pytest and its plugins, and forks a process for each run asked for.

It runs nothing itself and starts no thread. ``process.py`` starts it as a script, so that nothing
of ``tests`` is in a forked process. What is asked is ``(command, folder, variables, leader)`` and
three open files; the answers are the process id and, at the end, the wait status of the kernel.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import marshal
import os
import pkgutil
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from remembering import remember  # type: ignore[import-not-found]  # found beside the script

# Ours that a run imports when it needs them; none of them brings a wire library with it.
PACKAGES = ("manifest", "gate", "approvals", "reports", "plugin", "cli")
WIRES = ("eth_account", "httpx", "web3", "sqlalchemy", "jsonschema", "cryptography", "hypothesis")
LONGEST = 1 << 20  # bytes of one request


class Preloading:
    """Ends pytest before it configures anything, when it has imported its plugins as ever."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        """Import what runs import later, while the import hook of pytest is in place."""
        for package in PACKAGES:
            found = importlib.import_module(f"pytest_metarelease.{package}")
            for one in pkgutil.iter_modules(found.__path__, f"{found.__name__}."):
                importlib.import_module(one.name)
        remember(config.pluginmanager.get_plugins())
        return 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A process that is to be: its command without the interpreter, and what it is given."""

    command: tuple[str, ...]
    folder: str
    variables: dict[str, str]
    leader: bool  # of a session and a process group of its own
    files: tuple[int, ...]


class Serving:
    """Forks what is asked for, until another process has ended or closed its end of a pipe."""

    def __init__(self, listener: socket.socket, alive: int) -> None:
        self.listener = listener
        self.running: dict[int, int] = {}  # process id by pidfd
        self.askers: dict[int, socket.socket] = {}  # by process id
        self.selector = selectors.PollSelector()
        self.selector.register(listener, selectors.EVENT_READ, self.fork)
        self.selector.register(alive, selectors.EVENT_READ, self.retire)
        self.open = True

    def serve(self) -> Asked | None:
        """Return what was asked for in each forked process, and None here at the end."""
        while self.open or self.running:
            for key, _ in self.selector.select():
                asked = key.data(key.fd) if key.fd in self.selector.get_map() else None
                if asked is not None:
                    return Asked(*asked)
        return None

    def retire(self, alive: int) -> None:
        """Ask for nothing more; what runs has its end, or an asker who goes away."""
        self.selector.unregister(alive)
        self.selector.unregister(self.listener)
        self.open = False

    def fork(self, _listener: int) -> tuple[object, ...] | None:
        """Fork, and return in the new process what it is to become."""
        asker, _ = self.listener.accept()
        content, files, _, _ = socket.recv_fds(asker, LONGEST, 3)
        if not content:
            asker.close()
            return None
        command, folder, variables, leader = marshal.loads(content)  # noqa: S302 - from ourselves
        pid = os.fork()
        if pid == 0:
            self._forget()
            if leader:
                os.setsid()  # before anybody is told the number of the group
            with asker:
                asker.send(b"%d" % os.getpid())
            return command, folder, variables, leader, tuple(files)
        for one in files:
            os.close(one)
        pidfd = os.pidfd_open(pid)
        self.running[pidfd], self.askers[pid] = pid, asker
        self.selector.register(pidfd, selectors.EVENT_READ, self.reap)
        self.selector.register(asker, selectors.EVENT_READ, self.kill)
        return None

    def reap(self, pidfd: int) -> None:
        """Tell the asker how a process ended."""
        pid = self.running.pop(pidfd)
        self.selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        with self.askers.pop(pid) as asker:
            with contextlib.suppress(KeyError):
                self.selector.unregister(asker)
            with contextlib.suppress(OSError):
                asker.send(b"%d" % status)

    def kill(self, asker: int) -> None:
        """Kill a process whose asker went away."""
        self.selector.unregister(asker)
        (pid,) = [pid for pid, one in self.askers.items() if one.fileno() == asker]
        os.kill(pid, signal.SIGKILL)

    def _forget(self) -> None:
        """Close in a forked process what belongs to the others."""
        for one in self.running:
            os.close(one)
        for told in self.askers.values():
            told.close()
        self.listener.close()


def main() -> None:
    """Preload and serve; in each forked process become what was asked for."""
    address, sys.path[:] = sys.argv[1], sys.path[1:]
    pytest.main(["-p", "no:hypothesispytest", "-p", "no:anyio"], plugins=[Preloading()])
    del sys.modules["remembering"]
    loaded = [one for one in WIRES if one in sys.modules]
    if sys.argv[2:] == ["wired"]:
        loaded = []
        for one in WIRES[:-1]:
            with contextlib.suppress(ModuleNotFoundError):  # not all need be installed
                importlib.import_module(one)
    if loaded:
        sys.exit(f"preloaded what no run has at its start: {', '.join(loaded)}")
    tempfile.tempdir = None
    gc.collect()
    gc.freeze()
    listener = listening(address)
    known = {one.partition(".")[0] for one in sys.modules}
    os.write(1, f"{' '.join(sorted(known))}\n".encode())
    asked = Serving(listener, alive=0).serve()
    if asked is None:
        # Also where the process that started us was killed and cannot do it.
        shutil.rmtree(Path(address).parent, ignore_errors=True)
        return
    try:
        become(asked)
    except SystemExit as ending:
        end(ending.code)
        raise


def end(code: object) -> None:
    """End as the interpreter does, without taking down every module: that costs most of a run.

    Returns, for the interpreter to end as ever, where there is more to it than a number.
    """
    if not isinstance(code, int | None):
        return
    threading._shutdown()  # type: ignore[attr-defined] # what the interpreter calls at its end
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit((code or 0) & 0xFF)


def listening(address: str) -> socket.socket:
    """Return a socket on which processes can be asked for."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    return listener


def become(asked: Asked) -> None:
    """Be the process that was asked for, to the end of the interpreter."""
    for target, source in enumerate(asked.files):
        os.dup2(source, target)
        os.close(source)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.variables)
    command = list(asked.command)
    if starts_pythons(command):
        nested = nursery(Path(sys.argv[1]).parent)
        if nested is not None:
            become(nested)
            return
    execute(command)


def starts_pythons(command: list[str]) -> bool:
    """Return whether a command starts interpreters that could be forked as well."""
    if command[:1] == ["-u"]:
        return False
    wraps = any(one in ("run", "lock") for one in command[1:2])
    return wraps or any(one.startswith("-n") for one in command)


def nursery(folder: Path) -> Asked | None:
    """Fork a server that knows nothing of this run yet, and name it as the interpreter to start.

    The processes that it forks are of our process group. None here, what was asked for in those.
    """
    own = Path(tempfile.mkdtemp(dir=folder))
    listener = listening(str(own / "socket"))
    (own / "python").symlink_to(folder / "python")
    before = os.pidfd_open(os.getpid())
    if os.fork() == 0:
        with Path(os.devnull).open("r+b", buffering=0) as nothing:
            for one in (0, 1, 2):
                os.dup2(nothing.fileno(), one)
        asked = Serving(listener, alive=before).serve()
        if asked is None:
            os._exit(0)
        os.close(before)
        return asked
    os.close(before)
    listener.close()
    sys.executable = str(own / "python")
    return None


def execute(command: list[str]) -> None:
    """Do what the interpreter does with its command line; our own names are gone before."""
    import runpy
    from types import ModuleType

    main = sys.modules["__main__"] = ModuleType("__main__")
    if command[:1] == ["-m"]:
        sys.argv[:] = command
        sys.argv[1:2] = []
        sys.path.insert(0, str(Path.cwd()))
        # What xdist keeps of the start of the interpreter, for its workers.
        sys.modules["xdist.plugin"]._sys_path[:] = sys.path
        runpy._run_module_as_main(command[1])  # type: ignore[attr-defined] # what -m calls
    elif command[:2] == ["-u", "-c"]:
        sys.argv[:] = ["-c", *command[3:]]
        sys.path.insert(0, "")
        exec(command[2], main.__dict__)  # noqa: S102 - as python -c does
    else:
        path = Path(command[0])
        sys.argv[:] = command
        sys.path.insert(0, str(path.parent))
        main.__dict__["__file__"] = command[0]
        exec(compile(path.read_bytes(), command[0], "exec"), main.__dict__)  # noqa: S102


if __name__ == "__main__":
    main()
