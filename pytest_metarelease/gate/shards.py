"""Which shards of a run are on record, and which are not.

What follows from a missing one is said here; its checks are *not run* like all that left no trace.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Finding, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_metarelease.gate.values import Record


def falls_to(nodeid: str, shard: int, shards: int) -> bool:
    """Return whether a test that is in no lock belongs to slice ``shard`` (from 1) of ``shards``.

    Two machines may see different ones of these, so each goes where its own name says.
    """
    digest = hashlib.sha256(nodeid.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % shards == shard - 1


def slice_of(locked: Iterable[str], shard: int, shards: int) -> frozenset[str]:
    """Return the locked checks of one slice; together they are ``locked``, each check once."""
    return frozenset(sorted(set(locked))[shard - 1 :: shards])


def shard_findings(record: Record) -> Iterator[Finding]:
    """Yield every shard that is missing or there more than once, and counts that disagree."""
    sharded = [one for one in record.parts if one.shards is not None]
    counts = sorted({one.shards for one in sharded if one.shards is not None})
    if len(counts) > 1:
        text = f"the shards are of {' and of '.join(map(str, counts))}: they are of different runs"
        yield _hold("shards-differ", text, "run all shards with one N of --release-shard K/N")
    for shards in counts[:1]:
        found = [one.shard for one in sharded if one.shards == shards]
        missing = [one for one in range(1, shards + 1) if one not in found]
        if missing:
            text = f"{_named(missing)} of {shards} {'is' if len(missing) == 1 else 'are'} missing"
            step = "run it, then combine the packets of all shards with `metarelease combine`"
            yield _hold("shard-missing", text, step)
        for one in sorted({each for each in found if each is not None and found.count(each) > 1}):
            text = f"shard {one} of {shards} was run {found.count(one)} times: the worst counts"
            yield Finding(Verdict.GO, Reason("shard-repeated", text))


def shard_title(record: Record) -> str:
    """Return ``shard 1 of 3`` for a record that is one shard, or some of them; else nothing."""
    sharded = {(one.shard, one.shards) for one in record.parts if one.shards is not None}
    shards = {count for _shard, count in sharded}
    if len(shards) != 1 or not all(one.shards for one in record.parts):
        return ""
    (count,) = shards
    if len(sharded) == count:
        return ""
    return f"{_named([one for one, _count in sorted(sharded) if one is not None])} of {count}"


def oldest(record: Record) -> str:
    """Return when the first of its runs was finished: a record is as old as its oldest part."""
    return min((part.finished_at for part in record.parts), default=record.finished_at)


def _named(numbers: list[int]) -> str:
    """Return ``shard 2``, ``shards 1, 3``; at most ten by their numbers."""
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return f"shard {shown}" if len(numbers) == 1 else f"shards {shown}"


def _hold(code: str, text: str, next_step: str) -> Finding:
    return Finding(Verdict.HOLD, Reason(code, text, next_step))
