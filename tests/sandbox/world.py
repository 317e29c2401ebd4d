"""What the sandbox's tests have in common: starting one, and asking it raw questions.

Refuses to use any of the package's probes: what is tested here must not be its own judge.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_metarelease.sandbox import Settings, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_metarelease.sandbox import Running

VERSION, COMMIT = "2.0.0", "c0ffee" + "0" * 34
DEADLINE = 60.0
EMBEDDED = {"RELEASE_ANVIL": "", "RELEASE_SANDBOX_DATABASE_URL": ""}


def anvil() -> dict[str, str]:
    """The environment that makes a sandbox use anvil."""
    root = Path(__file__).parents[2]
    places = (root / place / "node_modules/.bin/anvil" for place in (".", ".tools"))
    beside = [place for place in places if place.exists()]
    found = os.environ.get("RELEASE_ANVIL") or shutil.which("anvil") or next(iter(beside), None)
    if not found:
        raise RuntimeError(
            "anvil is needed: scripts/test installs it (npm, @foundry-rs/anvil), or set "
            "RELEASE_ANVIL to the program"
        )
    return {"RELEASE_ANVIL": str(found), "RELEASE_SANDBOX_DATABASE_URL": ""}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def sandbox(*faults: str, using: Mapping[str, str] = EMBEDDED) -> Iterator[Running]:
    """A sandbox for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="metarelease-test-") as folder:
        settings = Settings(VERSION, COMMIT, faults, os.getpid(), Path(folder))
        with environment(using):
            running = start(settings, deadline=DEADLINE)
        try:
            yield running
        finally:
            running.stop(10)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own; a body that is not bytes goes as JSON."""
    where = urlsplit(url)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if data is not None else {}
    connection = http.client.HTTPConnection(where.netloc, timeout=30)
    try:
        target = where.path + (f"?{where.query}" if where.query else "")
        connection.request(method, target or "/", data, {**sent, **(headers or {})})
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, lower, answer.read())
    finally:
        connection.close()


def rpc_raw(url: str, method: str, *params: Any) -> Any:
    """The whole JSON-RPC answer."""
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return ask(url, "POST", request).json()


def rpc(url: str, method: str, *params: Any) -> Any:
    """The result of a JSON-RPC request that must succeed."""
    answer = rpc_raw(url, method, *params)
    assert "error" not in answer, f"{method}: {answer['error']}"
    return answer["result"]


def receipts_to(url: str, address: str) -> list[Any]:
    """All receipts of transactions to ``address``, from the first block to the last."""
    last = int(rpc(url, "eth_blockNumber"), 16)
    blocks = (rpc(url, "eth_getBlockReceipts", hex(number)) for number in range(last + 1))
    every = itertools.chain.from_iterable(blocks)
    return [receipt for receipt in every if receipt["to"] == address.lower()]


def processes_of(pid: int) -> dict[int, str]:
    """``pid`` and all that descend from it, with their start times (proc(5), field 22)."""
    parents, starts = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            fields = _stat(int(entry.name))
            if fields is not None:
                parents[int(entry.name)] = int(fields[1])
                starts[int(entry.name)] = fields[19]
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return {member: starts[member] for member in family if member in starts}


def alive(family: Mapping[int, str]) -> dict[int, str]:
    """Those of ``family`` that still run; zombies do not."""
    found = {}
    for pid, started in family.items():
        fields = _stat(pid)
        if fields is not None and fields[0] != "Z" and fields[19] == started:
            found[pid] = started
    return found


def wait_until(true: Callable[[], bool], within: float = 20.0) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
