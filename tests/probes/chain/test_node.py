"""The node itself: in sync, fresh, final; what it does not say is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    MalformedError,
    NotReadyError,
    ProbeError,
    UndeclaredError,
    UnmetError,
    UnsupportedError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Seconds, Wei
from pytest_metarelease.manifest.traffic import Finality
from pytest_metarelease.probes.chain.node import NodeProbe
from tests.probes.chain.nodes import Blocks, FakeNode, RpcFault, chain_at, door, node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

HEAD = 1_700_000_300
GWEI = 10**9


@pytest.fixture
def blocks(fake: FakeNode) -> Blocks:
    made = Blocks(head=300)
    fake.methods.update(made.methods(), eth_syncing=lambda: False)
    return made


@pytest.fixture
def rpc(fake: FakeNode, blocks: Blocks) -> Iterator[Rpc]:
    with door(chain_at(fake.url)) as opened:
        yield opened


def probe(
    rpc: Rpc, url: str, *, now: float = HEAD + 10, **changes: Any
) -> tuple[NodeProbe, Notebook]:
    notebook = Notebook()
    notebook.check = "check"
    return NodeProbe(chain_at(url, **changes), rpc, notebook, now=lambda: now), notebook


def verdicts(notebook: Notebook) -> set[Judgement]:
    cited = notebook.citations.get("check", [])
    return {one.judgement for one in cited} - {Judgement.NONE}


def test_a_node_that_does_not_answer_is_unknown(fake: FakeNode, rpc: Rpc) -> None:
    del fake.methods["eth_syncing"]
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(UnsupportedError):
        found.in_sync()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"currentBlock": "0x10", "highestBlock": "0x20"}, NotReadyError),
        ({}, NotReadyError),
        (True, MalformedError),
        (None, MalformedError),
        ("no", MalformedError),
        (0, MalformedError),
    ],
)
def test_only_a_plain_no_is_in_sync(
    fake: FakeNode, rpc: Rpc, said: Any, error: type[ProbeError]
) -> None:
    fake.methods["eth_syncing"] = lambda: said
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(error):
        found.in_sync()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def test_in_sync_on_another_chain_is_unknown(fake: FakeNode, rpc: Rpc) -> None:
    fake.methods["eth_chainId"] = lambda: "0x1"
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(WrongTargetError):
        found.in_sync()
    with pytest.raises(WrongTargetError):
        probe(rpc, fake.url, head_age=Seconds(60))[0].is_fresh()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def test_no_declared_age_verifies_nothing(fake: FakeNode, rpc: Rpc) -> None:
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(UndeclaredError, match=r"chain\.head_age"):
        found.is_fresh()
    with pytest.raises(UndeclaredError, match="finality"):
        found.is_final()
    assert verdicts(notebook) == set()


@pytest.mark.parametrize(("now", "fresh"), [(60, True), (61, False), (3_600, False), (-61, False)])
def test_the_newest_block_is_no_older_than_declared(
    fake: FakeNode, rpc: Rpc, now: float, fresh: bool
) -> None:
    found, notebook = probe(rpc, fake.url, now=HEAD + now, head_age=Seconds(60))
    if fresh:
        found.is_fresh()
        assert verdicts(notebook) == {Judgement.MET}
        return
    with pytest.raises(NotReadyError, match=f"{now} s old, 60 s are allowed"):
        found.is_fresh()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def _tagged(blocks: Blocks, final: Any) -> Any:
    def by_number(number: str, _full: bool) -> Any:
        return final if number == "finalized" else blocks.block(int(number, 16))

    return by_number


def test_the_last_final_block_has_an_age(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    fake.methods["eth_getBlockByNumber"] = _tagged(blocks, blocks.block(236))
    finality = Finality(age=Seconds(80))
    found, notebook = probe(rpc, fake.url, finality=finality)
    found.is_final()
    assert verdicts(notebook) == {Judgement.MET}
    late, seen = probe(rpc, fake.url, now=HEAD + 20, finality=finality)
    with pytest.raises(NotReadyError, match="last finalized block 236 is 84 s old"):
        late.is_final()
    assert verdicts(seen) == {Judgement.UNKNOWN}


@pytest.mark.parametrize(
    "final",
    [
        pytest.param(None, id="none"),
        pytest.param(Blocks(head=999).block(301), id="beyond-the-head"),
        pytest.param(Blocks(head=300, salt=1).block(200), id="of-another-fork"),
    ],
)
def test_a_final_block_that_cannot_be_is_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, final: Any
) -> None:
    fake.methods["eth_getBlockByNumber"] = _tagged(blocks, final)
    found, notebook = probe(rpc, fake.url, finality=Finality(age=Seconds(10**6)))
    with pytest.raises(MalformedError):
        found.is_final()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def test_a_node_without_the_tag_is_unsupported(fake: FakeNode, rpc: Rpc) -> None:
    def refuse(number: str, _full: bool) -> Any:
        raise RpcFault(code=-32601, message=f"tag {number} not supported")

    fake.methods["eth_getBlockByNumber"] = refuse
    found, notebook = probe(rpc, fake.url, finality=Finality(tag="safe", age=Seconds(60)))
    with pytest.raises(UnsupportedError):
        found.is_final()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def test_no_declared_price_verifies_nothing(fake: FakeNode, rpc: Rpc) -> None:
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(UndeclaredError, match=r"add chain\.gas_price"):
        found.is_affordable()
    assert verdicts(notebook) == set()


def test_gas_that_is_dear_is_said() -> None:
    with node("anvil", "--base-fee", str(300 * GWEI)) as url, door(chain_at(url)) as opened:
        notebook = Notebook()
        notebook.check = "check"
        found = NodeProbe(chain_at(url, gas_price=Wei(200 * GWEI)), opened, notebook)
        with pytest.raises(UnmetError, match=r"actual +300 gwei"):
            found.is_affordable()
        assert verdicts(notebook) == {Judgement.UNMET}


@pytest.mark.parametrize(
    ("fees", "price", "most", "holds"),
    [
        # One full block says nothing.
        ([*[100] * 19, 900], 0, 100, True),
        ([*[100] * 9, *[101] * 11], 0, 100, False),
        # A chain without base fees.
        ([None] * 20, 150, 100, False),
        ([None] * 20, 100, 100, True),
    ],
)
def test_what_gas_costs_is_the_median_of_the_last_blocks(
    fake: FakeNode,
    blocks: Blocks,
    rpc: Rpc,
    fees: list[int | None],
    price: int,
    most: int,
    holds: bool,
) -> None:
    asked = fake.methods["eth_getBlockByNumber"]

    def priced(number: str, full: Any) -> Any:
        at = int(number, 16) - (300 - len(fees) + 1)
        fee = fees[at]
        return {**asked(number, full), **({} if fee is None else {"baseFeePerGas": hex(fee)})}

    fake.methods.update(eth_getBlockByNumber=priced, eth_gasPrice=lambda: hex(price))
    found, notebook = probe(rpc, fake.url, gas_price=Wei(most))
    if holds:
        found.is_affordable()
    else:
        with pytest.raises(UnmetError, match="a unit of gas costs at most 1e-07 gwei"):
            found.is_affordable()
    assert verdicts(notebook) == {Judgement.MET if holds else Judgement.UNMET}


def test_blocks_without_an_answer_are_no_price(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    fake.methods["eth_getBlockByNumber"] = lambda *_: None
    found, notebook = probe(rpc, fake.url, gas_price=Wei(1))
    with pytest.raises(ProbeError):
        found.is_affordable()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def test_real_nodes(either: str) -> None:
    with door(chain_at(either)) as opened:
        year: dict[str, Any] = {
            "head_age": Seconds(10**9),
            "finality": Finality(age=Seconds(10**9)),
            "gas_price": Wei(200 * GWEI),
        }
        notebook = Notebook()
        notebook.check = "check"
        found = NodeProbe(chain_at(either, **year), opened, notebook)
        found.in_sync()
        found.is_fresh()
        found.is_final()
        found.is_affordable()
        assert verdicts(notebook) == {Judgement.MET}


def test_a_real_node_whose_head_is_old() -> None:
    with node("anvil", "--timestamp", "1700000000") as url, door(chain_at(url)) as opened:
        notebook = Notebook()
        notebook.check = "check"
        with pytest.raises(NotReadyError, match="newest block 0"):
            NodeProbe(chain_at(url, head_age=Seconds(3600)), opened, notebook).is_fresh()
        assert verdicts(notebook) == {Judgement.UNKNOWN}
