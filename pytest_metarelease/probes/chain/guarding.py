"""What a transaction of ours changed: only what it may, or it is a failure.

By ``debug_traceTransaction`` (geth's prestateTracer in diff mode) where the node has it, by reading
declared accounts before and after where not; which of the two is said. Refuses a trace in which
not even the sender's nonce changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_metarelease.errors import MalformedError, RefusedError, UnsupportedError
from pytest_metarelease.probes.chain.changes import (
    Seen,
    Sent,
    created_in,
    differences,
    slot_of,
)
from pytest_metarelease.probes.chain.quantities import listing, quantity
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import header_of, read_header
from pytest_metarelease.probes.chain.storage import slot_number

TRACED = "debug_traceTransaction"
_TRACER = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
_OWN_SLOTS, _OTHER_SLOTS = 8, 4


@dataclass(slots=True)
class Guard:
    """Looks at transactions on one node. ``watched`` are accounts, ``contracts`` such with code."""

    rpc: Rpc
    watched: Sequence[str]
    contracts: Sequence[str]
    _traces: bool = True
    _read: dict[tuple[int, str], Mapping[tuple[str, str], str]] = field(default_factory=dict)

    def look(self, sent: Sent) -> Seen:
        """Return what the transaction changed.

        Raises:
            ProbeError: No usable answer.
        """
        if self._traces:
            try:
                return self._traced(sent)
            except (UnsupportedError, RefusedError):
                # Public nodes refuse it in many words; all of them mean that it is not for us.
                self._traces = False
        return self._compared(sent)

    def _traced(self, sent: Sent) -> Seen:
        answer = self.rpc.call(TRACED, sent.transaction, _TRACER)
        if not isinstance(answer, dict) or not {"pre", "post"} <= answer.keys():
            raise UnsupportedError(f"{self.rpc.masked}: {TRACED} knows no prestateTracer")
        changes = differences(answer)
        if "nonce" not in changes.get(sent.sender.lower(), ()):
            raise MalformedError(
                f"{self.rpc.masked}: {TRACED} of {sent.transaction} does not even show the "
                "sender's nonce"
            )
        return Seen(changes, TRACED, created=created_in(answer))

    def _compared(self, sent: Sent) -> Seen:
        slots = self._slots(sent)
        accounts = list(dict.fromkeys(one.lower() for one in (*self.watched, sent.own, *slots)))
        before = self._state(sent.block - 1, accounts, slots)
        after = self._state(sent.block, accounts, slots)
        found: dict[str, set[str]] = {}
        for key, value in after.items():
            if before[key] != value:
                found.setdefault(key[0], set()).add(key[1])
        others = len(listing(self._header(sent.block).get("transactions"), "transactions")) - 1
        method = (
            f"balances, nonces and slots of {len(accounts)} accounts (the node has no {TRACED} "
            "with prestateTracer)"
        )
        return Seen({one: frozenset(parts) for one, parts in found.items()}, method, others == 0)

    def _slots(self, sent: Sent) -> dict[str, list[str]]:
        own = sent.own.lower()
        found = {
            one.lower(): [slot_number(str(n)) for n in range(_OTHER_SLOTS)]
            for one in self.contracts
        }
        found[own] = [slot_number(str(n)) for n in range(_OWN_SLOTS)]
        for account, parts in sent.may_change.items():
            known = found.setdefault(account, [])
            known += [slot for part in parts if (slot := slot_of(part)) and slot not in known]
        return found

    def _state(
        self, block: int, accounts: Sequence[str], slots: Mapping[str, Sequence[str]]
    ) -> Mapping[tuple[str, str], str]:
        key = block, repr((accounts, slots))
        if key not in self._read:
            tag = hex(block)
            asks = {
                **{(one, "balance"): Ask("eth_getBalance", (one, tag)) for one in accounts},
                **{(one, "nonce"): Ask("eth_getTransactionCount", (one, tag)) for one in accounts},
                **{
                    (one, slot): Ask("eth_getStorageAt", (one, slot, tag))
                    for one, several in slots.items()
                    for slot in several
                },
            }
            answers = self.rpc.batch(list(asks.values()))
            self._read[key] = {
                place: hex(quantity(settled(answer, ask.method), f"{ask.method} {place[0]}"))
                for (place, ask), answer in zip(asks.items(), answers, strict=True)
            }
        return self._read[key]

    def recipient(self, sent: Sent) -> str:
        """Return who gets the fees of the transaction's block."""
        return str(self._header(sent.block).get("miner", "")).lower()

    def _header(self, block: int) -> Mapping[str, Any]:
        ask = header_of(block)
        return read_header(settled(self.rpc.batch([ask])[0], ask.method), block)
