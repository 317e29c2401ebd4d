"""Events of one address over many blocks, read in pieces that the node takes.

Refuses logs that nobody asked for: of another address, outside the blocks, or removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, RefusedError, TooLargeError
from pytest_metarelease.probes.chain.quantities import listing, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import recheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot

_MOST = 200_000
_AT_ONCE = 20


def logs_of(
    rpc: Rpc, snapshot: Snapshot, address: str, topics: Sequence[str], since: int, chunk: int
) -> list[dict[str, Any]]:
    """Return the logs with one of these first topics, from ``since`` to the pinned block, in order.

    A piece that is too large for the node is halved.

    Raises:
        TooLargeError: There are more than 200,000.
        ProbeError: A piece got no usable answer, or the chain was reorganised meanwhile.
    """
    found: list[dict[str, Any]] = []
    waiting = list(_pieces(since, snapshot.number, chunk))
    while waiting:
        now, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        answers = rpc.batch([_ask(address, topics, first, last) for first, last in now])
        again: list[tuple[int, int]] = []
        for (first, last), answer in zip(now, answers, strict=True):
            if isinstance(answer, RefusedError | TooLargeError) and first < last:
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
