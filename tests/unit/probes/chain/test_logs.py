"""Events in pieces, from a scripted node."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_metarelease.errors import DeadlineError, ProbeError, TooLargeError
from pytest_metarelease.probes.chain.envelope import LimitedError
from pytest_metarelease.probes.chain.logs import logs_of
from pytest_metarelease.probes.chain.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.rpc import Ask, Rpc

ADDRESS = "0x" + "ab" * 20
TOPIC = "0x" + "cd" * 32


@dataclass(slots=True)
class Scripted:
    """A node that answers each question for logs with ``answer``; ``asked`` are their ranges."""

    answer: Any
    asked: list[tuple[int, int]] = field(default_factory=list)
    masked: str = "http://node"

    def batch(self, asks: Sequence[Ask]) -> list[Any]:
        for one in asks:
            wanted = one.params[0]
            self.asked.append((int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)))
        return [self.answer] * len(asks)


def read(node: Scripted, **changes: Any) -> Any:
    snapshot = Snapshot(1, 999, "0x" + "00" * 32, 3)
    return logs_of(cast("Rpc", node), snapshot, ADDRESS, [TOPIC], 0, 500, **changes)


def test_a_node_that_asks_for_less_traffic_is_not_asked_more() -> None:
    node = Scripted(LimitedError("HTTP 429"))
    with pytest.raises(LimitedError, match="rate limited"):
        read(node)
    assert node.asked == [(0, 499), (500, 999)]


def test_a_piece_that_is_too_large_is_halved_until_it_is_one_block() -> None:
    node = Scripted(TooLargeError("more than 10000 results"))
    with pytest.raises(ProbeError, match="10000"):
        read(node)
    assert (0, 249) in node.asked
    assert (0, 0) in node.asked


def test_all_pieces_together_have_a_deadline() -> None:
    ticks = itertools.count(0, 25)
    node = Scripted(TooLargeError("too large"))
    with pytest.raises(DeadlineError, match=r"not read within 60 s.*declare `since`"):
        read(node, budget=60.0, clock=lambda: float(next(ticks)))
    assert len(node.asked) < 20
