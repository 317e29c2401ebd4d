"""Finds anvil, Foundry's node, and starts it the way the sandbox needs it.

Refuses to install it: without one the embedded node serves.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.sandbox.processes import Parts

VARIABLE = "RELEASE_ANVIL"
_LISTENING = re.compile(r"Listening on (127\.0\.0\.1:\d+)")
_WITHIN = 10.0


def find_anvil(environment: Mapping[str, str]) -> Path | None:
    """The program that ``RELEASE_ANVIL`` names, else the one on PATH, else None.

    An empty ``RELEASE_ANVIL`` means the embedded node even where anvil is installed.

    Raises:
        SandboxError: ``RELEASE_ANVIL`` names something that cannot be run.
    """
    named = environment.get(VARIABLE)
    if named == "":
        return None
    found = shutil.which(named or "anvil", path=environment.get("PATH"))
    if found is None:
        if named is None:
            return None
        raise SandboxError(
            f"{VARIABLE} names {named!r}, which is not a program that can be run. Correct it, or "
            f"set it empty to use the embedded node."
        )
    return _native(Path(found).resolve())


def _native(program: Path) -> Path:
    """The program behind npm's launcher, a script that would be one process more to end."""
    with program.open("rb") as file:
        if file.read(2) != b"#!":
            return program
    beside = sorted(program.parent.parent.glob("anvil-*/bin/anvil"))
    return beside[0] if beside else program


def start_anvil(parts: Parts, program: Path, chain_id: int, genesis_age: int) -> str:
    """Start it on a free port, its first block dated back by so many seconds; returns its URL.

    Raises:
        SandboxError: it did not listen within ten seconds.
    """
    log = parts.start_program(
        "chain",
        [
            str(program),
            *("--host", "127.0.0.1", "--port", "0", "--chain-id", str(chain_id)),
            *("--accounts", "10", "--balance", "10000", "--gas-limit", "30000000"),
            *("--hardfork", "cancun", "--order", "fifo"),
            *("--timestamp", str(int(time.time()) - genesis_age)),
        ],
    )
    until = time.monotonic() + _WITHIN
    while time.monotonic() < until:
        told = _LISTENING.search(log.read_text(encoding="utf-8", errors="replace"))
        if told is not None:
            return f"http://{told[1]}"
        parts.check()
        time.sleep(0.005)
    raise SandboxError(f"{os.fspath(program)} did not listen within {_WITHIN:g} s")
