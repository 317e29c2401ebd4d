"""Deploys the product on the sandbox's chain and gives it a past: what the seed's scripts do.

Refuses to leave anything to chance: nonces, gas and block times are explicit, so a sandbox of a
given release has the same addresses and the same number of transactions every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import SandboxError
from pytest_metarelease.sandbox.abi import Value, call, encode, keccak
from pytest_metarelease.sandbox.accounts import (
    ARBITER,
    COUNTERPARTY,
    DEPLOYER,
    DEPOSITOR,
    SIGNERS,
    SPARE,
    WRONG_ARBITER,
    Account,
)
from pytest_metarelease.sandbox.artifact import creation_code
from pytest_metarelease.sandbox.plan import AMOUNT, ZERO_ADDRESS, Plan
from pytest_metarelease.sandbox.signing import contract_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.sandbox.rpc import Rpc

TRADE_HASH = "0x" + keccak(b"Meta Aggregator sandbox trade 1").hex()
ETHER = 10**18
FEE_BASIS_POINTS = 25
#: The first block of traffic was there before the release, as blocks 1 to 3 of this chain.
RELEASE_BLOCK = 4
#: Honest past: 3 blocks of 22 calls. With `transactions-failing`: 14 blocks of 26, 52 reverted.
BLOCKS, PER_BLOCK = 3, 22
FAILING_BLOCKS, FAILING_PER_BLOCK = 14, 26
FAILING_EVERY = 7
_SUPPLY = 1_000_000 * ETHER
_GAS_PRICE = hex(2 * 10**9)
_ESCROW_TYPES = ("address", "address", "uint256", "address", "address", "bytes32", "address")


@dataclass(frozen=True, slots=True)
class _Sent:
    """One transaction to be: of whom, to what (None creates a contract), with which data."""

    sender: Account
    to: str | None
    data: str = "0x"
    value: int = 0
    gas: int = 100_000


def deploy(rpc: Rpc, plan: Plan) -> None:
    """Deploy, fund, deposit and trade, then let the node mine by itself.

    Raises:
        SandboxError: the node refused, or a transaction that must succeed did not.
    """
    chain = _Chain(rpc)
    chain.block(_deployments(plan))
    chain.block(_settlement(plan))
    for block in _traffic(plan):
        chain.block(block, may_revert=plan.has("transactions-failing"))
    for number, (target, data) in enumerate(_agreed(plan)):
        for sent in _agreement(plan, number, target, data):
            chain.block([sent])
    rpc.ask("evm_setAutomine", [True])
    # One block of today; a node that has stalled has none.
    rpc.ask("evm_mine", [chain.next_time] if plan.has("head-old") else [])


class _Chain:
    """Mines block after block, one second apart, counting every account's nonce."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}
        genesis = rpc.ask("eth_getBlockByNumber", ["0x0", False])
        self._time = int(genesis["timestamp"], 16)
        rpc.ask("evm_setAutomine", [False])

    @property
    def next_time(self) -> int:
        """Unix seconds of the block that comes next."""
        return self._time + 1

    def block(self, block: Sequence[_Sent], *, may_revert: bool = False) -> None:
        requests = [("eth_sendTransaction", (self._request(sent),)) for sent in block]
        hashes = self._rpc.batch(requests)
        self._time += 1
        self._rpc.ask("evm_mine", [self._time])
        receipts = self._rpc.batch([("eth_getTransactionReceipt", (tx,)) for tx in hashes])
        for sent, receipt in zip(block, receipts, strict=True):
            if receipt is None or (receipt["status"] != "0x1" and not may_revert):
                fate = "was not mined" if receipt is None else "reverted"
                raise SandboxError(f"a set-up transaction to {sent.to} {fate}: {sent.data[:10]}")

    def _request(self, sent: _Sent) -> dict[str, Any]:
        nonce = self._nonces.get(sent.sender.address, 0)
        self._nonces[sent.sender.address] = nonce + 1
        request = {
            "from": sent.sender.address,
            "data": sent.data,
            "value": hex(sent.value),
            "gas": hex(sent.gas),
            "gasPrice": _GAS_PRICE,
            "nonce": hex(nonce),
        }
        return request if sent.to is None else {**request, "to": sent.to}


def _deployments(plan: Plan) -> list[_Sent]:
    """The deployer's first transactions; their order gives the addresses of the plan."""
    arbiter = WRONG_ARBITER if plan.has("wrong-arbiter") else ARBITER
    escrow = "BackdooredEscrow" if plan.has("contract-other-code") else plan.builds.escrow
    signers = tuple(signer.address for signer in SIGNERS)
    token = ("Sandbox Token", "SBX", _SUPPLY)
    sent = [
        _create("MultiSigOwner", ("address",) * 3, signers),
        _create("SimpleToken", ("string", "string", "uint256"), token),
        _create("StubRouter", (), ()),
        _create(
            escrow,
            _ESCROW_TYPES,
            _trade(plan, arbiter),
            other_metadata=plan.has("other-metadata"),
        ),
        _create(plan.builds.fixed_escrow, _ESCROW_TYPES, _trade(plan, ARBITER)),
        *_treasury(plan),
        _create(plan.builds.settlement_log, (), ()),
    ]
    if plan.has("contract-missing"):
        # The nonce is used all the same, so that the other addresses stay what they are.
        sent[3] = _Sent(DEPLOYER, DEPLOYER.address)
    if not plan.has("arbiter-unfunded"):
        sent.append(_Sent(DEPLOYER, ARBITER.address, value=ETHER))
    return sent


def _treasury(plan: Plan) -> list[_Sent]:
    """The fees' treasury: its library, its code, the admin, and the proxy that makes use of them.

    Whoever deploys a proxy initialises it in the same transaction; else anybody could.
    """
    contracts = plan.contracts
    library, sent = contracts.fee_math, []
    if plan.has("other-library"):
        # The same functions, at an address where nobody has looked.
        library = contract_address(SPARE[0].address, 0)
        sent.append(_Sent(SPARE[0], None, creation_code("FeeMath", b""), gas=500_000))
    router = contracts.token if plan.has("wrong-immutable") else contracts.router
    admin = DEPLOYER.address if plan.has("proxy-admin-account") else contracts.treasury_admin
    once = b""
    if not plan.has("uninitialised-proxy"):
        fees = call("initialize(address,uint256)", contracts.owner, FEE_BASIS_POINTS)
        once = bytes.fromhex(fees[2:])
    proxy = (contracts.treasury_logic, admin, once)
    return [
        *sent,
        _create("FeeMath", (), ()),
        _create("Treasury", ("address",), (router,), {"FeeMath": library}),
        _create("ProxyAdmin", ("address",), (contracts.owner,)),
        _create("TreasuryProxy", ("address", "address", "bytes"), proxy),
    ]


def _create(
    contract: str,
    types: tuple[str, ...],
    arguments: tuple[Value, ...],
    libraries: Mapping[str, str] | None = None,
    *,
    other_metadata: bool = False,
) -> _Sent:
    code = creation_code(
        contract, encode(types, arguments), libraries, other_metadata=other_metadata
    )
    return _Sent(DEPLOYER, None, code, gas=3_500_000)


def _trade(plan: Plan, arbiter: Account) -> tuple[Value, ...]:
    """Constructor arguments of both escrows: 0.1 ETH of the depositor for the counterparty."""
    return (
        DEPOSITOR.address,
        ZERO_ADDRESS,
        AMOUNT,
        COUNTERPARTY.address,
        arbiter.address,
        TRADE_HASH,
        plan.contracts.router,
    )


def _settlement(plan: Plan) -> list[_Sent]:
    """Hand the escrows to the multisig, fill the router, deposit."""
    contracts = plan.contracts
    hand_over = call("transferOwnership(address)", contracts.owner)
    fill = call("transfer(address,uint256)", contracts.router, _SUPPLY // 2)
    sent = [
        _Sent(DEPLOYER, contracts.escrow, hand_over),
        _Sent(DEPLOYER, contracts.fixed_escrow, hand_over),
        *_roles(plan),
        _Sent(DEPLOYER, contracts.token, fill),
        _Sent(DEPOSITOR, contracts.escrow, call("deposit()"), AMOUNT, 150_000),
    ]
    if plan.has("balance-deviating"):
        # PUSH20 escrow, SELFDESTRUCT: the money goes there, and no code of the escrow is asked.
        ends = "0x73" + contracts.escrow[2:].lower() + "ff"
        sent.append(_Sent(SPARE[0], None, ends, AMOUNT // 50))
    return sent


def _roles(plan: Plan) -> list[_Sent]:
    """Give out the roles of the settlement log; the deployer keeps none."""
    admin, recorder, pauser = b"", keccak(b"RECORDER_ROLE"), keccak(b"PAUSER_ROLE")
    owner = plan.contracts.owner
    given = [(admin, owner), (pauser, owner), (recorder, ARBITER.address)]
    if plan.has("extra-role-holder"):
        given.append((recorder, SPARE[1].address))
    calls = [call("grantRole(bytes32,address)", role, account) for role, account in given]
    calls.append(call("renounceRole(bytes32,address)", admin, DEPLOYER.address))
    return [_Sent(DEPLOYER, plan.contracts.settlement_log, data) for data in calls]


def _traffic(plan: Plan) -> list[list[_Sent]]:
    """Both parties put evidence on record; with the fault, every seventh does what it may not."""
    failing = plan.has("transactions-failing")
    blocks, size = (FAILING_BLOCKS, FAILING_PER_BLOCK) if failing else (BLOCKS, PER_BLOCK)
    calls = []
    for number in range(1, blocks * size + 1):
        sender = DEPOSITOR if number % 2 else COUNTERPARTY
        data = call("submitEvidence(string)", f"ipfs://sandbox/evidence/{number}")
        if failing and number % FAILING_EVERY == 0:
            data = call("refund()")  # only the arbiter may
        calls.append(_Sent(sender, plan.contracts.escrow, data))
    return [calls[start : start + size] for start in range(0, len(calls), size)]


def _agreed(plan: Plan) -> list[tuple[str, str]]:
    """What two of the three signers agree to call, as (target, call data)."""
    contracts = plan.contracts
    found = []
    if plan.has("contract-paused"):
        found.append((contracts.escrow, call("pause()")))
    if plan.has("module-added"):
        found.append((contracts.owner, call("enableModule(address)", SPARE[0].address)))
    if plan.has("threshold-lowered"):
        found.append((contracts.owner, call("changeThreshold(uint256)", 1)))
    return found


def _agreement(plan: Plan, number: int, target: str, data: str) -> list[_Sent]:
    """One proposal of the multisig, from its submission to its execution."""
    first, second, _ = SIGNERS
    owner = plan.contracts.owner
    # submit(address,uint256,bytes): the inner call data is dynamic and goes behind the heads.
    submit = call("submit(address,uint256,bytes)", target, 0, bytes.fromhex(data[2:]))
    return [
        _Sent(first, owner, submit, gas=400_000),
        _Sent(second, owner, call("confirm(uint256)", number), gas=200_000),
        _Sent(second, owner, call("execute(uint256)", number), gas=200_000),
    ]
