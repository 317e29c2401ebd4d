"""Contracts of the sandbox, deployed on a node of the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_metarelease.evidence import Citation, Judgement, Notebook
from pytest_metarelease.manifest.model import Contract, TypedData, TypedField, ViewExpectation
from pytest_metarelease.manifest.scalars import Address, RelativePath
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.contracts import ContractProbe
from pytest_metarelease.probes.chain.rpc import Rpc
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import (
    ARBITER,
    COUNTERPARTY,
    DEPLOYER,
    DEPOSITOR,
    Account,
)
from tests.probes.chain.nodes import ARTIFACTS, CHAIN_ID, chain_at

NOBODY = "0x" + "00" * 20
TRADE_HASH = "0x" + "ab" * 32
AMOUNT = 10**17
TRADE: tuple[Any, ...] = (
    DEPOSITOR.address,
    NOBODY,
    "0.1 ether",
    COUNTERPARTY.address,
    ARBITER.address,
    TRADE_HASH,
    NOBODY,
)


def artifact(name: str = "Escrow") -> Artifact:
    return load(ARTIFACTS / f"{name}.json")


def transact(
    rpc: Rpc, account: Account, to: str | None, data: str, value: int = 0, gas: int = 3_000_000
) -> Any:
    """Send a transaction that must succeed; return its receipt."""
    receipt = Wallet(rpc, CHAIN_ID, account.key).send(
        to=to, fee=fees(rpc), gas=gas, data=data, value=value
    )
    assert receipt.succeeded
    return receipt


def deploy(rpc: Rpc, name: str = "Escrow", args: tuple[Any, ...] = TRADE) -> str:
    """Deploy a contract of the sandbox; return its address."""
    built = artifact(name)
    data = built.creation + encode(built.interface.constructor, args)
    return checksum(transact(rpc, DEPLOYER, None, "0x" + data.hex()).contract)


def invoke(rpc: Rpc, account: Account, address: str, call: str, *args: Any, value: int = 0) -> Any:
    data = call_data(artifact().interface.function(call), args)
    return transact(rpc, account, address, data, value)


def state(**changes: ViewExpectation | None) -> dict[str, ViewExpectation]:
    """Return what a fresh Escrow's views say, with changes; None leaves a line out."""
    lines: dict[str, ViewExpectation | None] = {
        "depositor": is_(DEPOSITOR.address),
        "token": is_(NOBODY),
        "amount": is_("0.1 ether"),
        "counterparty": is_(COUNTERPARTY.address.lower()),
        "arbiter": is_(ARBITER.address),
        "tradeHash": is_(TRADE_HASH),
        "uniswapRouter": is_(NOBODY),
        "currentState": ViewExpectation(one_of=(0, 1)),
        "owner": is_(DEPLOYER.address),
        "paused": is_(False),
        "usedSignatures": ViewExpectation(
            args=("0x" + "11" * 32,), equals=False, states_equals=True
        ),
        "eip712Domain": ViewExpectation(unchecked="compared by the signature flow"),
        **changes,
    }
    return {key: one for key, one in lines.items() if one is not None}


def is_(value: Any) -> ViewExpectation:
    return ViewExpectation(equals=value, states_equals=True)


def declared(address: str, **changes: Any) -> Contract:
    values: dict[str, Any] = {
        "artifact": RelativePath("Escrow.json"),
        "address": Address(address),
        "constructor": TRADE,
        "state": state(),
        **changes,
    }
    return Contract(**values)


@dataclass(slots=True)
class Bench:
    """A probe on a deployed contract, and the notebook it writes into."""

    rpc: Rpc
    probe: ContractProbe
    notebook: Notebook = field(default_factory=Notebook)

    @property
    def cited(self) -> list[Citation]:
        """The judgements of the check, without mere citations."""
        cited = self.notebook.citations.get("check", [])
        return [one for one in cited if one.judgement is not Judgement.NONE]

    @property
    def verdicts(self) -> set[Judgement]:
        return {one.judgement for one in self.cited}


def bench(rpc: Rpc, contract: Contract, name: str = "Escrow") -> Bench:
    notebook = Notebook()
    notebook.check = "check"
    snapshot = pin(rpc, chain_at("http://127.0.0.1:1"))
    probe = ContractProbe("escrow", contract, artifact(name), rpc, snapshot, notebook)
    return Bench(rpc, probe, notebook)


RELEASE = TypedData(
    domain={
        "name": "Escrow",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": "$self",
    },
    primary="Release",
    types={
        "Release": (
            TypedField(name="escrowAddress", type="address"),
            TypedField(name="to", type="address"),
            TypedField(name="token", type="address"),
            TypedField(name="amount", type="uint256"),
        )
    },
)
