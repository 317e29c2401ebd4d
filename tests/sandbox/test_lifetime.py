"""A sandbox ends when it is told to, when its owner is killed, and when its supervisor is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import SandboxError, UsageError
from pytest_metarelease.sandbox import Running, Settings, start
from tests.sandbox.world import (
    COMMIT,
    EMBEDDED,
    VERSION,
    alive,
    anvil,
    environment,
    processes_of,
    sandbox,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = """
    import os, sys, time
    from pathlib import Path
    from pytest_metarelease.sandbox import Settings, start
    settings = Settings("2.0.0", "0" * 40, (), os.getpid(), Path(sys.argv[1]))
    start(settings, deadline=60)
    print("up", flush=True)
    time.sleep(600)
"""
NODES = pytest.mark.parametrize("node", ["embedded", "anvil"])


def using(node: str) -> Mapping[str, str]:
    return EMBEDDED if node == "embedded" else anvil()


@NODES
def test_stop_ends_everything(node: str) -> None:
    with sandbox("old-replica", using=using(node)) as running:
        family = processes_of(running.pid)
        assert len(family) == 7  # supervisor, node, two replicas, balancer, frontend, external
        assert alive(family) == family
        running.stop(10)
        assert alive(family) == {}
        assert not running.alive()
        with pytest.raises(SandboxError, match="no sandbox is up"):
            Running.read(running.folder)


@NODES
def test_a_killed_supervisor_leaves_nothing(node: str) -> None:
    with sandbox(using=using(node)) as running:
        family = processes_of(running.pid)
        assert len(family) == 5
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: alive(family) == {})


@NODES
def test_a_killed_owner_takes_it_along(node: str) -> None:
    node_of = using(node)
    folder = Path(tempfile.mkdtemp(prefix="metarelease-test-"))
    with environment(node_of):
        owner = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(OWNER), folder], stdout=subprocess.PIPE
        )
    assert owner.stdout is not None
    with owner, owner.stdout:
        try:
            assert owner.stdout.readline() == b"up\n"
            family = processes_of(Running.read(folder).pid)
            assert len(family) == 5
        finally:
            owner.kill()
        wait_until(lambda: alive(family) == {})
        wait_until(lambda: not folder.exists())


def test_a_lost_part_ends_the_rest() -> None:
    with sandbox(using=anvil()) as running:
        family = processes_of(running.pid)
        part = next(pid for pid in family if pid != running.pid)
        os.kill(part, signal.SIGKILL)
        wait_until(lambda: alive(family) == {})
        wait_until(lambda: not running.alive())


def test_another_process_may_attach_and_stop_it() -> None:
    with sandbox(using=anvil()) as running:
        attached = Running.read(running.folder)
        assert attached == running
        assert attached.alive()
        attached.stop(10)
        assert not attached.alive()


def test_a_recycled_pid_is_left_alone() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stranger = Running(os.getpid(), {}, Path(folder), started="1")
        assert not stranger.alive()
        stranger.stop(1)


def test_a_sandbox_that_cannot_start_says_why(tmp_path: Path) -> None:
    settings = Settings(VERSION, COMMIT, (), os.getpid(), tmp_path)
    nowhere = {**EMBEDDED, "RELEASE_ANVIL": "/no/such/anvil"}
    with environment(nowhere), pytest.raises(SandboxError, match="RELEASE_ANVIL names"):
        start(settings, deadline=30)


def test_a_database_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(VERSION, COMMIT, (), os.getpid(), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"postgresql://nobody@127.0.0.1:{free.getsockname()[1]}/none"
    nowhere = {**EMBEDDED, "RELEASE_SANDBOX_DATABASE_URL": url}
    with environment(nowhere), pytest.raises(SandboxError, match="could not be made"):
        start(settings, deadline=30)


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    settings = Settings(VERSION, COMMIT, (), os.getpid(), tmp_path)
    other = {**EMBEDDED, "RELEASE_SANDBOX_DATABASE_URL": "mysql://127.0.0.1/x"}
    with environment(other), pytest.raises(SandboxError, match="must be a postgresql"):
        start(settings, deadline=30)


def test_a_sandbox_that_is_late_is_ended(tmp_path: Path) -> None:
    settings = Settings(VERSION, COMMIT, (), os.getpid(), tmp_path)
    before = set(processes_of(os.getpid()))
    with environment(EMBEDDED), pytest.raises(SandboxError, match=r"not up after 0.01 s"):
        start(settings, deadline=0.01)
    assert set(processes_of(os.getpid())) <= before


def test_an_unknown_fault_starts_nothing(tmp_path: Path) -> None:
    settings = Settings(VERSION, COMMIT, ("api-slwo",), os.getpid(), tmp_path)
    with pytest.raises(UsageError, match="did you mean api-slow"):
        start(settings, deadline=1)
    assert list(tmp_path.iterdir()) == []


def test_the_command_keeps_one_until_it_is_interrupted() -> None:
    code = (
        "import sys\n"
        "from pytest_metarelease.sandbox.command import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    with environment(EMBEDDED):
        command = subprocess.Popen(
            [sys.executable, "-c", code, "--fault", "old-release"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert command.stdout is not None
    with command:
        try:
            lines: list[str] = []
            until = time.monotonic() + 60
            while not lines or lines[-1] != "Ctrl-C ends it.":
                assert time.monotonic() < until
                lines.append(command.stdout.readline().rstrip("\n"))
                assert lines[-1] or command.poll() is None, "it ended"
            family = processes_of(command.pid)
            assert len(family) == 6
            command.send_signal(signal.SIGINT)
            assert command.wait(20) == 0
        finally:
            command.kill()
    assert alive(family) == {}
    shown = "\n".join(lines)
    assert "(old-release)" in shown
    assert "SANDBOX_ESCROW" in shown
    assert "/api/health" in shown
