"""Pinning one block, and noticing when it is not the chain's any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MalformedError, NotReadyError, WrongTargetError
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.probes.chain.rpc import Ask
from pytest_metarelease.probes.chain.snapshot import Snapshot, pin, read_pinned, recheck
from tests.probes.chain.nodes import Blocks, FakeNode, chain_at, digest, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.probes.chain.rpc import Rpc


@pytest.fixture
def blocks(fake: FakeNode) -> Blocks:
    made = Blocks(head=100)
    fake.methods.update(made.methods())
    return made


@pytest.fixture
def rpc(fake: FakeNode) -> Iterator[Rpc]:
    with door(chain_at(fake.url)) as opened:
        yield opened


def declared(**changes: Any) -> Chain:
    return chain_at("http://127.0.0.1:1", **changes)


def test_another_chain_is_found_before_anything_else_is_read(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    with pytest.raises(WrongTargetError, match=r"chain 31337, the manifest declares chain 1\b"):
        pin(rpc, declared(id=1))
    assert fake.called == ["eth_chainId"]


def test_the_pinned_block_lies_behind_the_head(blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared(confirmations=12))
    assert (found.chain_id, found.number, found.hash) == (31337, 88, digest(88))
    assert found.timestamp == 1_700_000_088


@pytest.mark.parametrize(
    ("confirmations", "deployed"), [(12, 89), (101, None), (0, 101), (1000, 5)]
)
def test_nothing_is_read_before_the_deployment(
    blocks: Blocks, rpc: Rpc, confirmations: int, deployed: int | None
) -> None:
    with pytest.raises(NotReadyError, match=r"wait for \d+ more blocks"):
        pin(rpc, declared(confirmations=confirmations, deployed_block=deployed))


def test_the_first_block_can_be_pinned(blocks: Blocks, rpc: Rpc) -> None:
    blocks.head = 0
    assert pin(rpc, declared()).number == 0


@pytest.mark.parametrize("method", ["eth_chainId", "eth_blockNumber", "eth_getBlockByNumber"])
@pytest.mark.parametrize("value", [None, 7, "12", "0x", "0xzz", [], {}, True, "0x-1"])
def test_a_useless_answer_is_malformed(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, method: str, value: Any
) -> None:
    fake.methods[method] = lambda *_: value
    with pytest.raises(MalformedError):
        pin(rpc, declared())


@pytest.mark.parametrize(
    "change",
    [
        {"number": "0x5"},
        {"hash": None},
        {"hash": "0x12"},
        {"parentHash": digest(3)},
        {"parentHash": None},
        {"timestamp": None},
    ],
)
def test_a_block_that_contradicts_itself_is_malformed(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, change: dict[str, Any]
) -> None:
    fake.methods["eth_getBlockByNumber"] = lambda number, _: {
        **(blocks.block(int(number, 16)) or {}),
        **change,
    }
    with pytest.raises(MalformedError):
        pin(rpc, declared())


def test_a_snapshot_travels_as_json(blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared())
    assert Snapshot.from_json(found.to_json()) == found


def test_a_node_that_understands_hashes_is_asked_by_hash(blocks: Blocks, rpc: Rpc) -> None:
    assert pin(rpc, declared()).tag == {"blockHash": digest(100)}


@pytest.mark.parametrize("kind", ["refuses", "ignores"])
def test_a_node_that_does_not_is_asked_by_number(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, kind: str
) -> None:
    if kind == "ignores":
        fake.methods["eth_getBalance"] = lambda *_: "0x1"
    else:
        del fake.methods["eth_getBalance"]
    assert pin(rpc, declared()).tag == hex(100)


def test_a_node_that_refuses_whole_requests_for_a_hash_is_asked_by_number(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    def twist(asked: Any, honest: Any) -> Any:
        return (
            b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
            if "blockHash" in str(asked)
            else honest
        )

    fake.twist = twist
    assert pin(rpc, declared()).tag == hex(100)


def test_recheck_is_silent_while_nothing_changed(blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared(confirmations=3))
    blocks.head += 50
    recheck(rpc, found)


def test_a_reorganisation_is_found_at_the_end(blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared())
    blocks.salt = 1
    with pytest.raises(WrongTargetError, match="reorganised"):
        recheck(rpc, found)


def test_a_chain_that_became_shorter_is_unknown(blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared())
    blocks.head = 50
    with pytest.raises(MalformedError):
        recheck(rpc, found)


def test_another_chain_at_the_end_is_found(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found = pin(rpc, declared())
    fake.methods["eth_chainId"] = lambda: "0x1"
    with pytest.raises(WrongTargetError, match="this is chain 1"):
        recheck(rpc, found)


def test_a_reorganisation_between_reads_by_number_is_found(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    fake.methods["eth_getBalance"] = lambda *_: "0x1"
    found = pin(rpc, declared())
    ask = Ask("eth_getBalance", ("0x" + "00" * 20, found.tag))
    assert read_pinned(rpc, found, [ask]) == ["0x1"]
    blocks.salt = 1
    with pytest.raises(WrongTargetError, match="reorganised"):
        read_pinned(rpc, found, [ask])


def by_hash(fake: FakeNode, blocks: Blocks) -> None:
    """Let the node know its blocks by their hashes too."""
    known = {digest(number): number for number in range(blocks.head + 1)}
    fake.methods["eth_getBlockByHash"] = lambda asked, _: (
        blocks.block(known[asked]) if asked in known else None
    )


def test_a_given_block_is_pinned(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    by_hash(fake, blocks)
    found = pin(rpc, declared(confirmations=12), digest(80))
    assert (found.number, found.hash) == (80, digest(80))


def test_a_block_that_nobody_knows_is_refused(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    by_hash(fake, blocks)
    with pytest.raises(WrongTargetError, match=r"no block 0x.* is known there"):
        pin(rpc, declared(), "0x" + "ee" * 32)


def test_a_block_that_is_not_canonical_is_refused(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    orphan = "0x" + "ee" * 32
    fake.methods["eth_getBlockByHash"] = lambda *_: {**(blocks.block(80) or {}), "hash": orphan}
    with pytest.raises(WrongTargetError, match="not canonical"):
        pin(rpc, declared(), orphan)


def test_another_block_than_asked_for_is_malformed(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    fake.methods["eth_getBlockByHash"] = lambda *_: blocks.block(79)
    with pytest.raises(MalformedError, match="was asked for"):
        pin(rpc, declared(), digest(80))


def test_a_given_block_must_be_confirmed_and_after_the_deployment(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    by_hash(fake, blocks)
    with pytest.raises(NotReadyError, match="lacks confirmations"):
        pin(rpc, declared(confirmations=12), digest(89))
    with pytest.raises(WrongTargetError, match="before deployed_block"):
        pin(rpc, declared(deployed_block=81), digest(80))


def test_a_given_block_must_not_be_an_old_one(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    """Otherwise a state of before the deployment could be verified for ever."""
    old = "0x" + "ee" * 32
    fake.methods["eth_getBlockByHash"] = lambda *_: {
        **(blocks.block(80) or {}),
        "hash": old,
        "timestamp": hex(1_699_000_000),
    }
    with pytest.raises(WrongTargetError, match="older than block 100"):
        pin(rpc, declared(), old)


def test_a_stalled_head_is_unknown(blocks: Blocks, rpc: Rpc) -> None:
    made = 1_700_000_100
    chain = declared(head_age=Seconds(60))
    with pytest.raises(NotReadyError, match="has stalled"):
        pin(rpc, chain, now=lambda: made + 61.0)
    assert pin(rpc, chain, now=lambda: made + 60.0).number == 100
    # Our clock may be behind the chain's.
    assert pin(rpc, chain, now=lambda: made - 60.0).number == 100
    # The head counts, not the block that lies behind it.
    behind = declared(head_age=Seconds(60), confirmations=50)
    assert pin(rpc, behind, now=lambda: made + 60.0).number == 50
