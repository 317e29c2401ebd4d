"""One of several machines: which slice of the checks is run here, and at which block.

Refuses a slice that cannot be, one without a verdict to combine, and a block that is no hash.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from pytest_metarelease.checklist import Scope
    from pytest_metarelease.plugin.state import Run

_MOST = 1_000


def asked(given: str | None) -> tuple[int, int] | None:
    """Return K and N of ``--release-shard K/N``; None where it is not given.

    Raises:
        UsageError: It is no such pair, or K is not between 1 and N.
    """
    if given is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", given)
    shard, shards = (int(one) for one in found.groups()) if found else (0, 0)
    if not 1 <= shard <= shards <= _MOST:
        raise UsageError(
            f"--release-shard {given}: write K/N with K between 1 and N, N at most {_MOST}, for "
            "example 1/3"
        )
    return shard, shards


def block(given: str | None, variables: Mapping[str, str]) -> str:
    """Return the block hash that was asked for, in lower case; empty where none was.

    Raises:
        UsageError: It is no block hash.
    """
    text = given or variables.get("RELEASE_BLOCK", "")
    if text and not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        where = "--release-block" if given else "RELEASE_BLOCK"
        raise UsageError(f"{where} {text[:80]}: a block hash is 0x and 64 hexadecimal digits")
    return text.lower()


def refuse(run: Run) -> None:
    """Refuse what would not be a shard.

    Raises:
        UsageError: There is no verdict to combine, or the sandbox is to have a given block.
    """
    if run.shard is not None and not run.gate.on:
        raise UsageError(
            f"--release-shard is for runs with a verdict, and {run.gate.why}: name a stage, for "
            "example -m post_deploy"
        )
    if run.block and run.gate.on and run.declared.sandbox:
        raise UsageError(
            "--release-block: every sandbox has a chain of its own; it is for the chain that "
            "shards on several machines share"
        )


def locked_in_scope(run: Run, scope: Scope) -> frozenset[str]:
    """Return the checks that the lock demands of the items in scope: what is sliced."""
    from pytest_metarelease.lockfile import read_lock

    lock = read_lock(run.root / "checks.lock")
    return frozenset(
        nodeid for item in scope.items for nodeid in lock.checks(item, run.environment)
    )


def leave_to_others(
    items: list[pytest.Item], run: Run, scope: Scope, nodeid_of: Callable[[str], str]
) -> list[pytest.Item]:
    """Keep the tests of this run's slice in ``items``; return those of the other shards."""
    if run.shard is None:
        return []
    from pytest_metarelease.gate.shards import falls_to, slice_of

    locked = locked_in_scope(run, scope)
    own = slice_of(locked, *run.shard)
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        nodeid = nodeid_of(item.nodeid)
        ours = nodeid in own if nodeid in locked else falls_to(nodeid, *run.shard)
        (kept if ours else left).append(item)
    items[:] = kept
    return left


def refuse_too_many(run: Run, scope: Scope) -> None:
    """Refuse more shards than there are checks: one of them would have nothing to run.

    Raises:
        UsageError: It says how many shards there can be.
    """
    if run.shard is None:
        return
    count = len(locked_in_scope(run, scope))
    if run.shard[1] > max(1, count):
        raise UsageError(
            f"--release-shard {run.shard[0]}/{run.shard[1]}: checks.lock has {count} checks in "
            f"scope for {run.environment}; use at most {max(1, count)} shards"
        )
