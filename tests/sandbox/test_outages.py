"""Outages of a real sandbox: a part is gone or hangs when it is asked for, and back after that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import SandboxError
from tests.postgres import postgres_server
from tests.sandbox.world import EMBEDDED, ask, processes_of, sandbox, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.sandbox import Running


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with sandbox(using=EMBEDDED) as started:
        yield started


def health(running: Running) -> dict[str, str]:
    answer = ask(running.variables["SANDBOX_API_URL"] + "/api/health").json()
    found: dict[str, str] = answer["dependencies"]
    return found


def test_what_is_unknown_is_not_done(running: Running) -> None:
    before = processes_of(running.pid)
    for part, state in (("api", "down"), ("janitor", "stalled"), ("chain", "down")):
        with pytest.raises(SandboxError, match="cannot be"):
            running.put(part, state)
    for part, state in (("chain", "gone"), ("../chain", "down")):
        with pytest.raises(SandboxError, match="a part is up, down, stalled"):
            running.put(part, state)
    assert processes_of(running.pid) == before


@pytest.mark.parametrize(
    ("part", "state", "blamed"),
    [
        ("external", "down", "external_apis"),
        ("external", "stalled", "external_apis"),
        ("chain", "stalled", "smart_contracts"),
        ("database", "down", "database"),
        ("database", "stalled", "database"),
    ],
)
def test_an_outage_is_real_and_ends(running: Running, part: str, state: str, blamed: str) -> None:
    wait_until(lambda: set(health(running).values()) == {"healthy"})
    running.put(part, state)
    wait_until(lambda: health(running)[blamed] == "unhealthy")
    running.put(part, "up")
    wait_until(lambda: set(health(running).values()) == {"healthy"})
    assert running.alive()


def test_a_part_that_ends_by_itself_still_ends_the_sandbox() -> None:
    import os
    import signal
    from pathlib import Path

    with sandbox(using=EMBEDDED) as running:
        running.put("external", "down")
        running.put("external", "up")
        for pid in processes_of(running.pid):
            if "\0external\0" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not running.alive())


def test_outages_of_a_database_in_postgresql() -> None:
    with (
        postgres_server() as server,
        sandbox(using={"RELEASE_ANVIL": "", "RELEASE_SANDBOX_DATABASE_URL": server}) as running,
    ):
        for state in ("down", "stalled", "down"):
            running.put("database", state)
            wait_until(lambda: health(running)["database"] == "unhealthy")
            running.put("database", "up")
            wait_until(lambda: set(health(running).values()) == {"healthy"})
