"""The one block that all chain reads of a run refer to.

Refuses another chain than the declared one before anything else is read, and a block that the
chain no longer has once the reads are done.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    MalformedError,
    NotReadyError,
    ProbeError,
    UnreachableError,
    WrongTargetError,
)
from pytest_metarelease.probes.chain.quantities import block_hash, mapping, quantity
from pytest_metarelease.probes.chain.rpc import Answer, Ask, Rpc, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.probes.chain.revert import Revert

_NOBODY = "0x" + "00" * 20
# The block of a CI matrix: long enough for its jobs, too short for the state before a deployment.
_OLDEST = 3_600
_NO_BLOCK = "0x" + "5a" * 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A block by number and hash; ``timestamp`` in Unix seconds.

    ``by_hash`` says that the node takes a block hash where it takes a number (EIP-1898), so that
    each read is bound to this block and no other of the same number.
    """

    chain_id: int
    number: int
    hash: str
    timestamp: int
    by_hash: bool = False

    @property
    def tag(self) -> Any:
        """The block parameter of ``eth_call`` and its like."""
        return {"blockHash": self.hash} if self.by_hash else hex(self.number)

    @property
    def where(self) -> str:
        """The block in words, for reports."""
        return f"at block {self.number} ({self.hash[:10]}) of chain {self.chain_id}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields, JSON-ready, for other processes of the same run."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot that ``to_json`` wrote."""
        return cls(**document)


def pin(rpc: Rpc, chain: Chain, at: str = "", *, now: Callable[[], float] = time.time) -> Snapshot:
    """Fix the block to read from: ``latest - confirmations``, or the one with the hash ``at``.

    ``now`` tells Unix seconds.

    Raises:
        WrongTargetError: The node is on another chain than the manifest declares, or its chain
            does not have the block ``at``, or that one is older than an hour.
        NotReadyError: No such block yet, or it lies before ``deployed_block``; or the newest one
            is older than ``head_age``: the node has stalled.
        MalformedError: The node's blocks contradict each other.
    """
    check_chain(rpc, chain.id)
    latest = quantity(rpc.call("eth_blockNumber"), "eth_blockNumber")
    number = latest - chain.confirmations
    first = chain.deployed_block or 0
    if number < first:
        raise NotReadyError(
            f"{rpc.masked}: the head is block {latest}; with {chain.confirmations} confirmations "
            f"nothing from block {first} on can be read yet: wait for {first - number} more blocks"
        )
    if chain.head_age is not None:
        _check_age(rpc, latest, chain.head_age, now())
    if at:
        number = _numbered(rpc, at, newest=number, first=first)
    header = fetch_header(rpc, number)
    if at and header["hash"] != at:
        raise WrongTargetError(
            f"{rpc.masked}: block {at} is not canonical: block {number} is {header['hash']}; take "
            "a block with more confirmations"
        )
    if number > 0:
        parent = fetch_header(rpc, number - 1)
        if block_hash(header.get("parentHash"), "parentHash") != parent["hash"]:
            raise MalformedError(
                f"{rpc.masked}: block {number} does not name block {number - 1} as its parent"
            )
    digest = str(header["hash"])
    timestamp = quantity(header.get("timestamp"), "timestamp")
    return Snapshot(chain.id, number, digest, timestamp, _takes_hashes(rpc, digest))


def _numbered(rpc: Rpc, at: str, *, newest: int, first: int) -> int:
    """Return the number of the block ``at``, known to the node, confirmed, and not an old one."""
    answer = rpc.batch([Ask("eth_getBlockByHash", (at, False))])[0]
    found = settled(answer, "eth_getBlockByHash")
    if found is None:
        raise WrongTargetError(
            f"{rpc.masked}: no block {at} is known there; is it of this chain, and is the node "
            "in step with the one that named it?"
        )
    header = mapping(found, f"block {at}")
    if block_hash(header.get("hash"), "block hash") != at:
        raise MalformedError(f"block {at} was asked for, {header.get('hash')!r:.80} came")
    number = quantity(header.get("number"), "block number")
    if number > newest:
        raise NotReadyError(f"{rpc.masked}: block {number} lacks confirmations: wait for more")
    if number < first:
        raise WrongTargetError(f"block {number} lies before deployed_block {first}: take a newer")
    # Against the head and not a clock: a chain may stand still, but not because of us.
    head = quantity(fetch_header(rpc, newest).get("timestamp"), "timestamp")
    age = head - quantity(header.get("timestamp"), "timestamp")
    if age > _OLDEST:
        raise WrongTargetError(
            f"{rpc.masked}: block {number} is {age} s older than block {newest}: what it shows "
            f"is no longer so; take one of the last {_OLDEST} s"
        )
    return number


def _check_age(rpc: Rpc, latest: int, most: float, now: float) -> None:
    age = now - quantity(fetch_header(rpc, latest).get("timestamp"), "timestamp")
    if age > most:
        raise NotReadyError(
            f"{rpc.masked}: its newest block {latest} is {age:.0f} s old, chain.head_age is "
            f"{most:g} s: the node or the chain has stalled, and what it knows is of then"
        )


def recheck(rpc: Rpc, snapshot: Snapshot) -> None:
    """Return where the chain still has the pinned block; to be asked after the last read.

    Raises:
        WrongTargetError: Another chain answers, or the chain was reorganised.
    """
    check_chain(rpc, snapshot.chain_id)
    digest = fetch_header(rpc, snapshot.number)["hash"]
    if digest != snapshot.hash:
        raise reorganised(rpc, snapshot, str(digest))


def reorganised(rpc: Rpc, snapshot: Snapshot, digest: str) -> WrongTargetError:
    """Return the error for a block that has another hash than it had."""
    return WrongTargetError(
        f"{rpc.masked}: reorganised: block {snapshot.number} was {snapshot.hash} and is {digest}; "
        "what was read of this chain is unknown, run again or ask for more confirmations"
    )


def check_chain(rpc: Rpc, declared: int) -> None:
    """Return where the node says that it is on the ``declared`` chain (EIP-155)."""
    found = quantity(rpc.call("eth_chainId"), "eth_chainId")
    if found != declared:
        raise WrongTargetError(
            f"{rpc.masked}: this is chain {found}, the manifest declares chain {declared}; "
            "check environments.*.chain.rpc and id"
        )


def fetch_header(rpc: Rpc, number: int) -> dict[str, Any]:
    """Return the block without its transactions, its number verified and its hash normalised."""
    answer = rpc.batch([header_of(number)])[0]
    return read_header(settled(answer, "eth_getBlockByNumber"), number)


def header_of(number: int) -> Ask:
    """Return the question for a block with the hashes of its transactions only."""
    return Ask("eth_getBlockByNumber", (hex(number), False))


def read_header(value: Any, number: int) -> dict[str, Any]:
    """Return ``value`` as block ``number``, verified to be that one."""
    header = mapping(value, f"block {number}")
    if quantity(header.get("number"), "block number") != number:
        raise MalformedError(f"block {number} was asked for, {header.get('number')!r:.40} came")
    return {**header, "hash": block_hash(header.get("hash"), f"hash of block {number}")}


def read_pinned(rpc: Rpc, snapshot: Snapshot, asks: Sequence[Ask]) -> list[Answer]:
    """Ask a batch at the pinned block; each ask's last parameter must be ``snapshot.tag``.

    A node that reads only by number is asked for the block's hash in the same breath.

    Raises:
        WrongTargetError: The chain was reorganised meanwhile.
    """
    if snapshot.by_hash:
        return rpc.batch(asks)
    *answers, header = rpc.batch([*asks, header_of(snapshot.number)])
    found = read_header(settled(header, "eth_getBlockByNumber"), snapshot.number)["hash"]
    if found != snapshot.hash:
        raise reorganised(rpc, snapshot, str(found))
    return answers


def _takes_hashes(rpc: Rpc, digest: str) -> bool:
    """Return whether a block hash is understood, and not just ignored (EIP-1898)."""
    known, unknown = (_asked_by_hash(rpc, one) for one in (digest, _NO_BLOCK))
    return isinstance(known, str) and not isinstance(unknown, str)


def _asked_by_hash(rpc: Rpc, digest: str) -> Any | Revert | ProbeError:
    # Singly, since a node that cannot read the parameter may refuse a whole batch for it.
    try:
        return rpc.batch([Ask("eth_getBalance", (_NOBODY, {"blockHash": digest}))])[0]
    except UnreachableError:
        raise
    except ProbeError as problem:
        return problem
