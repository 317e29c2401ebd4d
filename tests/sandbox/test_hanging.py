"""A part that hangs is as bad as one that is gone, and health says so while it still hangs."""

from __future__ import annotations

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.world import ask, processes_of, sandbox, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.sandbox import Running


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with sandbox() as started:
        yield started


def health(running: Running) -> tuple[int, dict[str, str]]:
    answer = ask(running.variables["SANDBOX_API_URL"] + "/api/health")
    return answer.status, answer.json()["dependencies"]


def well(running: Running) -> bool:
    return health(running)[0] == 200


def part(running: Running, name: str) -> int:
    for pid in processes_of(running.pid):
        if f"\0{name}\0" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
            return pid
    raise AssertionError(f"there is no part {name}")


@pytest.mark.parametrize(
    ("name", "blamed", "status"),
    [("chain", "smart_contracts", 503), ("external", "external_apis", 200)],
)
def test_a_hanging_process_is_noticed(
    running: Running, name: str, blamed: str, status: int
) -> None:
    stopped = part(running, name)
    os.kill(stopped, signal.SIGSTOP)
    try:
        wait_until(lambda: health(running)[1][blamed] == "unhealthy")
        # All at once: nobody waits for the answers to the others.
        with ThreadPoolExecutor(16) as clients:
            found = list(clients.map(lambda _: health(running), range(16)))
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert {code for code, _ in found} == {status}
    others = {part for _, parts in found for part, word in parts.items() if word == "unhealthy"}
    assert others == {blamed}
    wait_until(lambda: well(running))


def test_a_locked_database_is_noticed(running: Running) -> None:
    path = running.variables["SANDBOX_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        wait_until(lambda: health(running)[1]["database"] == "unhealthy")
        assert health(running)[0] == 503
        assert ask(running.variables["SANDBOX_API_URL"] + "/api/orders").status == 503
        connection.execute("ROLLBACK")
    wait_until(lambda: well(running))
