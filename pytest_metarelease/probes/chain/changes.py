"""What a transaction changed, as values: read from a trace, compared with what it may change.

Asks nobody. Refuses numbers that are none, and takes an account that is gone for changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.chain.quantities import mapping
from pytest_metarelease.probes.chain.storage import slot_number

Changes: TypeAlias = Mapping[str, frozenset[str]]
"""Address in lower case -> ``balance``, ``nonce``, ``code``, or a slot of 32 bytes as 0x hex."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A mined transaction of ours, and what it may change."""

    transaction: str
    block: int
    sender: str
    own: str
    may_change: Mapping[str, tuple[str, ...]]
    creates: bool = False
    may_create: bool = False


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


def beyond(seen: Seen, sent: Sent, recipient: str) -> list[str]:
    """Return what changed and should not have, as ``ADDRESS: slot 0x5``."""
    allowed: dict[str, frozenset[str]] = {
        one: frozenset(slot_of(part) or part for part in parts)
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
        if (sent.creates or sent.may_create) and account in seen.created:
            # What a constructor or a factory deploys has no address that a manifest could name.
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
        raise MalformedError(f"a trace: {value!r:.100} is no number") from None


def slot_of(part: str) -> str | None:
    """Return the slot that a part names by its number, None where it names no slot."""
    return slot_number(part) if part[:1].isdigit() else None


def _any_slot(part: str, may: frozenset[str]) -> bool:
    return part.startswith("0x") and "slots" in may


def _short(part: str) -> str:
    return f"slot {int(part, 16):#x}" if part.startswith("0x") else part
