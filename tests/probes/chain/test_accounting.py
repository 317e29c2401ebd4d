"""A contract's books against its balance, on real nodes and on ones that tell half of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    RefusedError,
    UndeclaredError,
    UnmetError,
    UsageError,
    WrongTargetError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access, Address, Share, Wei
from pytest_metarelease.manifest.traffic import Accounting
from pytest_metarelease.probes.chain import spenders
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.accounting import judge_accounting
from pytest_metarelease.probes.chain.codec import call_data, encode
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPLOYER, DEPOSITOR
from tests.probes.chain.deployed import (
    AMOUNT,
    NOBODY,
    TRADE_HASH,
    Bench,
    artifact,
    bench,
    declared,
    deploy,
    invoke,
    transact,
)
from tests.probes.chain.lying import lying
from tests.probes.chain.nodes import chain_at, door, node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

ADDS = {"Deposited": ("amount",)}
SUBTRACTS = {"Refunded": ("amount",), "FundsReleased": ("amount",)}


@pytest.fixture
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture
def one(anvil: str) -> Iterator[Rpc]:
    """One node, where the kind of node makes no difference."""
    with door(chain_at(anvil), Access.TRANSACT) as opened:
        yield opened


def books(address: str, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "adds": ADDS, "subtracts": SUBTRACTS, "empties": ("TradeExecuted",), **changes,
    }  # fmt: skip
    return declared(address, accounting=Accounting(**values))


def on(rpc: Rpc, address: str, **changes: Any) -> Bench:
    return bench(rpc, books(address, **changes))


def deposited(rpc: Rpc) -> str:
    transact(rpc, DEPLOYER, ARBITER.address, "0x", 10**16)
    address = deploy(rpc)
    invoke(rpc, DEPOSITOR, address, "deposit", value=AMOUNT)
    return address


def force(rpc: Rpc, address: str, value: int) -> None:
    """Send ether by a contract that ends itself while it is made: no code of ours is asked."""
    transact(rpc, DEPLOYER, None, "0x73" + address[2:].lower() + "ff", value)


def test_no_books_are_a_usage_error(one: Rpc) -> None:
    found = bench(one, declared(deploy(one)))
    with pytest.raises(UsageError, match="declares no accounting"):
        judge_accounting(found.probe)
    assert found.verdicts == set()


def test_an_empty_contract_holds_the_sum_of_nothing(rpc: Rpc) -> None:
    found = on(rpc, deploy(rpc))
    judge_accounting(found.probe)
    assert found.verdicts == {Judgement.MET}


def test_deposit_and_refund_add_up(rpc: Rpc) -> None:
    address = deposited(rpc)
    found = on(rpc, address)
    judge_accounting(found.probe)
    assert found.cited[0].actual.startswith(f"{AMOUNT} wei are there; 1 events")
    invoke(rpc, ARBITER, address, "refund")
    after = on(rpc, address)
    judge_accounting(after.probe)
    assert after.cited[0].actual.startswith("0 wei are there; 2 events")


@pytest.mark.parametrize(
    ("forced", "deviation", "dust", "met"),
    [
        (AMOUNT // 100, 0.01, 0, True),
        (AMOUNT // 100 + 1, 0.01, 0, False),
        (AMOUNT // 50, 0.01, 0, False),
        (AMOUNT // 50, 0.02, 0, True),
        (AMOUNT // 50, 0.01, AMOUNT // 50, True),
        (1, 0.0, 0, False),
        (1, 0.0, 1, True),
    ],
)
def test_the_deviation_is_the_declared_one(
    one: Rpc, forced: int, deviation: float, dust: int, met: bool
) -> None:
    address = deposited(one)
    force(one, address, forced)
    found = on(one, address, deviation=Share(deviation), dust=Wei(dust))
    if met:
        judge_accounting(found.probe)
        assert found.verdicts == {Judgement.MET}
        return
    with pytest.raises(UnmetError, match=rf"{AMOUNT + forced} wei are there.*\+{forced}"):
        judge_accounting(found.probe)
    assert found.verdicts == {Judgement.UNMET}


def test_ether_where_nothing_was_booked_is_a_deviation(rpc: Rpc) -> None:
    address = deploy(rpc)
    force(rpc, address, 1)
    with pytest.raises(UnmetError, match="1 wei are there; 0 events"):
        judge_accounting(on(rpc, address).probe)


def test_missing_money_is_named_so(one: Rpc) -> None:
    found = on(one, deposited(one))
    found.probe.rpc = lying(one, "eth_getBalance", lambda *_: hex(AMOUNT * 97 // 100))
    with pytest.raises(UnmetError, match=r"-3\.00%") as caught:
        judge_accounting(found.probe)
    assert "money is missing" in str(caught.value)


def test_more_left_than_came_is_unmet(one: Rpc) -> None:
    address = deposited(one)
    invoke(one, ARBITER, address, "refund")
    wrong = on(one, address, adds={"Refunded": ("amount",)}, subtracts={"Deposited": ("amount",)})
    judge_accounting(wrong.probe)  # it adds up to nothing, and nothing is there
    only_left = on(one, deposited(one), adds={"Refunded": ("amount",)}, subtracts=ADDS)
    with pytest.raises(UnmetError, match="money is missing"):
        judge_accounting(only_left.probe)


LATE = 2**40


def traded(rpc: Rpc) -> str:
    """Return an escrow that traded all, and said two numbers that add up to that."""
    router = deploy(rpc, "StubRouter", ())
    built = artifact()
    terms = (
        DEPOSITOR.address, NOBODY, "0.1 ether", COUNTERPARTY.address, ARBITER.address,
        TRADE_HASH, router,
    )  # fmt: skip
    data = built.creation + encode(built.interface.constructor, terms)
    address = str(transact(rpc, DEPLOYER, None, "0x" + data.hex()).contract)
    token = deploy(rpc, "SimpleToken", ("Points", "PTS", "1000000 ether"))
    pay = artifact("SimpleToken").interface.function("transfer").selector
    words = router[2:].lower().rjust(64, "0") + f"{10**24:064x}"
    transact(rpc, DEPLOYER, token, pay + words)
    invoke(rpc, DEPOSITOR, address, "deposit", value=AMOUNT)
    invoke(rpc, COUNTERPARTY, address, "confirmTrade")
    invoke(rpc, DEPOSITOR, address, "executeTrade", AMOUNT - LATE, [NOBODY, token], LATE)
    return address


def test_a_trade_empties_the_books(rpc: Rpc) -> None:
    found = on(rpc, traded(rpc))
    judge_accounting(found.probe)
    assert found.cited[0].actual.startswith("0 wei are there; 2 events")


def test_several_amounts_of_one_event_add_up(one: Rpc) -> None:
    address = traded(one)
    parts = {"TradeExecuted": ("amountOutMin", "deadline")}
    half = on(one, address, subtracts={"TradeExecuted": ("amountOutMin",)}, empties=())
    with pytest.raises(UnmetError, match=f"0 wei are there.*-{LATE} "):
        judge_accounting(half.probe)
    found = on(one, address, subtracts=parts, empties=())
    judge_accounting(found.probe)
    assert found.cited[0].actual.startswith(f"0 wei are there; 2 events: {AMOUNT} came")


def test_an_escrow_of_tokens_is_counted_in_tokens(rpc: Rpc) -> None:
    token = deploy(rpc, "SimpleToken", ("Points", "PTS", "1000"))
    whole = artifact("SimpleToken").interface
    supply = bench(rpc, declared(token), "SimpleToken").probe.read("totalSupply").value
    part = supply // 10
    terms = (
        DEPLOYER.address, token, part, COUNTERPARTY.address, ARBITER.address, TRADE_HASH, NOBODY,
    )  # fmt: skip
    address = deploy(rpc, "Escrow", terms)
    approve = whole.function("approve").selector + address[2:].lower().rjust(64, "0")
    transact(rpc, DEPLOYER, token, approve + f"{part:064x}")
    invoke(rpc, DEPLOYER, address, "deposit")
    found = on(rpc, address, token=Address(token))
    judge_accounting(found.probe)
    assert found.verdicts == {Judgement.MET}
    # In ether it holds nothing, and its events say otherwise.
    with pytest.raises(UnmetError):
        judge_accounting(on(rpc, address).probe)


# ---------------------------------------------------------------------- who may take it


def allow(rpc: Rpc, token: str, spender: str, amount: int) -> None:
    """Let somebody take tokens of the depositor, who stands for a contract here."""
    approve = artifact("SimpleToken").interface.function("approve")
    transact(rpc, DEPOSITOR, token, call_data(approve, (spender, amount)))


def test_who_may_take_the_token_is_declared(rpc: Rpc) -> None:
    token = deploy(rpc, "SimpleToken", ("Points", "PTS", "1000"))
    wanted: dict[str, Any] = {"token": Address(token)}
    found = on(rpc, DEPOSITOR.address, **wanted)
    judge_accounting(found.probe)
    assert [one.actual for one in found.cited][1:] == ["allowed: nobody"]
    allow(rpc, token, ARBITER.address, 7)
    with pytest.raises(UnmetError, match=rf'{ARBITER.address} may take 7.*\n.*\n.*spenders: \["0x'):
        judge_accounting(on(rpc, DEPOSITOR.address, **wanted).probe)
    met = on(rpc, DEPOSITOR.address, **wanted, spenders=(ARBITER.address,))
    judge_accounting(met.probe)
    assert met.verdicts == {Judgement.MET}
    with pytest.raises(UnmetError, match=f"taken by {COUNTERPARTY.address} only"):
        judge_accounting(
            on(rpc, DEPOSITOR.address, **wanted, spenders=(COUNTERPARTY.address,)).probe
        )
    # What was taken back is over, and what others allowed is theirs.
    allow(rpc, token, ARBITER.address, 0)
    judge_accounting(on(rpc, DEPOSITOR.address, **wanted).probe)
    judge_accounting(on(rpc, COUNTERPARTY.address, **wanted).probe)


def test_nobody_is_allowed_to_take_ether(one: Rpc) -> None:
    with pytest.raises(UsageError, match="books of a `token`"):
        judge_accounting(on(one, deploy(one), spenders=(ARBITER.address,)).probe)


def test_approvals_of_others_are_no_answer(one: Rpc) -> None:
    token = deploy(one, "SimpleToken", ("Points", "PTS", "1000"))
    allow(one, token, ARBITER.address, 7)

    def of_another(_ask: Any, answer: Any) -> Any:
        for log in answer:
            log["topics"][1:2] = ["0x" + "11" * 32]
        return answer

    found = on(one, DEPOSITOR.address, token=Address(token))
    found.probe.rpc = lying(one, "eth_getLogs", of_another)
    with pytest.raises(MalformedError, match="not asked for"):
        judge_accounting(found.probe)
    assert Judgement.UNKNOWN in found.verdicts


# ---------------------------------------------------------------------- what is a mistake


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"adds": {"Deposit": ("amount",)}}, "did you mean Deposited"),
        ({"adds": {"Deposited": ("sum",)}}, "has no uint sum"),
        ({"adds": {"Deposited": ("depositor",)}}, "has no uint depositor"),
        ({"adds": {"Deposited": ("amount", "sum")}}, "has no uint sum"),
        ({"adds": {"Deposited": ("amount", "amount")}}, "counts amount twice"),
        ({"subtracts": {"Deposited": ("amount",)}}, "twice"),
        ({"empties": ("Refunded",)}, "twice"),
    ],
)
def test_events_that_are_not_there_are_usage_errors(
    one: Rpc, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        judge_accounting(on(one, deploy(one), **changes).probe)


# ---------------------------------------------------------------------- half of the truth


def _unknown(found: Bench, error: type[ProbeError], match: str) -> None:
    with pytest.raises(error, match=match):
        judge_accounting(found.probe)
    assert found.verdicts == {Judgement.UNKNOWN}


def test_events_from_after_the_deployment_are_not_the_whole(rpc: Rpc) -> None:
    address = deposited(rpc)
    found = on(rpc, address, since=bench(rpc, declared(address)).probe.snapshot.number)
    _unknown(found, UndeclaredError, r"declare accounting\.since")
    # The same where the whole chain is declared to begin later.
    late = on(rpc, address)
    late.probe.directory = Directory(deployed_block=late.probe.snapshot.number)
    _unknown(late, UndeclaredError, r"declare accounting\.since")


def test_the_receipt_of_the_creation_serves_where_old_state_is_gone(rpc: Rpc) -> None:
    address = deposited(rpc)
    created = bench(rpc, declared(address)).probe.snapshot.number - 1

    def pruned(_: Any, __: Any) -> Any:
        return RefusedError("missing trie node")

    found = on(rpc, address, since=created)
    found.probe.rpc = lying(rpc, "eth_getCode", pruned)
    judge_accounting(found.probe)
    assert found.verdicts == {Judgement.MET}
    other = on(rpc, address, since=created + 1)
    other.probe.rpc = lying(rpc, "eth_getCode", pruned)
    _unknown(other, RefusedError, "missing trie node")


def _logs(change: Any) -> Any:
    def lie(_: Any, answer: Any) -> Any:
        return change(answer) if answer else answer

    return lie


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda logs: [*logs, logs[0]], MalformedError, id="twice"),
        pytest.param(lambda logs: [{**logs[0], "removed": True}], MalformedError, id="removed"),
        pytest.param(lambda _: None, MalformedError, id="null"),
        pytest.param(lambda logs: [{**logs[0], "data": "0x"}], MalformedError, id="no-amount"),
        pytest.param(lambda logs: [{**logs[0], "data": "0xzz"}], MalformedError, id="no-hex"),
        pytest.param(
            lambda logs: [{**logs[0], "topics": logs[0]["topics"][:1]}],
            MalformedError,
            id="fewer-topics",
        ),
        pytest.param(
            lambda logs: [{**logs[0], "address": "0x" + "ab" * 20}], MalformedError, id="of-another"
        ),
        pytest.param(
            lambda logs: [{**logs[0], "blockNumber": "0xffffff"}], MalformedError, id="beyond"
        ),
        pytest.param(
            lambda logs: [{**logs[0], "blockHash": "0x" + "ab" * 32}],
            WrongTargetError,
            id="of-another-block",
        ),
        pytest.param(lambda _: RefusedError("overloaded"), RefusedError, id="refused"),
    ],
)
def test_logs_that_cannot_be_whole_are_unknown(
    one: Rpc, change: Any, error: type[ProbeError]
) -> None:
    found = on(one, deposited(one))
    found.probe.rpc = lying(one, "eth_getLogs", _logs(change))
    _unknown(found, error, ".")


def test_a_range_that_the_node_refuses_is_split(one: Rpc) -> None:
    """One that takes ten blocks at a time, as some public nodes do."""
    ranges = []

    def limited(ask: Any, answer: Any) -> Any:
        low, high = (int(ask.params[0][key], 16) for key in ("fromBlock", "toBlock"))
        ranges.append((low, high))
        return RefusedError("query exceeds max block range 10") if high - low >= 10 else answer

    found = on(one, deposited(one))
    for _ in range(12):
        transact(one, DEPLOYER, DEPLOYER.address, "0x")
    found = on(one, found.probe.address)
    found.probe.rpc = lying(one, "eth_getLogs", limited)
    judge_accounting(found.probe)
    assert found.verdicts == {Judgement.MET}
    taken = [range(low, high + 1) for low, high in ranges if high - low < 10]
    assert {block for one in taken for block in one} == set(range(found.probe.snapshot.number + 1))


def test_a_chain_that_is_replaced_while_logs_are_read_is_unknown() -> None:
    with node("anvil") as url, door(chain_at(url), Access.TRANSACT) as opened:
        found = on(opened, deposited(opened))

        def replaced(ask: Any, answer: Any) -> Any:
            asked = int(ask.params[0], 16)
            return {**answer, "hash": "0x" + "ab" * 32} if asked == number else answer

        number = found.probe.snapshot.number
        found.probe.rpc = lying(opened, "eth_getBlockByNumber", replaced)
        with pytest.raises(WrongTargetError):
            judge_accounting(found.probe)
        assert found.verdicts == {Judgement.UNKNOWN}


def test_the_topic_that_is_written_out_is_that_of_the_event() -> None:
    assert "0x" + keccak(b"Approval(address,address,uint256)").hex() == spenders._APPROVAL
