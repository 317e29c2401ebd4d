"""The chain probe: id, head, agreement, accounts, and the failure rate over verified blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    NotReadyError,
    ProbeError,
    UnmetError,
    UnsupportedError,
    UsageError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement, Notebook, RateSample
from pytest_metarelease.manifest.model import Account
from pytest_metarelease.manifest.scalars import Access, Address, Wei
from pytest_metarelease.probes.chain.chain import ChainProbe
from pytest_metarelease.probes.chain.failures import watch
from pytest_metarelease.probes.chain.scanning import Scan
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import DEPOSITOR, SPARE, TRADER
from tests.probes.chain.deployed import artifact, deploy
from tests.probes.chain.nodes import (
    CHAIN_ID,
    Blocks,
    FakeNode,
    chain_at,
    digest,
    door,
    fake_node,
    node,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

CONTRACT = "0x" + "AB" * 20


def probe(rpc: Rpc, url: str, **changes: Any) -> tuple[ChainProbe, Notebook]:
    notebook = Notebook()
    notebook.check = "check"
    chain = chain_at(url, **changes)
    return ChainProbe(chain, rpc, pin(rpc, chain), notebook), notebook


def verdicts(notebook: Notebook) -> set[Judgement]:
    cited = notebook.citations.get("check", [])
    return {one.judgement for one in cited} - {Judgement.NONE}


@pytest.fixture
def blocks(fake: FakeNode) -> Blocks:
    made = Blocks(head=300)
    fake.methods.update(made.methods())
    return made


@pytest.fixture
def rpc(fake: FakeNode) -> Iterator[Rpc]:
    with door(chain_at(fake.url)) as opened:
        yield opened


# ---------------------------------------------------------------------- the failure rate


def test_an_empty_window_gives_a_sample_of_nothing(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    blocks.to = "0x" + "cd" * 20
    found, notebook = probe(rpc, fake.url)
    measurement = found.failure_rate("escrow", CONTRACT, 50)
    assert measurement.sample == RateSample(measure="escrow.failure_rate", bad=0, total=0)
    assert verdicts(notebook) == set()


def test_failures_are_counted_exactly(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    blocks.failed = [(number, 0) for number in range(0, 300, 7)]
    found, notebook = probe(rpc, fake.url)
    measurement = found.failure_rate("escrow", CONTRACT, 200)
    expected = len([number for number in range(101, 301) if number % 7 == 0])
    assert measurement.sample == RateSample(measure="escrow.failure_rate", bad=expected, total=400)
    assert measurement.subject == "contract:escrow"
    assert verdicts(notebook) == set()


def test_a_window_longer_than_the_chain_ends_at_its_start(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    blocks.head = 9
    found, _ = probe(rpc, fake.url)
    sample = found.failure_rate("escrow", CONTRACT, 1000).sample
    assert isinstance(sample, RateSample)
    assert sample.total == 20


def test_a_node_without_receipts_by_block_is_asked_by_transaction(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    blocks.failed = [(300, 1)]
    del fake.methods["eth_getBlockReceipts"]
    found, _ = probe(rpc, fake.url)
    sample = found.failure_rate("escrow", CONTRACT, 120).sample
    assert sample == RateSample(measure="escrow.failure_rate", bad=1, total=240)


def test_a_node_without_any_receipts_is_unsupported(
    fake: FakeNode, blocks: Blocks, rpc: Rpc
) -> None:
    del fake.methods["eth_getBlockReceipts"], fake.methods["eth_getTransactionReceipt"]
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(UnsupportedError):
        found.failure_rate("escrow", CONTRACT, 10)
    assert verdicts(notebook) == {Judgement.UNKNOWN}


def _wrong(blocks: Blocks, change: Any) -> Any:
    def receipts(number: str) -> Any:
        honest = blocks.receipts(int(number, 16))
        return change(honest) if int(number, 16) == 290 else honest

    return receipts


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda honest: honest[:-1], id="shorter"),
        pytest.param(lambda _: [], id="empty"),
        pytest.param(lambda _: None, id="null"),
        pytest.param(lambda honest: [*honest, honest[0]], id="longer"),
        pytest.param(lambda honest: honest[::-1], id="of-others"),
        pytest.param(lambda honest: [None, honest[1]], id="null-inside"),
        pytest.param(lambda honest: [{**honest[0], "status": "0x2"}, honest[1]], id="status-2"),
        pytest.param(lambda honest: [{**honest[0], "status": None}, honest[1]], id="no-status"),
        pytest.param(lambda honest: [{**honest[0], "to": "0x12"}, honest[1]], id="to-nobody"),
        pytest.param(
            lambda honest: [{**honest[0], "blockHash": digest(1)}, honest[1]], id="of-another-block"
        ),
    ],
)
def test_receipts_that_do_not_fit_their_block_are_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, change: Any
) -> None:
    fake.methods["eth_getBlockReceipts"] = _wrong(blocks, change)
    found, notebook = probe(rpc, fake.url)
    with pytest.raises((MalformedError, WrongTargetError)):
        found.failure_rate("escrow", CONTRACT, 100)
    assert verdicts(notebook) == {Judgement.UNKNOWN}


@pytest.mark.parametrize("when", [1, 2])
def test_a_reorganisation_within_the_scan_is_unknown(
    fake: FakeNode, blocks: Blocks, rpc: Rpc, when: int
) -> None:
    found, _ = probe(rpc, fake.url)
    batches = [0]

    def twist(asked: Any, honest: Any) -> Any:
        if isinstance(asked, list):
            batches[0] += 1
            blocks.salt = int(batches[0] >= when)
        return honest

    fake.twist = twist
    with pytest.raises(WrongTargetError, match="reorganised"):
        found.failure_rate("escrow", CONTRACT, 200)


def test_a_scan_ends_with_its_budget(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found, _ = probe(rpc, fake.url)
    times = iter([0.0, 1.0, 100.0])
    scan = Scan(rpc, found.snapshot, budget=10, clock=lambda: next(times))
    with pytest.raises(DeadlineError, match=r"failures\.blocks"):
        watch(scan, CONTRACT, 1, 300)


# ---------------------------------------------------------------------- id, head, agreement


def test_id_and_head_are_readings(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found, notebook = probe(rpc, fake.url)
    found.id().expect(CHAIN_ID)
    blocks.head += 5
    found.head().at_least(305)
    with pytest.raises(UnmetError):
        found.id().expect(1)
    assert verdicts(notebook) == {Judgement.MET, Judgement.UNMET}


def test_the_pinned_block_is_judged_at_the_end(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found, notebook = probe(rpc, fake.url)
    found.still_pinned()
    assert verdicts(notebook) == {Judgement.MET}
    blocks.salt = 1
    with pytest.raises(WrongTargetError):
        found.still_pinned()
    assert verdicts(notebook) == {Judgement.MET, Judgement.UNKNOWN}


def test_no_second_node_is_unsupported(fake: FakeNode, blocks: Blocks, rpc: Rpc) -> None:
    found, notebook = probe(rpc, fake.url)
    with pytest.raises(UnsupportedError, match="second_rpc"):
        found.agreement()
    assert verdicts(notebook) == {Judgement.UNKNOWN}


@pytest.mark.parametrize(
    ("second", "chain_id", "expected"),
    [
        (Blocks(head=300), CHAIN_ID, None),
        (Blocks(head=400), CHAIN_ID, None),
        (Blocks(head=299), CHAIN_ID, NotReadyError),
        (Blocks(head=300, salt=1), CHAIN_ID, WrongTargetError),
        (Blocks(head=300), 1, WrongTargetError),
    ],
    ids=["same", "ahead", "behind", "disagrees", "other-chain"],
)
def test_two_nodes_must_agree(
    fake: FakeNode,
    blocks: Blocks,
    rpc: Rpc,
    second: Blocks,
    chain_id: int,
    expected: type[ProbeError] | None,
) -> None:
    methods = {**second.methods(), "eth_chainId": lambda: hex(chain_id)}
    with fake_node(methods) as other:
        found, notebook = probe(rpc, fake.url, second_rpc=other.url)
        if expected is None:
            found.agreement()
            assert verdicts(notebook) == {Judgement.MET}
            return
        with pytest.raises(expected):
            found.agreement()
        assert verdicts(notebook) == {Judgement.UNKNOWN}


# ---------------------------------------------------------------------- on real nodes


def test_accounts_and_failures_on_a_real_node(either: str) -> None:
    with door(chain_at(either), Access.TRANSACT) as opened:
        escrow = deploy(opened)
        refund = artifact().interface.function("refund").selector
        wallet, price = Wallet(opened, CHAIN_ID, TRADER.key), fees(opened)
        for _ in range(3):
            assert not wallet.send(to=escrow, fee=price, gas=100_000, data=refund).succeeded
        wallet.send(to=SPARE[0].address, fee=price, gas=21_000, value=1)
        accounts = {"depositor": Account(address=Address(DEPOSITOR.address), min_balance=Wei(1))}
        found, notebook = probe(opened, either, accounts=accounts)
        sample = found.failure_rate("escrow", escrow, 20).sample
        assert sample == RateSample(measure="escrow.failure_rate", bad=3, total=3)
        reading = found.account("depositor")
        reading.at_least(accounts["depositor"].min_balance)
        assert reading.measurement.subject == "account:depositor"
        found.balance(escrow).expect(0)
        found.still_pinned()
        with pytest.raises(UsageError, match="declared: depositor"):
            found.account("arbiter")
        assert verdicts(notebook) == {Judgement.MET}


def test_the_wrong_chain_on_a_real_node() -> None:
    with (
        node("anvil", "--chain-id", "1337") as url,
        door(chain_at(url)) as opened,
        pytest.raises(WrongTargetError, match=r"1337.*31337"),
    ):
        pin(opened, chain_at(url))
