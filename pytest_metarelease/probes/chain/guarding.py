"""What a transaction of ours changed: only what it may, or it is a failure.

By ``debug_traceTransaction`` (geth's prestateTracer in diff mode) where the node has it, by reading
declared accounts before and after where not; which of the two is said. Refuses a trace in which
not even the sender's nonce changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pytest_metarelease.errors import MalformedError, RefusedError, UnsupportedError
from pytest_metarelease.probes.chain.quantities import listing, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import header_of, read_header
from pytest_metarelease.probes.chain.storage import slot_number

Changes: TypeAlias = Mapping[str, frozenset[str]]
"""Address in lower case -> ``balance``, ``nonce``, ``code``, or a slot of 32 bytes as 0x hex."""

TRACED = "debug_traceTransaction"
_TRACER = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
_OWN_SLOTS, _OTHER_SLOTS = 8, 4


@dataclass(frozen=True, slots=True)
class Sent:
    """A mined transaction of ours, and what it may change."""

    transaction: str
    block: int
    sender: str
    own: str
    may_change: Mapping[str, tuple[str, ...]]
    creates: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What changed, how that was measured, and whether others may have had a part in it.

    ``created`` are contracts that the transaction itself made.
    """

    changes: Changes
    method: str
    alone: bool = True
    created: frozenset[str] = frozenset()

    def __str__(self) -> str:
        told = (
            f"{one} ({', '.join(sorted(map(_short, what)))})" for one, what in self.changes.items()
        )
        return f"by {self.method}: {'; '.join(told) or 'nothing'}"


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
            known += [slot for part in parts if (slot := _slot(part)) and slot not in known]
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


def beyond(seen: Seen, sent: Sent, recipient: str) -> list[str]:
    """Return what changed and should not have, as ``ADDRESS: slot 0x5``."""
    allowed: dict[str, frozenset[str]] = {
        one: frozenset(_slot(part) or part for part in parts)
        for one, parts in sent.may_change.items()
    }
    own = sent.own.lower()
    found = []
    for account, parts in seen.changes.items():
        may = allowed.get(account, frozenset())
        if account == sent.sender.lower():
            may |= {"balance", "nonce"}
        if account == recipient:
            may |= {"balance"}
        if account == own and (own not in allowed or sent.creates):
            continue
        if sent.creates and account in seen.created:
            # What a constructor deploys has no address that a manifest could name.
            continue
        extra = sorted(one for one in parts if one not in may and not _any_slot(one, may))
        found += [f"{account}: {_short(one)}" for one in extra]
    return found


def differences(trace: Mapping[str, Any]) -> Changes:
    """Return what differs between ``pre`` and ``post`` of a trace in diff mode."""
    pre, post = mapping(trace["pre"], "pre"), mapping(trace["post"], "post")
    found: dict[str, frozenset[str]] = {}
    for address in {*pre, *post}:
        was, then = mapping(pre.get(address, {}), address), post.get(address)
        # An account that is gone afterwards has changed in all that it was.
        now = {"balance": "0x0", "nonce": 0, "code": "0x"} if then is None else then
        parts = {
            part
            for part in ("balance", "nonce", "code")
            if part in now and _number(now[part]) != _number(was.get(part))
        }
        parts |= _changed_slots(was.get("storage"), mapping(now, address).get("storage"))
        if parts:
            found[address.lower()] = frozenset(parts)
    return found


def created_in(trace: Mapping[str, Any]) -> frozenset[str]:
    """Return the accounts that have code afterwards and had none, and no nonce, before."""
    pre, post = mapping(trace["pre"], "pre"), mapping(trace["post"], "post")
    return frozenset(
        address.lower()
        for address, now in post.items()
        if _number(mapping(now, address).get("code"))
        and not _number(mapping(pre.get(address, {}), address).get("code"))
        and not _number(mapping(pre.get(address, {}), address).get("nonce"))
    )


def _changed_slots(before: Any, after: Any) -> set[str]:
    was, now = mapping(before or {}, "storage"), mapping(after or {}, "storage")
    return {
        slot_number(slot)
        for slot in {*was, *now}
        if _number(was.get(slot)) != _number(now.get(slot))
    }


def _number(value: Any) -> int:
    if value in (None, "", "0x"):
        return 0
    if isinstance(value, int):
        return value
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        raise MalformedError(f"{TRACED}: {value!r:.100} is no number") from None


def _slot(part: str) -> str | None:
    return slot_number(part) if part[:1].isdigit() else None


def _any_slot(part: str, may: frozenset[str]) -> bool:
    return part.startswith("0x") and "slots" in may


def _short(part: str) -> str:
    return f"slot {int(part, 16):#x}" if part.startswith("0x") else part
