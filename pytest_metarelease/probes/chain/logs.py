"""Events of one address over many blocks, read in pieces that the node takes.

Refuses logs that nobody asked for: of another address, outside the blocks, removed, told twice, or
of a block that is not part of the chain; and a piece that may have been cut off.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    RefusedError,
    TooLargeError,
    WrongTargetError,
)
from pytest_metarelease.probes.chain.envelope import LimitedError
from pytest_metarelease.probes.chain.quantities import block_hash, listing, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import header_of, read_header, recheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_metarelease.probes.chain.rpc import Answer, Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot

BUDGET = 60.0
"""Seconds that all logs of one address may take altogether."""

CHUNK = 5000
"""Blocks that one question is for, where nothing else is declared."""

CUT = 10_000
"""So many logs in one answer are taken for a limit of the node, which it may keep in silence."""

_MOST = 200_000
_AT_ONCE = 20


def every_log(
    rpc: Rpc, snapshot: Snapshot, address: str, first: int, last: int
) -> list[dict[str, Any]]:
    """Return all logs of ``address`` in these blocks, with any topics; raises as ``logs_of``."""
    return logs_of(rpc, snapshot, address, (), first, CHUNK, last=last)


def logs_of(
    rpc: Rpc,
    snapshot: Snapshot,
    address: str,
    topics: Sequence[str],
    since: int,
    chunk: int,
    *,
    last: int | None = None,
    about: str | None = None,
    budget: float = BUDGET,
    clock: Callable[[], float] = time.monotonic,
) -> list[dict[str, Any]]:
    """Return the logs with one of these first topics, from ``since`` to the pinned block, in order.

    Without topics, all of them; with ``about``, a word of 32 bytes, only those whose second topic
    it is; ``last`` may be an earlier block than the pinned one. A piece that
    is too large for the node is halved, and so is one whose answer is as long as nodes cut them;
    one for which it asks for less traffic is not, since two questions would be more. ``budget`` is
    the time for all pieces, in seconds.

    Raises:
        DeadlineError: The budget ended first.
        LimitedError: The node asks for less traffic, also after waiting.
        TooLargeError: There are more than 200,000.
        WrongTargetError: A log's block is not in the chain, or it was reorganised meanwhile.
        ProbeError: A piece got no usable answer.
    """
    found: list[dict[str, Any]] = []
    deadline = clock() + budget
    end = snapshot.number if last is None else last
    waiting = list(_pieces(since, end, chunk))
    wanted = _Wanted(address, tuple(topics), about)
    while waiting:
        if clock() > deadline:
            raise DeadlineError(
                f"{rpc.masked}: the logs of {address} from block {since} to {end} were not read "
                f"within {budget:g} s; declare `since` as the block of the deployment, or a larger "
                "`chunk`"
            )
        now, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        answers = rpc.batch([_ask(wanted, first, last) for first, last in now])
        again: list[tuple[int, int]] = []
        for (low, high), answer in zip(now, answers, strict=True):
            if _is_too_large(answer) and low < high:
                middle = (low + high) // 2
                again += [(low, middle), (middle + 1, high)]
            elif again:
                again.append((low, high))  # behind a piece that is halved: kept in order
            else:
                found += _checked(settled(answer, "eth_getLogs"), wanted, low, high)
        waiting = again + waiting
        if len(found) > _MOST:
            raise TooLargeError(f"{rpc.masked}: more than {_MOST} logs of {address}")
    # Logs are asked for by number, so that the chain must be the pinned one before and after.
    _in_chain(rpc, found)
    recheck(rpc, snapshot)
    return found


def _in_chain(rpc: Rpc, logs: Sequence[dict[str, Any]]) -> None:
    """Return where every log's block is the one of its number."""
    told = {quantity(log["blockNumber"], "block of a log"): log.get("blockHash") for log in logs}
    answers = rpc.batch([header_of(number) for number in told]) if told else []
    known = {
        number: read_header(settled(answer, "eth_getBlockByNumber"), number)["hash"]
        for number, answer in zip(told, answers, strict=True)
    }
    for log in logs:
        number = quantity(log["blockNumber"], "block of a log")
        if block_hash(log.get("blockHash"), "block of a log") != known[number]:
            raise WrongTargetError(
                f"{rpc.masked}: eth_getLogs answered a log of another block {number} than "
                f"{known[number]}: reorganised, or an index that is out of date; run again"
            )


def _is_too_large(answer: Answer) -> bool:
    if isinstance(answer, list) and len(answer) >= CUT:
        return True
    return isinstance(answer, RefusedError | TooLargeError) and not isinstance(answer, LimitedError)


def _pieces(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, size):
        yield start, min(start + size - 1, last)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What logs are asked for: of whom, with one of which first topics, and which second one."""

    address: str
    topics: tuple[str, ...]
    about: str | None

    @property
    def filter(self) -> list[Any]:
        """The topics as ``eth_getLogs`` takes them."""
        first = list(self.topics) or None
        if self.about is None:
            return [] if first is None else [first]
        return [first, [self.about]]

    def fits(self, named: Sequence[Any]) -> bool:
        """Whether these topics were asked for."""
        words = [str(one).lower() for one in named]
        return (not self.topics or words[:1] in [[one] for one in self.topics]) and (
            self.about is None or words[1:2] == [self.about]
        )


def _ask(wanted: _Wanted, first: int, last: int) -> Ask:
    asked = {
        "address": wanted.address,
        "fromBlock": hex(first),
        "toBlock": hex(last),
        "topics": wanted.filter,
    }
    return Ask("eth_getLogs", (asked,))


def _checked(answer: Any, wanted: _Wanted, first: int, last: int) -> list[dict[str, Any]]:
    logs = [mapping(one, "log") for one in listing(answer, "eth_getLogs")]
    for log in logs:
        fits = (
            str(log.get("address")).lower() == wanted.address.lower()
            and wanted.fits(listing(log.get("topics"), "topics of a log"))
            and first <= quantity(log.get("blockNumber"), "block of a log") <= last
        )
        if not fits or log.get("removed"):
            raise MalformedError(f"eth_getLogs answered a log that was not asked for: {log!r:.200}")
    places = [_place(log) for log in logs]
    if len(set(places)) != len(places):
        raise MalformedError(f"eth_getLogs answered a log of {wanted.address} twice")
    # Order matters: what was granted and then revoked is not held.
    return sorted(logs, key=_place)


def _place(log: dict[str, Any]) -> tuple[int, int]:
    return (
        quantity(log["blockNumber"], "block of a log"),
        quantity(log.get("logIndex"), "index of a log"),
    )
