"""The contracts keep their promises: who may call what, when, once, and where the money goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_metarelease.sandbox import accounts
from pytest_metarelease.sandbox.abi import Value, call, checksum_address, encode
from pytest_metarelease.sandbox.accounts import (
    ARBITER,
    COUNTERPARTY,
    DEPLOYER,
    DEPOSITOR,
    SIGNERS,
    SPARE,
    SPENDER,
    Account,
)
from pytest_metarelease.sandbox.artifact import creation_code
from pytest_metarelease.sandbox.chain.calls import Call
from pytest_metarelease.sandbox.chain.evm import Evm
from pytest_metarelease.sandbox.chain.wire import RpcError, output_of
from pytest_metarelease.sandbox.plan import ZERO_ADDRESS
from pytest_metarelease.sandbox.signing import (
    Transaction,
    contract_address,
    release_digest,
    sign,
)

CHAIN_ID = 31337
ETHER = 10**18
HELD = 10**17
TYPES = ("address", "address", "uint256", "address", "address", "bytes32", "address")
BOTH = pytest.mark.parametrize("kind", ["Escrow", "FixedEscrow"])
GENESIS = 1_700_000_000

#: Called with money it calls back, "refund()", and logs what its caller answers (LOG0).
CALLS_BACK = bytes.fromhex(
    "6026600c60003960266000f3"  # creation: return the 38 bytes behind this
    "63590e1ae3600052"  # memory[28:32] = selector of refund()
    "60006000600460"
    "1c6000335af150"  # call the caller with it
    "3d600060003e3d6000a000" + "00" * 4  # log what came back
)


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


@dataclass
class World:
    """A chain with a token, a router, a multisig, and as many escrows as a test makes."""

    evm: Evm
    token: str = field(init=False)
    router: str = field(init=False)
    multisig: str = field(init=False)

    def __post_init__(self) -> None:
        supply = 1000 * ETHER
        self.token = self.create("SimpleToken", ("string", "string", "uint256"), "T", "T", supply)
        self.router = self.create("StubRouter", ())
        owners = tuple(signer.address for signer in SIGNERS)
        self.multisig = self.create("MultiSigOwner", ("address",) * 3, *owners)
        self.send(DEPLOYER, self.token, call("transfer(address,uint256)", self.router, 100 * ETHER))

    def create(self, contract: str, types: tuple[str, ...], *arguments: Value) -> str:
        nonce = self.evm.next_nonce(raw(DEPLOYER.address))
        self._send(DEPLOYER, None, creation_code(contract, encode(types, arguments)), 0)
        return contract_address(DEPLOYER.address, nonce)

    def escrow(self, kind: str, token: str = ZERO_ADDRESS, amount: int = HELD) -> str:
        trade = (DEPOSITOR.address, token, amount, COUNTERPARTY.address, ARBITER.address, b"t")
        return self.create(kind, TYPES, *trade, self.router)

    def deposited(self, kind: str) -> str:
        escrow = self.escrow(kind)
        self.send(DEPOSITOR, escrow, call("deposit()"), HELD)
        return escrow

    def confirmed(self, kind: str) -> str:
        escrow = self.deposited(kind)
        self.send(COUNTERPARTY, escrow, call("confirmTrade()"))
        return escrow

    def send(self, sender: Account, to: str, data: str, value: int = 0) -> list[Any]:
        """A transaction that must succeed; returns its logs."""
        receipt = self._send(sender, to, data, value)
        assert receipt.state_root == b"\x01", self.refusal(sender, to, data, value)
        return list(receipt.logs)

    def _send(self, sender: Account, to: str | None, data: str, value: int) -> Any:
        price = self.evm.next_base_fee() + 1
        nonce = self.evm.next_nonce(raw(sender.address))
        transaction = Transaction(nonce, price, 5_000_000, to, value, raw(data))
        self.evm.submit(transaction.signed(sender.key, CHAIN_ID))
        return self.evm.head.receipts[0]

    def ask(self, to: str, data: str, sender: str = ZERO_ADDRESS, value: int = 0) -> bytes:
        asked = Call(raw(sender), raw(to), raw(data), value)
        return output_of(self.evm.call(asked, self.evm.head))

    def number(self, to: str, signature: str, *arguments: Value) -> int:
        return int.from_bytes(self.ask(to, call(signature, *arguments)), "big")

    def refusal(self, sender: Account, to: str, data: str, value: int = 0) -> str:
        """Why a call would be refused; "" if it would not."""
        try:
            self.ask(to, data, sender.address, value)
        except RpcError as error:
            return error.message.removeprefix("execution reverted: ")
        return ""

    def balance(self, address: str) -> int:
        return int(self.evm.state(self.evm.head).get_balance(raw(address)))


@pytest.fixture(scope="module")
def world() -> World:
    funded = {raw(account.address): 1000 * ETHER for account in (*accounts.FUNDED, ARBITER)}
    return World(Evm(CHAIN_ID, funded, GENESIS))


def release(
    escrow: str, to: str, amount: int, key: str = ARBITER.key, token: str = ZERO_ADDRESS
) -> str:
    signature = sign(key, release_digest(CHAIN_ID, escrow, to, token, amount))
    return release_signed(to, amount, raw(signature), token)


def release_signed(to: str, amount: int, signature: bytes, token: str = ZERO_ADDRESS) -> str:
    function = "releaseWithSignature(address,address,uint256,bytes)"
    return call(function, to, token, amount, signature)


@BOTH
def test_only_the_named_may_call(world: World, kind: str) -> None:
    fresh, deposited, done = world.escrow(kind), world.deposited(kind), world.confirmed(kind)
    for to, data, words in (
        (fresh, call("deposit()"), "Only the depositor can call this function"),
        (deposited, call("confirmTrade()"), "Only the counterparty can call this function"),
        (deposited, call("refund()"), "Only the arbiter can call this function"),
        (done, swap(world, 0), "Only the depositor can call this function"),
        (done, call("submitEvidence(string)", "x"), "Only a party can call this function"),
        (done, call("pause()"), "Ownable: caller is not the owner"),
        (done, call("unpause()"), "Ownable: caller is not the owner"),
        (
            done,
            call("transferOwnership(address)", SPENDER.address),
            "Ownable: caller is not the owner",
        ),
    ):
        assert world.refusal(SPENDER, to, data) == words


@BOTH
def test_everything_has_its_time(world: World, kind: str) -> None:
    fresh, deposited, done = world.escrow(kind), world.deposited(kind), world.confirmed(kind)
    paying = release(fresh, SPENDER.address, 1)
    assert world.refusal(COUNTERPARTY, fresh, call("confirmTrade()")) == "Invalid state"
    assert world.refusal(ARBITER, fresh, call("refund()")) == "Invalid state"
    assert world.refusal(SPENDER, fresh, paying) == "Invalid state"
    assert world.refusal(DEPOSITOR, deposited, call("deposit()"), HELD) == "Invalid state"
    assert world.refusal(SPENDER, deposited, release(deposited, SPENDER.address, 1))
    assert world.refusal(DEPOSITOR, deposited, swap(world, 0)) == "Invalid state"
    assert world.refusal(COUNTERPARTY, done, call("confirmTrade()")) == "Invalid state"
    assert world.refusal(ARBITER, done, call("refund()")) == "Invalid state"


@BOTH
def test_a_refund_gives_the_deposit_back(world: World, kind: str) -> None:
    escrow = world.deposited(kind)
    before = world.balance(DEPOSITOR.address)
    world.send(ARBITER, escrow, call("refund()"))
    assert world.balance(DEPOSITOR.address) == before + HELD
    assert world.number(escrow, "currentState()") == 3
    assert world.balance(escrow) == 0


@BOTH
def test_a_release_needs_the_arbiters_signature_and_is_paid_once(world: World, kind: str) -> None:
    escrow, to = world.confirmed(kind), SPARE[0].address
    before, part = world.balance(to), HELD // 4
    data = release(escrow, to, part)
    world.send(SPENDER, escrow, data)
    assert world.balance(to) == before + part
    assert world.refusal(SPENDER, escrow, data) == "Signature already used"
    digest = release_digest(CHAIN_ID, escrow, to, ZERO_ADDRESS, part)
    assert world.number(escrow, "usedSignatures(bytes32)", digest) == 1
    rest = release(escrow, to, HELD - part)
    world.send(SPENDER, escrow, rest)
    assert world.balance(escrow) == 0
    assert world.refusal(SPENDER, escrow, release(escrow, to, 1)) == "Insufficient escrow balance"


@BOTH
def test_a_release_that_was_not_signed_is_refused(world: World, kind: str) -> None:
    escrow, other, to = world.confirmed(kind), world.confirmed(kind), SPARE[0].address
    wrong = "Invalid arbiter signature"
    good = raw(sign(ARBITER.key, release_digest(CHAIN_ID, escrow, to, ZERO_ADDRESS, 5)))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    twin += bytes([55 - good[64]])
    for data, words in (
        (release(escrow, to, 5, SPENDER.key), wrong),
        (release(other, to, 5), wrong),
        (release_signed(to, 6, good), wrong),
        (release_signed(SPENDER.address, 5, good), wrong),
        (release_signed(to, 5, twin), "ECDSA: invalid signature 's' value"),
        (release_signed(to, 5, good[:64]), "ECDSA: invalid signature length"),
        (release_signed(to, 5, good[:64] + b"\x02"), "ECDSA: invalid signature"),
        (release(escrow, to, 5, token=world.token), "Wrong token"),
        (release(escrow, ZERO_ADDRESS, 5), "Recipient is the zero address"),
        (release(escrow, to, 0), "Insufficient escrow balance"),
        (release(escrow, to, HELD + 1), "Insufficient escrow balance"),
    ):
        assert world.refusal(SPENDER, escrow, data) == words
    assert world.refusal(SPENDER, escrow, release_signed(to, 5, good)) == ""


def test_an_escrow_takes_what_comes_and_a_fixed_one_does_not(world: World) -> None:
    loose, fixed = world.escrow("Escrow"), world.escrow("FixedEscrow")
    zero = "Deposit amount must be greater than 0"
    assert world.refusal(DEPOSITOR, loose, call("deposit()"), 0) == zero
    for value in (0, HELD - 1, HELD + 1):
        refusal = world.refusal(DEPOSITOR, fixed, call("deposit()"), value)
        assert refusal == "Incorrect deposit amount"
    world.send(DEPOSITOR, loose, call("deposit()"), 7)
    assert world.number(loose, "amount()") == 7
    world.send(DEPOSITOR, fixed, call("deposit()"), HELD)
    assert world.number(fixed, "amount()") == HELD


@BOTH
def test_tokens_are_held_released_and_refunded(world: World, kind: str) -> None:
    escrow = world.escrow(kind, world.token, 50)
    world.send(DEPLOYER, world.token, call("transfer(address,uint256)", DEPOSITOR.address, 50))
    pay = call("deposit()")
    assert world.refusal(DEPOSITOR, escrow, pay, 1) == "ETH sent to a token escrow"
    assert world.refusal(DEPOSITOR, escrow, pay) == "ERC20: insufficient allowance"
    world.send(DEPOSITOR, world.token, call("approve(address,uint256)", escrow, 50))
    world.send(DEPOSITOR, escrow, pay)
    assert world.number(world.token, "balanceOf(address)", escrow) == 50
    world.send(COUNTERPARTY, escrow, call("confirmTrade()"))
    to = SPARE[0].address
    before = world.number(world.token, "balanceOf(address)", to)
    world.send(SPENDER, escrow, release(escrow, to, 20, token=world.token))
    assert world.number(world.token, "balanceOf(address)", to) == before + 20
    assert world.number(world.token, "balanceOf(address)", escrow) == 30


def swap(world: World, least: int) -> str:
    """executeTrade along (token, token) without deadline; the array goes behind the heads."""
    heads = encode(("uint256", "uint256", "uint256"), (least, 0x60, 2**255))
    path = encode(("uint256", "address", "address"), (2, world.token, world.token))
    return call("executeTrade(uint256,address[],uint256)", 0, 0, 0)[:10] + (heads + path).hex()


@BOTH
def test_a_trade_hands_the_bought_tokens_to_the_counterparty(world: World, kind: str) -> None:
    escrow = world.confirmed(kind)
    before = world.number(world.token, "balanceOf(address)", COUNTERPARTY.address)
    refusal = world.refusal(DEPOSITOR, escrow, swap(world, HELD + 1))
    assert refusal == "UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT"
    world.send(DEPOSITOR, escrow, swap(world, HELD))
    after = world.number(world.token, "balanceOf(address)", COUNTERPARTY.address)
    assert (after - before, world.balance(escrow)) == (HELD, 0)
    refusal = world.refusal(DEPOSITOR, escrow, swap(world, 0))
    assert refusal == "Insufficient escrow balance"


@BOTH
def test_a_pause_stops_everything_and_needs_two_of_three(world: World, kind: str) -> None:
    escrow = world.confirmed(kind)
    world.send(DEPLOYER, escrow, call("transferOwnership(address)", world.multisig))
    assert world.refusal(DEPLOYER, escrow, call("pause()")) == "Ownable: caller is not the owner"
    first, second, third = SIGNERS
    number = world.number(world.multisig, "proposalCount()")
    submit = call("submit(address,uint256,bytes)", escrow, 0, raw(call("pause()")))
    execute, confirm = call("execute(uint256)", number), call("confirm(uint256)", number)
    outsider = world.refusal(SPENDER, world.multisig, submit)
    assert outsider == "Only an owner can call this function"
    world.send(first, world.multisig, submit)
    assert world.refusal(first, world.multisig, execute) == "Not enough confirmations"
    assert world.refusal(first, world.multisig, confirm) == "Already confirmed"
    world.send(second, world.multisig, confirm)
    world.send(third, world.multisig, execute)
    assert world.refusal(third, world.multisig, execute) == "Already executed"
    assert world.number(escrow, "paused()") == 1
    for sender, data in (
        (SPENDER, release(escrow, SPENDER.address, 1)),
        (DEPOSITOR, swap(world, 0)),
        (DEPOSITOR, call("submitEvidence(string)", "x")),
        (ARBITER, call("refund()")),
    ):
        assert world.refusal(sender, escrow, data) == "Pausable: paused"
    wrong = call("execute(uint256)", 99)
    assert world.refusal(first, world.multisig, wrong) == "No such proposal"


@BOTH
def test_who_is_paid_cannot_call_back_in(world: World, kind: str) -> None:
    escrow = world.confirmed(kind)
    nonce = world.evm.next_nonce(raw(SPENDER.address))
    price = world.evm.next_base_fee() + 1
    creation = Transaction(nonce, price, 200_000, None, 0, CALLS_BACK)
    world.evm.submit(creation.signed(SPENDER.key, CHAIN_ID))
    thief = contract_address(SPENDER.address, nonce)
    logs = world.send(SPENDER, escrow, release(escrow, thief, 5))
    told = [log.data for log in logs if checksum_address(log.address) == thief]
    assert len(told) == 1
    assert b"ReentrancyGuard: reentrant call" in told[0]
    assert world.balance(thief) == 5
