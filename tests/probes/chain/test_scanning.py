"""Reading blocks and receipts in bulk, from nodes that lie, lag, refuse and reorganise."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    ProbeError,
    RefusedError,
    WrongTargetError,
)
from pytest_metarelease.probes.chain.failures import Window, watch
from pytest_metarelease.probes.chain.rpc import AT_ONCE, BATCH, Ask
from pytest_metarelease.probes.chain.scanning import Scan
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.nodes import Blocks, FakeNode, chain_at, digest, door
from tests.probes.hostile import Asked, Talk, answer, hostile_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

CONTRACT = "0x" + "ab" * 20


@pytest.fixture
def blocks(fake: FakeNode) -> Blocks:
    made = Blocks(head=300)
    fake.methods.update(made.methods())
    return made


@pytest.fixture
def rpc(fake: FakeNode) -> Iterator[Rpc]:
    with door(chain_at(fake.url)) as opened:
        yield opened


def scanned(rpc: Rpc, fake: FakeNode, first: int = 101, last: int = 300) -> Window:
    return watch(Scan(rpc, pin(rpc, chain_at(fake.url))), CONTRACT, first, last)


def test_a_window_without_blocks_holds_nothing(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found = scanned(rpc, fake, 5, 4)
    assert (found.sent, found.emitted) == ((), ())


def test_every_transaction_is_found_once(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    blocks.failed = [(number, 1) for number in range(0, 301, 10)]
    found = scanned(rpc, fake)
    assert [one.block for one in found.sent] == [n for n in range(101, 301) for _ in range(2)]
    assert [one.block for one in found.failed] == list(range(110, 301, 10))


def test_an_earlier_window_is_pinned_as_well(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    assert len(scanned(rpc, fake, 11, 60).sent) == 100
    numbers = [int(one["params"][0], 16) for one in _blocks_asked(fake)]
    assert numbers.count(60) > 1
    assert numbers[-1] == 300


def test_an_earlier_window_that_is_replaced_meanwhile_is_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    honest = fake.methods["eth_getBlockByNumber"]

    def replaced(number: str, full: bool) -> Any:
        found = honest(number, full)
        asked = [one["params"][0] for one in _blocks_asked(fake)]
        return {**found, "hash": digest(1, 9)} if number == hex(60) in asked[:-1] else found

    fake.methods["eth_getBlockByNumber"] = replaced
    with pytest.raises(WrongTargetError, match="reorganised"):
        scanned(rpc, fake, 11, 60)


def _blocks_asked(fake: FakeNode) -> list[Any]:
    every = [one for asked in fake.asked for one in (asked if isinstance(asked, list) else [asked])]
    return [one for one in every if one["method"] == "eth_getBlockByNumber"]


def _lying(change: Callable[[list[Any]], list[Any]], when: int = 2) -> Callable[[Any, Any], Any]:
    batches = [0]

    def twist(asked: Any, honest: Any) -> Any:
        if isinstance(asked, list) and len(asked) > 10:
            batches[0] += 1
            return change(honest) if batches[0] == when else honest
        return honest

    return twist


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda all_: [{**all_[0], "id": 10**9}, *all_[1:]], id="wrong-id"),
        pytest.param(lambda all_: [all_[1], *all_[1:]], id="one-twice"),
        pytest.param(lambda all_: all_[:-1], id="one-missing"),
        pytest.param(lambda all_: [*all_, all_[0]], id="one-too-many"),
        pytest.param(lambda all_: [_swapped(all_, 0), *all_[1:]], id="another-block"),
        pytest.param(lambda all_: [*all_[:-1], _swapped(all_, -1)], id="another-blocks-receipts"),
        pytest.param(lambda all_: [{**all_[0], "result": None}, *all_[1:]], id="no-such-block"),
    ],
)
def test_a_batch_that_does_not_fit_is_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, change: Callable[[list[Any]], list[Any]]
) -> None:
    fake.twist = _lying(change)
    with pytest.raises((MalformedError, WrongTargetError)):
        scanned(rpc, fake)


def _swapped(answers: list[Any], place: int) -> Any:
    return {**answers[place], "result": answers[place + 1 if place == 0 else place - 1]["result"]}


@pytest.mark.parametrize("when", range(1, 5))
def test_a_reorganisation_in_the_middle_is_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, when: int
) -> None:
    batches = [0]

    def twist(asked: Any, honest: Any) -> Any:
        if isinstance(asked, list):
            batches[0] += 1
            blocks.salt = int(batches[0] >= when)
        return honest

    snapshot = pin(rpc, chain_at(fake.url))
    fake.twist = twist
    with pytest.raises(WrongTargetError, match="reorganised"):
        watch(Scan(rpc, snapshot), CONTRACT, 101, 300)


def test_fewer_blocks_are_asked_for_where_they_are_full(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    blocks.per_block = 400
    assert len(scanned(rpc, fake, 261, 300).sent) == 40 * 400
    sizes = [len(one) for one in fake.asked if isinstance(one, list) and len(one) > 2]
    assert sizes[0] == 20
    assert max(sizes[1 + AT_ONCE :]) == 10


# ---------------------------------------------------------------------- nodes that want less


def test_a_batch_that_is_too_large_is_halved_and_stays_so(fake: FakeNode, rpc: Rpc) -> None:
    fake.methods["eth_getBalance"] = lambda address, _tag: address

    def twist(asked: Any, honest: Any) -> Any:
        if isinstance(asked, list) and len(asked) > 30:
            error = {"code": -32600, "message": "batch size too large, at most 30"}
            return {"jsonrpc": "2.0", "id": None, "error": error}
        return honest

    fake.twist = twist
    asks = [Ask("eth_getBalance", (hex(one), "latest")) for one in range(230)]
    assert rpc.batch(asks) == [hex(one) for one in range(230)]
    refused = [len(one) for one in fake.asked if len(one) > 30]
    assert refused[0] == 100
    assert set(refused[1:]) == {50}
    assert len(refused) <= 1 + AT_ONCE
    fake.asked.clear()
    assert len(rpc.batch(asks)) == 230
    assert max(map(len, fake.asked)) == 25


def test_a_body_that_is_too_large_is_halved(fake: FakeNode, rpc: Rpc) -> None:
    fake.methods["eth_getBalance"] = lambda address, _tag: address
    fake.twist = lambda asked, honest: (
        answer("too large", 413) if isinstance(asked, list) and len(asked) > 40 else honest
    )
    asks = [Ask("eth_getBalance", (hex(one), "latest")) for one in range(100)]
    assert rpc.batch(asks) == [hex(one) for one in range(100)]


def test_one_question_that_is_too_large_is_refused(fake: FakeNode, rpc: Rpc) -> None:
    fake.twist = lambda *_: answer("too large", 413)
    with pytest.raises(RefusedError, match="413"):
        rpc.call("eth_blockNumber")
    with pytest.raises(RefusedError, match="413"):
        rpc.batch([Ask("eth_blockNumber")] * 8)


def test_a_node_that_takes_no_batches_is_asked_by_a_few_at_once() -> None:
    node, busy, most = FakeNode(), [0], [0]
    turn, together = threading.Lock(), threading.Event()
    node.methods["eth_getBalance"] = lambda address, _tag: address

    def reply(asked: Asked, talk: Talk) -> None:
        if isinstance(json.loads(asked.body), list):
            error = {"code": -32600, "message": "no batches here"}
            talk.send(answer(json.dumps({"jsonrpc": "2.0", "id": None, "error": error})))
            return
        with turn:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            if busy[0] == AT_ONCE:
                together.set()
        together.wait(10)  # until as many as may be are there at the same time
        node.reply(asked, talk)
        with turn:
            busy[0] -= 1

    asks = [Ask("eth_getBalance", (hex(one), "latest")) for one in range(40)]
    with hostile_server({"/": reply}) as server, door(chain_at(server.url)) as opened:
        assert opened.batch(asks) == [hex(one) for one in range(40)]
    assert most[0] == AT_ONCE


def test_a_scan_without_batches_and_without_block_receipts(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    del fake.methods["eth_getBlockReceipts"]
    blocks.failed = [(250, 0)]
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
    fake.twist = lambda asked, honest: refusal if isinstance(asked, list) else honest
    found = scanned(rpc, fake, 241, 300)
    assert (len(found.sent), len(found.failed)) == (120, 1)


def test_too_many_requests_are_waited_for_within_the_scan(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    left = [3]

    def twist(asked: Any, honest: Any) -> Any:
        if isinstance(asked, list) and left[0]:
            left[0] -= 1
            return answer("slow down", 429)
        return honest

    snapshot = pin(rpc, chain_at(fake.url))
    fake.twist = twist
    assert len(watch(Scan(rpc, snapshot), CONTRACT, 201, 300).sent) == 200


def test_too_many_requests_without_end_are_unknown(fake: FakeNode, blocks: Blocks) -> None:
    chain = chain_at(fake.url, timeout=0.5)
    with door(chain) as opened:
        snapshot = pin(opened, chain)
        fake.twist = lambda asked, honest: (
            answer("slow down", 429, {"Retry-After": "60"}) if isinstance(asked, list) else honest
        )
        with pytest.raises(ProbeError, match="rate limited"):
            watch(Scan(opened, snapshot), CONTRACT, 201, 300)


# ---------------------------------------------------------------------- lanes


def test_what_fails_first_is_raised_and_the_rest_is_not_begun(fake: FakeNode, rpc: Rpc) -> None:
    fake.methods["eth_getBalance"] = lambda address, _tag: address
    pieces = [[Ask("eth_getBalance", (hex(one), "latest"))] * 2 for one in range(500)]
    fake.twist = lambda asked, honest: honest if asked[0]["params"][0] != "0x5" else honest[:1]
    with pytest.raises(MalformedError, match="1 answers to 2 questions"):
        list(rpc.stream(pieces))
    assert len(fake.asked) < 50


def test_a_stream_takes_pieces_only_as_lanes_are_free(fake: FakeNode, rpc: Rpc) -> None:
    fake.methods["eth_blockNumber"] = lambda: "0x1"
    taken: list[int] = []

    def pieces() -> Iterator[list[Ask]]:
        for number in range(40):
            taken.append(number)
            yield [Ask("eth_blockNumber")] * 2

    for done, answers in enumerate(rpc.stream(pieces()), 1):
        assert answers == ["0x1", "0x1"]
        assert len(taken) <= done + AT_ONCE
    assert len(taken) == 40


def test_transactions_are_not_streamed(fake: FakeNode, rpc: Rpc) -> None:
    with pytest.raises(ProbeError, match="eth_sendRawTransaction was not sent"):
        list(rpc.stream([[Ask("eth_sendRawTransaction", ("0x00",))]]))
    assert fake.asked == []


def test_the_deadline_of_a_scan_is_for_all_of_it(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    snapshot = pin(rpc, chain_at(fake.url))
    times = iter([0.0, *[1.0] * 2, *[99.0] * 50])
    with pytest.raises(DeadlineError, match=r"failures\.blocks"):
        watch(Scan(rpc, snapshot, budget=9, clock=lambda: next(times)), CONTRACT, 1, 300)


def test_a_batch_has_at_most_a_hundred(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    scanned(rpc, fake, 1, 300)
    assert max(len(one) for one in fake.asked if isinstance(one, list)) <= BATCH
