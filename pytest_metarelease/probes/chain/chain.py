"""The chain itself: its id and head, agreement of two nodes, accounts, failure rates.

All reads but ``head`` refer to the pinned block; sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import NotReadyError, UsageError, WrongTargetError
from pytest_metarelease.evidence import Measurement, RateSample, Recorder
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.failures import counted, watch
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.quantities import quantity
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, connect, settled
from pytest_metarelease.probes.chain.scanning import Scan
from pytest_metarelease.probes.chain.snapshot import (
    Snapshot,
    check_chain,
    header_of,
    read_header,
    read_pinned,
    recheck,
)
from pytest_metarelease.probes.reading import Reading

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Chain


class ChainProbe:
    """The declared chain. Subject of its measurements: ``chain``, or ``account:NAME``."""

    def __init__(
        self,
        chain: Chain,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
    ) -> None:
        self.declared = chain
        self.rpc = rpc
        self.snapshot = snapshot
        self._recorder = recorder
        self._asking = Asking(recorder, "chain", snapshot.where)

    @property
    def access(self) -> Access:
        """What may be done to this environment."""
        return self.rpc.access

    def id(self) -> Reading:
        """Return the chain id that the node reports now (EIP-155)."""
        value, measurement = self._asking.ask(
            "eth_chainId", lambda: quantity(self.rpc.call("eth_chainId"), "eth_chainId")
        )
        return Reading(value, "chain id", measurement, self._recorder, self.rpc.masked)

    def head(self) -> Reading:
        """Return the number of the newest block, which moves and is not the pinned one."""
        value, measurement = self._asking.ask(
            "eth_blockNumber", lambda: quantity(self.rpc.call("eth_blockNumber"), "eth_blockNumber")
        )
        return Reading(value, "head (moving)", measurement, self._recorder, self.rpc.masked)

    def still_pinned(self) -> Measurement:
        """Judge that the pinned block is still part of the chain.

        Raises:
            WrongTargetError: Reorganised, or another chain answers.
        """
        expected = f"block {self.snapshot.number} is {self.snapshot.hash}"
        _, measurement = self._asking.ask(
            f"eth_getBlockByNumber {self.snapshot.number}",
            lambda: recheck(self.rpc, self.snapshot),
            show=lambda _: self.snapshot.hash,
            block=self.snapshot.number,
        )
        self._asking.met(measurement, expected, self.snapshot.hash)
        return measurement

    def agreement(self) -> Measurement:
        """Judge that the second declared node has the pinned block, too.

        Raises:
            UnsupportedError: No second node is declared.
            NotReadyError: The second node is behind.
            WrongTargetError: The nodes disagree, so which is right is unknown.
        """
        _, measurement = self._asking.ask(
            f"second rpc: block {self.snapshot.number}",
            self._ask_second,
            block=self.snapshot.number,
        )
        expected = f"both nodes have {self.snapshot.hash} at {self.snapshot.number}"
        self._asking.met(measurement, expected, self.snapshot.hash)
        return measurement

    def _ask_second(self) -> str:
        rpc = connect(self.declared, Access.READ_ONLY, second=True)
        number = self.snapshot.number
        try:
            check_chain(rpc, self.declared.id)
            header = settled(rpc.batch([header_of(number)])[0], "eth_getBlockByNumber")
            if header is None:
                raise NotReadyError(f"{rpc.masked}: block {number} is not there yet")
            digest = str(read_header(header, number)["hash"])
        finally:
            rpc.close()
        if digest != self.snapshot.hash:
            raise WrongTargetError(
                f"{self.rpc.masked} and {rpc.masked} disagree about block {number}: "
                f"{self.snapshot.hash} and {digest}; find out which node is on the right chain"
            )
        return digest

    def account(self, name: str) -> Reading:
        """Return the balance, in wei, of an account that the manifest declares.

        Raises:
            UsageError: It declares no such account.
        """
        declared = self.declared.accounts.get(name)
        if declared is None:
            known = ", ".join(sorted(self.declared.accounts)) or "none"
            raise UsageError(f"chain.accounts has no {name}; declared: {known}")
        return self._balance(declared.address, f"account:{name}", f"balance of {name}")

    def balance(self, address: str) -> Reading:
        """Return the balance of any address, in wei."""
        return self._balance(address, "chain", f"balance of {address}")

    def failure_rate(self, contract: str, address: str, window: int | None = None) -> Measurement:
        """Count failed transactions to ``address`` over the declared window of blocks.

        The measurement carries a sample named ``CONTRACT.failure_rate`` and no judgement: what the
        numbers say is for the gate, which knows limit and confidence.

        Raises:
            ProbeError: The window could not be read whole and verified.
        """
        blocks = self.declared.failures.blocks if window is None else window
        asking = Asking(self._recorder, f"contract:{contract}", self.snapshot.where)
        last = self.snapshot.number
        first = max(0, last - blocks + 1)
        scan = Scan(self.rpc, self.snapshot)
        _, measurement = asking.ask(
            f"transactions to {address} in the last {blocks} blocks",
            lambda: watch(scan, address, first, last),
            show=counted,
            block=last,
            sample=lambda found: RateSample(
                measure=f"{contract}.failure_rate", bad=len(found.failed), total=len(found.sent)
            ),
        )
        return measurement

    def _balance(self, address: str, subject: str, name: str) -> Reading:
        ask = Ask("eth_getBalance", (address, self.snapshot.tag))
        value, measurement = Asking(self._recorder, subject, self.snapshot.where).ask(
            f"eth_getBalance {address}",
            lambda: quantity(
                settled(read_pinned(self.rpc, self.snapshot, [ask])[0], ask.method), "balance"
            ),
            block=self.snapshot.number,
        )
        return Reading(value, name, measurement, self._recorder, self.snapshot.where)
