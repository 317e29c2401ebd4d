"""The node itself: whether it is in sync, how old its newest block is, and what gas costs there.

Asked before and beside the pinned block: a node that has stalled pins nothing, and this says why.
What it says is unknown, never a pass, where the node is behind; sends nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median_high
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, NotReadyError, ProbeError, UndeclaredError
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.quantities import mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import (
    check_chain,
    fetch_header,
    header_of,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Chain


_PRICED = 20
"""How many blocks say what gas costs now."""


@dataclass(frozen=True, slots=True)
class Aged:
    """A block by its number, and how many seconds ago it was made."""

    number: int
    age: float


class NodeProbe:
    """One declared node. Subject of its measurements: ``chain``. ``now`` tells Unix seconds."""

    def __init__(
        self, chain: Chain, rpc: Rpc, recorder: Recorder, *, now: Callable[[], float] = time.time
    ) -> None:
        self._chain = chain
        self._rpc = rpc
        self._now = now
        self._asking = Asking(recorder, "chain", f"at {rpc.masked}")

    def in_sync(self) -> None:
        """Judge that the node is on the declared chain and does not say that it is behind.

        Raises:
            NotReadyError: It is catching up, so that what it answers may be old.
            ProbeError: No usable answer.
        """

        def question() -> Any:
            check_chain(self._rpc, self._chain.id)
            return self._rpc.call("eth_syncing")

        said, seen = self._asking.ask(
            "eth_syncing", question, show=lambda found: f"{_progress(found)}"
        )
        if said is False:
            self._asking.met(seen, "the node is in sync", "it says so")
            return
        if not isinstance(said, dict):
            raise self._unclear(seen, MalformedError(f"eth_syncing: {said!r:.60} says nothing"))
        raise self._unclear(
            seen,
            NotReadyError(f"{self._rpc.masked}: it is catching up: {_progress(said)}"),
            "wait until the node is in sync, or declare another one",
        )

    def is_fresh(self) -> None:
        """Judge that the newest block is no older than ``chain.head_age``.

        Raises:
            UndeclaredError: The manifest declares no ``head_age``.
            NotReadyError: The newest block is older, or made in the future.
            ProbeError: No usable answer.
        """
        most = self._chain.head_age
        if most is None:
            raise UndeclaredError(
                "how old the newest block may be is not declared; add chain.head_age, such as 5m"
            )
        head, seen = self._asking.ask("the newest block", self._head, show=_told)
        self._judge(seen, head, most, "newest block")

    def is_final(self) -> None:
        """Judge that the node's last final block is no older than ``chain.finality`` allows.

        Raises:
            UnsupportedError: The node does not know the declared tag.
            NotReadyError: Blocks have not become final for longer than declared.
            ProbeError: No usable answer.
        """
        declared = self._chain.finality
        if declared is None:
            raise UndeclaredError("the manifest declares no chain.finality")
        tag = declared.tag
        final, seen = self._asking.ask(
            f"the last {tag} block", lambda: self._final(tag), show=_told
        )
        self._judge(seen, final, declared.age, f"last {tag} block")

    def is_affordable(self) -> None:
        """Judge that a unit of gas costs no more than ``chain.gas_price``.

        What is compared is the median base fee (EIP-1559) of the last 20 blocks, so that one full
        block says nothing; where blocks have none, the node's gas price.

        Raises:
            UndeclaredError: The manifest declares no ``gas_price``.
            UnmetError: It costs more.
            ProbeError: No usable answer.
        """
        most = self._chain.gas_price
        if most is None:
            raise UndeclaredError(
                "what gas may cost is not declared; add chain.gas_price, such as 200 gwei"
            )
        price, seen = self._asking.ask("the price of gas", self._price, show=_in_gwei)
        expected = f"a unit of gas costs at most {_in_gwei(most)}"
        if price > most:
            step = "wait until it is cheaper, or tell users, and see that the arbiter can pay it"
            raise self._asking.unmet(seen, expected, _in_gwei(price), step)
        self._asking.met(seen, expected, _in_gwei(price))

    def _price(self) -> int:
        check_chain(self._rpc, self._chain.id)
        head = quantity(self._rpc.call("eth_blockNumber"), "eth_blockNumber")
        numbers = range(max(0, head - _PRICED + 1), head + 1)
        answers = self._rpc.batch([header_of(number) for number in numbers])
        fees = [
            read_header(settled(answer, "eth_getBlockByNumber"), number).get("baseFeePerGas")
            for number, answer in zip(numbers, answers, strict=True)
        ]
        if None in fees:
            return quantity(self._rpc.call("eth_gasPrice"), "eth_gasPrice")
        return int(median_high(quantity(one, "baseFeePerGas") for one in fees))

    def _judge(self, seen: Measurement, block: Aged, most: float, which: str) -> None:
        expected = f"the {which} is at most {most:g} s old"
        if block.age > most or block.age < -most:
            problem = NotReadyError(
                f"{self._rpc.masked}: its {which} {block.number} is {block.age:.0f} s old, "
                f"{most:g} s are allowed: the node or the chain has stalled, or a clock is wrong"
            )
            step = "look at the node and its peers, and at this machine's clock; use another node"
            raise self._unclear(seen, problem, step)
        self._asking.met(seen, expected, _told(block))

    def _head(self) -> Aged:
        check_chain(self._rpc, self._chain.id)
        number = quantity(self._rpc.call("eth_blockNumber"), "eth_blockNumber")
        return self._aged(fetch_header(self._rpc, number), number)

    def _final(self, tag: str) -> Aged:
        head = quantity(self._rpc.call("eth_blockNumber"), "eth_blockNumber")
        answer = self._rpc.batch([Ask("eth_getBlockByNumber", (tag, False))])[0]
        found = mapping(settled(answer, f"eth_getBlockByNumber {tag}"), f"{tag} block")
        number = quantity(found.get("number"), "block number")
        if number > head:
            raise MalformedError(f"the {tag} block {number} is beyond the head {head}")
        digest = read_header(found, number)["hash"]
        if fetch_header(self._rpc, number)["hash"] != digest:
            raise MalformedError(f"the {tag} block {number} is not the one of that number")
        return self._aged(found, number)

    def _aged(self, header: dict[str, Any], number: int) -> Aged:
        return Aged(number, self._now() - quantity(header.get("timestamp"), "timestamp"))

    def _unclear(self, seen: Measurement, problem: ProbeError, step: str = "") -> ProbeError:
        self._asking.unknown(seen, problem, step)
        return problem


def _progress(said: Any) -> str:
    if not isinstance(said, dict):
        return repr(said)[:60]
    known = {key: said.get(key) for key in ("currentBlock", "highestBlock") if said.get(key)}
    return ", ".join(f"{key} {value}" for key, value in known.items()) or "no numbers given"


def _in_gwei(wei: int) -> str:
    return f"{wei / 10**9:.10g} gwei"


def _told(block: Aged) -> str:
    return f"block {block.number}, {block.age:.0f} s old"
