"""The w3 of QA goes through the same door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hexbytes import HexBytes
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder
from web3.types import RPCEndpoint

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    RefusedError,
    UnreachableError,
    WrongTargetError,
)
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.methods import READS
from pytest_metarelease.probes.chain.purse import Purse
from pytest_metarelease.probes.chain.signing import sign_transaction
from pytest_metarelease.probes.chain.web3_door import make_w3
from pytest_metarelease.sandbox.accounts import ARBITER, DEPOSITOR, SPENDER
from tests.probes.chain.deployed import deploy
from tests.probes.chain.nodes import (
    ARTIFACTS,
    CHAIN_ID,
    Blocks,
    FakeNode,
    chain_at,
    digest,
    door,
)
from tests.probes.hostile import answer, closed_port, hostile_server, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


WHO = Web3.to_checksum_address(ARBITER.address)
SENT = HexBytes("0x" + "77" * 32)


@pytest.fixture(scope="module")
def address(either: str) -> str:
    with door(chain_at(either), Access.TRANSACT) as rpc:
        return deploy(rpc)


@pytest.fixture
def w3(either: str) -> Iterator[Web3]:
    opened = make_w3(chain_at(either), Access.READ_ONLY)
    yield opened
    opened.provider.close()  # type: ignore[attr-defined]


def _escrow(w3: Web3, address: str) -> Any:
    abi = json.loads((ARTIFACTS / "Escrow.json").read_text())["abi"]
    return w3.eth.contract(address=w3.to_checksum_address(address), abi=abi)


def test_contracts_are_read_as_ever(w3: Web3, address: str) -> None:
    escrow = _escrow(w3, address)
    assert w3.is_connected()
    assert w3.eth.chain_id == CHAIN_ID
    assert escrow.functions.arbiter().call() == ARBITER.address
    assert len(w3.eth.get_code(escrow.address)) > 1000
    assert w3.eth.get_block("latest")["number"] >= 1


def test_a_revert_is_web3s_own(w3: Web3, address: str) -> None:
    from web3.exceptions import ContractLogicError

    escrow = _escrow(w3, address)
    with pytest.raises(ContractLogicError, match="Only the arbiter"):
        escrow.functions.refund().call({"from": DEPOSITOR.address})


def test_batches_go_in_one_request(w3: Web3, address: str) -> None:
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block("latest"))
        batch.add(_escrow(w3, address).functions.amount())
        found: list[Any] = batch.execute()
    block, amount = found
    assert block["number"] >= 1
    assert amount == 10**17


def test_nothing_is_sent_where_access_is_read_only(w3: Web3, address: str) -> None:
    before = w3.eth.block_number
    with pytest.raises(ForbiddenError):
        w3.eth.send_raw_transaction(b"\x00")
    with pytest.raises(ForbiddenError):
        w3.eth.send_transaction({"from": DEPOSITOR.address, "to": ARBITER.address})
    assert w3.eth.block_number == before


def test_an_answer_to_another_question_is_malformed(fake: FakeNode) -> None:
    fake.methods["eth_blockNumber"] = lambda: "0x1"
    fake.twist = lambda _, honest: {**honest, "id": 10**6}
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    with pytest.raises(MalformedError):
        _ = w3.eth.block_number
    w3.provider.close()  # type: ignore[attr-defined]


def _first(_: Any, honest: Any) -> Any:
    return honest[:1] if isinstance(honest, list) else honest


def _nothing(_: Any, honest: Any) -> Any:
    return [] if isinstance(honest, list) else honest


def _both(_: Any, honest: Any) -> Any:
    return {**honest, "error": {"code": -32000, "message": "and this"}}


def _bare(_: Any, honest: Any) -> Any:
    return {name: value for name, value in honest.items() if name != "jsonrpc"}


OTHER = "0x" + "cd" * 32
LIES: list[tuple[str, Any, Callable[[Web3], Any]]] = [
    ("eth_blockNumber", None, lambda w3: w3.eth.block_number),
    ("eth_blockNumber", 7, lambda w3: w3.eth.block_number),
    ("eth_chainId", "31337", lambda w3: w3.eth.chain_id),
    ("eth_getBalance", None, lambda w3: w3.eth.get_balance(WHO)),
    ("eth_getBalance", "0x" + "f" * 10_000, lambda w3: w3.eth.get_balance(WHO)),
    ("eth_getTransactionCount", {}, lambda w3: w3.eth.get_transaction_count(WHO)),
    ("eth_getCode", None, lambda w3: w3.eth.get_code(WHO)),
    ("eth_call", None, lambda w3: w3.eth.call({"to": ARBITER.address})),
    ("eth_getLogs", None, lambda w3: w3.eth.get_logs({})),
    ("eth_getBlockByNumber", {"number": "0x8"}, lambda w3: w3.eth.get_block(7)),
    ("eth_getBlockByNumber", [], lambda w3: w3.eth.get_block(7)),
    ("eth_getBlockByHash", {"hash": OTHER}, lambda w3: w3.eth.get_block(HexBytes(digest(7)))),
    ("eth_getTransactionByHash", {"hash": OTHER}, lambda w3: w3.eth.get_transaction(SENT)),
    (
        "eth_getTransactionReceipt",
        {"transactionHash": OTHER},
        lambda w3: w3.eth.get_transaction_receipt(SENT),
    ),
    ("eth_getBlockReceipts", [], lambda w3: w3.eth.get_block_receipts(7)),
    (
        "eth_getBlockReceipts",
        Blocks(7).receipts(7)[:1],
        lambda w3: w3.eth.get_block_receipts(7),
    ),
]


@pytest.mark.parametrize(("method", "lie", "ask"), LIES, ids=[f"{a}-{b}"[:40] for a, b, _ in LIES])
def test_what_web3_would_take_is_malformed(
    fake: FakeNode, method: str, lie: Any, ask: Callable[[Web3], Any]
) -> None:
    fake.methods = {**Blocks(7).methods(), method: lambda *_: lie}
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    with pytest.raises(MalformedError):
        ask(w3)
    w3.provider.close()  # type: ignore[attr-defined]


def test_receipts_that_fit_their_block_are_given(fake: FakeNode) -> None:
    fake.methods = Blocks(7).methods()
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    assert len(w3.eth.get_block_receipts(7)) == 2
    w3.provider.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("twist", [_first, _nothing])
def test_a_batch_that_does_not_fit_is_malformed(fake: FakeNode, twist: Any) -> None:
    fake.methods = Blocks(7).methods()
    fake.twist = twist
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(6))
        batch.add(w3.eth.get_block(7))
        with pytest.raises(MalformedError):
            batch.execute()
    w3.provider.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("twist", [_both, _bare])
def test_an_envelope_that_does_not_fit_is_malformed(fake: FakeNode, twist: Any) -> None:
    fake.methods = Blocks(7).methods()
    fake.twist = twist
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    with pytest.raises(MalformedError):
        _ = w3.eth.block_number
    w3.provider.close()  # type: ignore[attr-defined]


WRITING = [
    "eth_sendTransaction", "eth_sendRawTransaction", "eth_sendRawTransactionConditional",
    "eth_sendPrivateTransaction", "eth_sendBundle", "eth_sendUserOperation", "eth_sign",
    "eth_signTransaction", "eth_signTypedData", "eth_signTypedData_v4", "eth_submitWork",
    "eth_submitHashrate", "eth_newFilter", "eth_uninstallFilter", "eth_subscribe", "eth_resend",
    "personal_sendTransaction", "personal_unlockAccount", "personal_importRawKey",
    "personal_sign", "personal_newAccount", "anvil_setBalance", "anvil_impersonateAccount",
    "anvil_mine", "anvil_reset", "hardhat_setCode", "hardhat_setStorageAt", "hardhat_reset",
    "evm_mine", "evm_revert", "evm_snapshot", "evm_setNextBlockTimestamp", "debug_setHead",
    "debug_chaindbCompact", "wallet_sendTransaction",
    "wallet_addEthereumChain", "wallet_sendCalls", "miner_start", "miner_setEtherbase",
    "admin_addPeer", "admin_stopRPC", "txpool_content", "engine_newPayloadV3", "les_addBalance",
    "clique_propose", "parity_setMinGasPrice", "ETH_SENDRAWTRANSACTION", "eth_call ", "",
]  # fmt: skip


@pytest.mark.parametrize("access", list(Access))
def test_nothing_that_sends_or_signs_arrives(fake: FakeNode, access: Access) -> None:
    w3 = make_w3(chain_at(fake.url), access)
    for method in WRITING:
        if access is Access.TRANSACT and method == "eth_sendRawTransaction":
            continue
        with pytest.raises(ForbiddenError):
            w3.provider.make_request(RPCEndpoint(method), [])
        with pytest.raises(ForbiddenError):
            # One among reads: nothing of the batch is sent.
            w3.provider.make_batch_request(  # type: ignore[attr-defined]
                [("eth_blockNumber", []), (RPCEndpoint(method), [])]
            )
    assert fake.asked == []


def test_what_qa_would_write_to_send_arrives_nowhere(fake: FakeNode) -> None:
    # What web3 asks by itself before it would send.
    fake.methods = Blocks(7).methods() | {"eth_getBlockByNumber": lambda *_: Blocks(7).block(7)}
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    escrow = _escrow(w3, "0x" + "11" * 20)
    fields: Any = {"from": DEPOSITOR.address, "to": ARBITER.address, "value": 1, "nonce": 0}
    fields |= {"gas": 21_000, "gasPrice": 1, "chainId": CHAIN_ID}
    raw = sign_transaction({key: one for key, one in fields.items() if key != "from"}, SPENDER.key)
    attempts: list[Callable[[], Any]] = [
        lambda: w3.eth.send_transaction(fields),
        lambda: w3.eth.send_raw_transaction(HexBytes(raw[0])),
        lambda: w3.eth.sign(DEPOSITOR.address, text="x"),
        lambda: w3.eth.sign_transaction(fields),
        lambda: w3.eth.sign_typed_data(DEPOSITOR.address, {}),  # type: ignore[arg-type]
        lambda: escrow.functions.refund().transact({**fields, "to": escrow.address, "value": 0}),
        lambda: w3.eth.filter("latest"),
        lambda: w3.manager.request_blocking(RPCEndpoint("evm_mine"), []),
    ]
    for attempt in attempts:
        with pytest.raises(ForbiddenError):
            attempt()
    w3.middleware_onion.add(SignAndSendRawMiddlewareBuilder.build(SPENDER.key))
    with pytest.raises(ForbiddenError):
        w3.eth.send_transaction(fields | {"from": SPENDER.address})
    assert set(fake.called) <= READS
    w3.provider.close()  # type: ignore[attr-defined]


def _sendable(**changes: Any) -> HexBytes:
    fields: dict[str, Any] = {
        "nonce": 0,
        "gas": 21_000,
        "gasPrice": 1,
        "chainId": CHAIN_ID,
        "value": 50,
    }
    fields |= {"to": ARBITER.address, "data": "0x", **changes}
    return HexBytes(sign_transaction(fields, SPENDER.key)[0])


def test_what_w3_sends_is_paid_from_the_purse_of_the_run(fake: FakeNode) -> None:
    fake.methods = {
        "eth_chainId": lambda: hex(CHAIN_ID),
        "eth_sendRawTransaction": lambda _: "0x" + "11" * 32,
    }
    w3 = make_w3(chain_at(fake.url), Access.TRANSACT, Purse(30_000))
    with pytest.raises(ForbiddenError, match="spending_cap is 30000 wei"):
        w3.eth.send_raw_transaction(_sendable(value=10_000))
    assert "eth_sendRawTransaction" not in fake.called
    w3.eth.send_raw_transaction(_sendable())
    with pytest.raises(ForbiddenError, match="21050 of it are taken"):
        w3.eth.send_raw_transaction(_sendable())
    assert fake.called.count("eth_sendRawTransaction") == 1
    w3.provider.close()  # type: ignore[attr-defined]


def test_nothing_is_sent_to_another_chain(fake: FakeNode) -> None:
    fake.methods = {"eth_chainId": lambda: "0x1"}
    w3 = make_w3(chain_at(fake.url), Access.TRANSACT)
    with pytest.raises(WrongTargetError, match="this is chain 1"):
        w3.eth.send_raw_transaction(_sendable())
    with pytest.raises(WrongTargetError, match="a transaction for chain 5"):
        w3.eth.send_raw_transaction(_sendable(chainId=5))
    with pytest.raises(ForbiddenError, match="can be counted"):
        w3.eth.send_raw_transaction(b"\x04\xc0")
    assert set(fake.called) == {"eth_chainId"}
    w3.provider.close()  # type: ignore[attr-defined]


def test_a_redirect_of_w3_leads_nowhere() -> None:
    with hostile_server({"/": says(answer("{}"))}) as other:
        moved = says(answer("", 307, {"Location": other.url}))
        with hostile_server({"/": moved}) as server:
            w3 = make_w3(chain_at(server.url), Access.READ_ONLY)
            with pytest.raises(RefusedError, match="not followed"):
                _ = w3.eth.block_number
            w3.provider.close()  # type: ignore[attr-defined]
        assert other.asked == []


def test_nobody_there_is_said(fake: FakeNode) -> None:
    with pytest.raises(UnreachableError):
        make_w3(chain_at(closed_port()), Access.READ_ONLY).is_connected()


def test_the_provider_shows_no_key(fake: FakeNode) -> None:
    w3 = make_w3(chain_at(f"{fake.url}/v3/secretsecretsecret"), Access.READ_ONLY)
    assert "secretsecret" not in repr(w3.provider)
