"""The embedded node answers as anvil does: shapes, errors, history, batches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import rlp  # type: ignore[import-untyped]
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_utils.crypto import keccak

from pytest_metarelease.sandbox import accounts
from pytest_metarelease.sandbox.abi import call, selector
from pytest_metarelease.sandbox.artifact import creation_code
from pytest_metarelease.sandbox.signing import Transaction
from tests.sandbox.world import EMBEDDED, anvil, ask, rpc, rpc_raw, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ETHER = 10**18
#: Fields that anvil adds to what the execution API specifies, or still lacks.
ANVIL_ONLY = {"blobGasPrice", "blockTimestamp"}
OURS_ONLY = {"totalDifficulty"}


@pytest.fixture(scope="module")
def embedded() -> Iterator[Mapping[str, str]]:
    with sandbox(using=EMBEDDED) as running:
        yield running.variables


@pytest.fixture(scope="module")
def foundry() -> Iterator[Mapping[str, str]]:
    with sandbox(using=anvil()) as running:
        yield running.variables


@pytest.fixture
def node(embedded: Mapping[str, str]) -> str:
    return embedded["SANDBOX_RPC_URL"]


def keys(value: Any) -> set[str]:
    return set(value) - ANVIL_ONLY - OURS_ONLY


def same_shape(ours: Any, theirs: Any) -> None:
    """The same keys, and for each the same kind of value and hex width class."""
    assert keys(ours) == keys(theirs)
    for name in keys(ours):
        assert type(ours[name]) is type(theirs[name]), name
        if isinstance(ours[name], str) and len(theirs[name]) > 66:
            assert len(ours[name]) == len(theirs[name]), name


def both(embedded: Mapping[str, str], foundry: Mapping[str, str], *request: Any) -> tuple[Any, Any]:
    return rpc(embedded["SANDBOX_RPC_URL"], *request), rpc(foundry["SANDBOX_RPC_URL"], *request)


def test_blocks_receipts_and_logs_look_like_anvils(
    embedded: Mapping[str, str], foundry: Mapping[str, str]
) -> None:
    for number in ("0x1", "0x2", "0x3"):
        ours, theirs = both(embedded, foundry, "eth_getBlockByNumber", number, False)
        same_shape(ours, theirs)
        assert ours["transactions"] == theirs["transactions"]
        ours, theirs = both(embedded, foundry, "eth_getBlockByNumber", number, True)
        for mine, other in zip(ours["transactions"], theirs["transactions"], strict=True):
            same_shape(mine, other)
        ours, theirs = both(embedded, foundry, "eth_getBlockReceipts", number)
        for mine, other in zip(ours, theirs, strict=True):
            same_shape(mine, other)
            for name in ("status", "gasUsed", "cumulativeGasUsed", "contractAddress", "logsBloom"):
                assert mine[name] == other[name], name
            for log, twin in zip(mine["logs"], other["logs"], strict=True):
                same_shape(log, twin)
                for name in ("address", "topics", "data", "logIndex"):
                    assert log[name] == twin[name]


def test_reverts_and_refusals_are_worded_as_nodes_do(
    embedded: Mapping[str, str], foundry: Mapping[str, str]
) -> None:
    escrow = embedded["SANDBOX_ESCROW"]
    stranger = {"to": escrow, "data": "0x" + selector("refund()").hex()}
    empty = {"to": escrow, "data": "0xdeadbeef"}
    nodes = (embedded["SANDBOX_RPC_URL"], foundry["SANDBOX_RPC_URL"])
    for request in (
        ("eth_call", stranger, "latest"),
        ("eth_call", empty, "latest"),
        ("eth_estimateGas", stranger),
    ):
        ours, theirs = (rpc_raw(node, *request)["error"] for node in nodes)
        assert (ours["code"], ours.get("data")) == (theirs["code"], theirs.get("data"))
        assert ours["message"].startswith("execution reverted")
    for node in nodes:
        assert rpc_raw(node, "eth_noSuchMethod")["error"]["code"] == -32601
        assert rpc_raw(node, "eth_getBalance", "0x12", "latest")["error"]["code"] == -32602
    missing = both(embedded, foundry, "eth_getTransactionReceipt", "0x" + "00" * 32)
    assert missing == (None, None)
    assert both(embedded, foundry, "eth_getBlockByNumber", "0xffff", False) == (None, None)


def test_a_block_hash_is_the_hash_of_its_header(node: str) -> None:
    parent = rpc(node, "eth_getBlockByNumber", "0x0", False)
    for number in range(1, int(rpc(node, "eth_blockNumber"), 16) + 1):
        block = rpc(node, "eth_getBlockByNumber", hex(number), False)
        assert block["parentHash"] == parent["hash"]
        assert int(block["timestamp"], 16) > int(parent["timestamp"], 16)
        assert keccak(rlp.encode(_header(block))) == bytes.fromhex(block["hash"][2:])
        assert rpc(node, "eth_getBlockByHash", block["hash"], False) == block
        receipts = rpc(node, "eth_getBlockReceipts", hex(number))
        assert rpc(node, "eth_getBlockReceipts", block["hash"]) == receipts
        assert rpc(node, "eth_getBlockReceipts", {"blockHash": block["hash"]}) == receipts
        assert [receipt["transactionHash"] for receipt in receipts] == block["transactions"]
        parent = block


def test_the_past_stays_what_it_was(embedded: Mapping[str, str], node: str) -> None:
    arbiter, escrow = embedded["SANDBOX_ARBITER"], embedded["SANDBOX_ESCROW"]
    state = {"to": escrow, "data": "0x" + selector("currentState()").hex()}
    past = {
        number: rpc(node, "eth_getBlockByNumber", number, False)["hash"]
        for number in ("0x0", "0x1", "0x2")
    }
    for where in past:
        for at in (where, {"blockHash": past[where]}, {"blockNumber": where}):
            deployed = where != "0x0"
            assert rpc(node, "eth_getBalance", arbiter, at) == (hex(ETHER) if deployed else "0x0")
            assert (rpc(node, "eth_getCode", escrow, at) != "0x") == deployed
            found = rpc(node, "eth_call", state, at)
            assert found == ("0x" if not deployed else "0x" + "00" * 31 + f"0{int(where, 16) - 1}")
    deployer = accounts.DEPLOYER.address
    assert rpc(node, "eth_getTransactionCount", deployer, "0x0") == "0x0"
    assert rpc(node, "eth_getTransactionCount", deployer, "0x1") == hex(11)
    assert rpc_raw(node, "eth_call", state, {"blockHash": "0x" + "11" * 32})["error"]["code"] < 0
    assert int(rpc(node, "eth_getStorageAt", escrow, "0x0", "0x2"), 16) & 0xFF == 1


def test_money_moves_and_gas_is_estimated(node: str) -> None:
    spender = accounts.SPENDER
    before = int(rpc(node, "eth_blockNumber"), 16)
    nonce = int(rpc(node, "eth_getTransactionCount", spender.address, "latest"), 16)
    to = "0x" + "42" * 20
    raw = Transaction(nonce, 3 * 10**9, 21_000, to, 5, b"").signed(spender.key, 31337)
    digest = rpc(node, "eth_sendRawTransaction", "0x" + raw.hex())
    assert digest == "0x" + keccak(raw).hex()
    receipt = rpc(node, "eth_getTransactionReceipt", digest)
    assert (receipt["status"], receipt["gasUsed"]) == ("0x1", hex(21_000))
    assert int(receipt["blockNumber"], 16) == before + 1
    sent = rpc(node, "eth_getTransactionByHash", digest)
    assert (sent["from"], sent["to"]) == (spender.address.lower(), to)
    assert rpc(node, "eth_getBalance", to, "latest") == "0x5"
    again = rpc_raw(node, "eth_sendRawTransaction", "0x" + raw.hex())["error"]
    assert again["message"].startswith("nonce too low")
    plain = {"from": spender.address, "to": to, "value": "0x1"}
    assert 21_000 <= int(rpc(node, "eth_estimateGas", plain), 16) <= 24_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": 1000}, "nonce too high"),
        ({"gas": 20_000}, "intrinsic gas too low"),
        ({"gas": 40_000_000}, "exceeds block gas limit"),
        ({"gas_price": 1}, "max fee per gas less than block base fee"),
        ({"value": 10**30}, "insufficient funds for gas * price + value"),
        ({"chain": 1}, "invalid chain id for signer"),
    ],
)
def test_a_transaction_that_cannot_be_is_refused(
    node: str, change: dict[str, int], words: str
) -> None:
    spender = accounts.SPENDER
    nonce = int(rpc(node, "eth_getTransactionCount", spender.address, "latest"), 16)
    fields = {"nonce": nonce, "gas_price": 3 * 10**9, "gas": 21_000, "value": 1, **change}
    chain = fields.pop("chain", 31337)
    raw = Transaction(to=spender.address, data=b"", **fields).signed(spender.key, chain)
    error = rpc_raw(node, "eth_sendRawTransaction", "0x" + raw.hex())["error"]
    assert (error["code"], words in error["message"]) == (-32000, True), error


def test_an_estimate_is_enough(embedded: Mapping[str, str], node: str) -> None:
    create = {"from": accounts.SPENDER.address, "data": creation_code("StubRouter", b"")}
    gas = rpc(node, "eth_estimateGas", create)
    digest = rpc(node, "eth_sendTransaction", {**create, "gas": gas})
    receipt = rpc(node, "eth_getTransactionReceipt", digest)
    assert receipt["status"] == "0x1"
    assert rpc(node, "eth_getCode", receipt["contractAddress"], "latest") != "0x"
    data = call("submitEvidence(string)", "ipfs://estimate")
    request = {
        "from": embedded["SANDBOX_DEPOSITOR"],
        "to": embedded["SANDBOX_ESCROW"],
        "data": data,
    }
    gas = rpc(node, "eth_estimateGas", request)
    digest = rpc(node, "eth_sendTransaction", {**request, "gas": gas})
    assert rpc(node, "eth_getTransactionReceipt", digest)["status"] == "0x1"


def test_logs_are_found_by_address_topic_and_range(
    embedded: Mapping[str, str], foundry: Mapping[str, str]
) -> None:
    escrow = embedded["SANDBOX_ESCROW"]
    evidence = "0x" + keccak(b"EvidenceSubmitted(address,string)").hex()
    depositor = "0x" + "00" * 12 + accounts.DEPOSITOR.address[2:].lower()
    for wanted, count in (
        ({"fromBlock": "0x3", "toBlock": "0x5", "address": escrow}, 66),
        ({"fromBlock": "0x3", "toBlock": "0x3", "topics": [evidence, depositor]}, 11),
        (
            {"fromBlock": "0x0", "toBlock": "0x5", "topics": [None, [depositor, "0x" + "11" * 32]]},
            34,
        ),
        ({"fromBlock": "0x3", "toBlock": "0x5", "address": [accounts.SPENDER.address]}, 0),
    ):
        ours, theirs = both(embedded, foundry, "eth_getLogs", wanted)
        assert (len(ours), len(theirs)) == (count, count), wanted
        assert [log["data"] for log in ours] == [log["data"] for log in theirs]


def test_batches_and_bad_requests(node: str) -> None:
    def post(body: Any) -> Any:
        return ask(node, "POST", body).json()

    one = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
    assert post(one) == {"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}
    answers = post([one, {**one, "id": "b", "method": "nope"}, 5])
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600]
    assert [answer["id"] for answer in answers] == [1, "b", None]
    assert post(b"{")["error"]["code"] == -32700
    assert post([])["error"]["code"] == -32600
    assert post({**one, "params": {}})["error"]["code"] == -32602
    assert ask(node).status == 405


def test_many_clients_at_once_get_their_own_answers(embedded: Mapping[str, str], node: str) -> None:
    getters = ("arbiter()", "depositor()", "counterparty()", "uniswapRouter()")
    names = ("ARBITER", "DEPOSITOR", "COUNTERPARTY", "ROUTER")
    wanted = [embedded[f"SANDBOX_{name}"].lower()[2:] for name in names]

    def getter(number: int) -> bool:
        data = "0x" + selector(getters[number % 4]).hex()
        found = rpc(node, "eth_call", {"to": embedded["SANDBOX_ESCROW"], "data": data}, "latest")
        return bool(found[-40:] == wanted[number % 4])

    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(getter, range(80)))


def _header(block: Mapping[str, Any]) -> Any:
    def number(name: str) -> Any:
        return int(block[name], 16)

    def raw(name: str) -> Any:
        return bytes.fromhex(block[name][2:])

    return CancunBlockHeader(
        parent_hash=raw("parentHash"),
        uncles_hash=raw("sha3Uncles"),
        coinbase=raw("miner"),
        state_root=raw("stateRoot"),
        transaction_root=raw("transactionsRoot"),
        receipt_root=raw("receiptsRoot"),
        bloom=number("logsBloom"),
        difficulty=number("difficulty"),
        block_number=number("number"),
        gas_limit=number("gasLimit"),
        gas_used=number("gasUsed"),
        timestamp=number("timestamp"),
        extra_data=raw("extraData"),
        mix_hash=raw("mixHash"),
        nonce=raw("nonce"),
        base_fee_per_gas=number("baseFeePerGas"),
        withdrawals_root=raw("withdrawalsRoot"),
        blob_gas_used=number("blobGasUsed"),
        excess_blob_gas=number("excessBlobGas"),
        parent_beacon_block_root=raw("parentBeaconBlockRoot"),
    )
