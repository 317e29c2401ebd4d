"""Events of one address over many blocks, read in pieces that the node takes.

Refuses logs that nobody asked for: of another address, outside the blocks, or removed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import DeadlineError, MalformedError, RefusedError, TooLargeError
from pytest_metarelease.probes.chain.envelope import LimitedError
from pytest_metarelease.probes.chain.quantities import listing, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import recheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_metarelease.probes.chain.rpc import Answer, Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot

BUDGET = 60.0
"""Seconds that all logs of one address may take altogether."""

_MOST = 200_000
_AT_ONCE = 20


def logs_of(
    rpc: Rpc,
    snapshot: Snapshot,
    address: str,
    topics: Sequence[str],
    since: int,
    chunk: int,
    *,
    budget: float = BUDGET,
    clock: Callable[[], float] = time.monotonic,
) -> list[dict[str, Any]]:
    """Return the logs with one of these first topics, from ``since`` to the pinned block, in order.

    A piece that is too large for the node is halved; one for which it asks for less traffic is not,
    since two questions would be more. ``budget`` is the time for all pieces, in seconds.

    Raises:
        DeadlineError: The budget ended first.
        LimitedError: The node asks for less traffic, also after waiting.
        TooLargeError: There are more than 200,000.
        ProbeError: A piece got no usable answer, or the chain was reorganised meanwhile.
    """
    found: list[dict[str, Any]] = []
    deadline = clock() + budget
    waiting = list(_pieces(since, snapshot.number, chunk))
    while waiting:
        if clock() > deadline:
            raise DeadlineError(
                f"{rpc.masked}: the logs of {address} from block {since} to {snapshot.number} were "
                f"not read within {budget:g} s; declare roles.since as the block of the "
                "deployment, or a larger roles.chunk"
            )
        now, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        answers = rpc.batch([_ask(address, topics, first, last) for first, last in now])
        again: list[tuple[int, int]] = []
        for (first, last), answer in zip(now, answers, strict=True):
            if _is_too_large(answer) and first < last:
                middle = (first + last) // 2
                again += [(first, middle), (middle + 1, last)]
            elif again:
                again.append((first, last))  # behind a piece that is halved: kept in order
            else:
                found += _checked(settled(answer, "eth_getLogs"), address, topics, first, last)
        waiting = again + waiting
        if len(found) > _MOST:
            raise TooLargeError(f"{rpc.masked}: more than {_MOST} logs of {address}")
    # Logs are asked for by number, so that the chain must be the pinned one before and after.
    recheck(rpc, snapshot)
    return found


def _is_too_large(answer: Answer) -> bool:
    return isinstance(answer, RefusedError | TooLargeError) and not isinstance(answer, LimitedError)


def _pieces(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, size):
        yield start, min(start + size - 1, last)


def _ask(address: str, topics: Sequence[str], first: int, last: int) -> Ask:
    wanted = {
        "address": address,
        "fromBlock": hex(first),
        "toBlock": hex(last),
        "topics": [list(topics)],
    }
    return Ask("eth_getLogs", (wanted,))


def _checked(
    answer: Any, address: str, topics: Sequence[str], first: int, last: int
) -> list[dict[str, Any]]:
    logs = [mapping(one, "log") for one in listing(answer, "eth_getLogs")]
    for log in logs:
        named = listing(log.get("topics"), "topics of a log")
        fits = (
            str(log.get("address")).lower() == address.lower()
            and bool(named)
            and str(named[0]).lower() in topics
            and first <= quantity(log.get("blockNumber"), "block of a log") <= last
        )
        if not fits or log.get("removed"):
            raise MalformedError(f"eth_getLogs answered a log that was not asked for: {log!r:.200}")
    # Order matters: what was granted and then revoked is not held.
    return sorted(
        logs,
        key=lambda log: (
            quantity(log["blockNumber"], "block of a log"),
            quantity(log.get("logIndex"), "index of a log"),
        ),
    )
