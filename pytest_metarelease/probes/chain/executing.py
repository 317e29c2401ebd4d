"""A flow on a node where we may transact: an own contract, own accounts, real receipts.

Spends at most what the run's purse covers, from one declared account, and sends back what is left.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    ProbeError,
    UndeclaredError,
)
from pytest_metarelease.probes.chain.casting import DEPLOYER, Act, Script
from pytest_metarelease.probes.chain.codec import explain
from pytest_metarelease.probes.chain.performing import Performed, decoded_view
from pytest_metarelease.probes.chain.quantities import payload, quantity
from pytest_metarelease.probes.chain.reentering import reentered
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Answer, Ask, Rpc, settled
from pytest_metarelease.probes.chain.sending import Fees, Receipt, Wallet, fees
from pytest_metarelease.probes.chain.signing import check_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.probes.chain.abi import Interface

STEP_GAS = 500_000
"""Gas that one step of a flow may use at most; what it does not use is sent back."""

_TRANSFER_GAS = 21_000
_MARGIN = 5, 4


class Execution:
    """One flow under way. Use as a context manager: leaving it sends back what is left."""

    def __init__(
        self, rpc: Rpc, chain: Chain, script: Script, interface: Interface, *, by_hash: bool
    ) -> None:
        if chain.spending_key is None:
            raise UndeclaredError(
                "flows need an account to spend from: declare chain.spending_key from a variable"
            )
        self._rpc = rpc
        self._script = script
        self._interface = interface
        self._by_hash = by_hash
        key = check_key(chain.spending_key, "chain.spending_key")
        self._spender = Wallet(rpc, chain.id, key, paid=True)
        self._wallets = {
            role: Wallet(rpc, chain.id, key, paid=True) for role, key in script.keys.items()
        }
        self._funded: list[Wallet] = []
        self._fee = Fees(0, None)
        self._at: Any = "latest"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for wallet in self._funded:
            # What cannot be sent back is lost; it must not hide what the flow has shown.
            with suppress(ProbeError):
                self._sweep(wallet)

    def deploy(self) -> Performed:
        """Fund the accounts of the flow and deploy its contract.

        Raises:
            ForbiddenError: It would cost more than the cap; nothing was sent.
            ProbeError: No usable answer, or the node does not take a transaction.
        """
        self._fee = fees(self._rpc)
        request = {"from": self._spender.address, "data": self._script.creation}
        gas = self._estimated(request)
        if isinstance(gas, Revert):
            return Performed(gas)
        needs = self._needs(gas)
        transfers = (len(needs) + 1) * 2
        total = sum(needs.values()) + transfers * _TRANSFER_GAS * self._fee.most
        # All at once: what the accounts of the flow send to one another is the same money.
        self._rpc.purse.take(total, "this flow")
        deployer = self._wallets[DEPLOYER]
        self._funded.append(deployer)
        self._transfer(self._spender, deployer, total - 2 * _TRANSFER_GAS * self._fee.most)
        # Its first transaction, so that the contract stands where the script says.
        receipt = deployer.send(to=None, fee=self._fee, gas=gas, data=self._script.creation)
        self._reads_at(receipt)
        found = str(receipt.contract).lower()
        if not receipt.succeeded:
            return _done(receipt)
        if found != self._script.address.lower():
            raise MalformedError(f"the contract stands at {found}, not at {self._script.address}")
        for role, need in needs.items():
            if role != DEPLOYER:
                self._funded.append(self._wallets[role])
                self._reads_at(self._transfer(deployer, self._wallets[role], need))
        return _done(receipt)

    def perform(self, act: Act) -> Performed:
        """Simulate the act, and send it where that succeeds.

        Raises:
            ProbeError: No usable answer.
        """
        request = self._request(act)
        answer = self._rpc.batch([Ask("eth_call", (request, self._at))])[0]
        if isinstance(answer, Revert):
            return Performed(explain(answer, self._interface))
        settled(answer, act.title)
        gas = self._estimated(request)
        if isinstance(gas, Revert):
            return Performed(gas)
        if gas > STEP_GAS:
            raise ForbiddenError(f"{act.title} needs {gas} gas, a step may use {STEP_GAS}")
        receipt = self._wallets[act.role].send(
            to=self._script.address, fee=self._fee, gas=gas, data=act.data, value=act.value
        )
        self._reads_at(receipt)
        return _done(receipt, self._views(act) if receipt.succeeded else None)

    def try_all(self, acts: Sequence[Act]) -> list[Performed]:
        """Simulate the acts, each by itself, where the contract stands now; nothing is sent.

        No usable answer to one of them is never a revert: it is unknown what it does.

        Raises:
            ProbeError: The exchange as a whole failed.
        """
        # Bounded, so that what never ends is no answer instead of a long wait.
        bound = {"gas": hex(STEP_GAS)}
        asks = [Ask("eth_call", ({**self._request(act), **bound}, self._at)) for act in acts]
        return [self._tried(answer) for answer in self._rpc.batch(asks)]

    def reentered(self, act: Act) -> str | None:
        """Say who is paid twice by calling again; see ``reentering.reentered``."""
        return reentered(self._rpc, self._at, self._script, act)

    def _tried(self, answer: Answer) -> Performed:
        if isinstance(answer, ProbeError):
            return Performed(None, unknown=answer)
        if isinstance(answer, Revert):
            return Performed(explain(answer, self._interface))
        return Performed(None)

    def _request(self, act: Act) -> dict[str, str]:
        return {
            "from": act.sender,
            "to": self._script.address,
            "data": act.data,
            "value": hex(act.value),
        }

    def _views(self, act: Act) -> dict[str, Any]:
        asks = [
            Ask("eth_call", ({"to": self._script.address, "data": view.data}, self._at))
            for view in act.views
        ]
        answers = self._rpc.batch(asks) if asks else []
        return {
            view.key: decoded_view(view, _output(answer, view.key))
            for view, answer in zip(act.views, answers, strict=True)
        }

    def _needs(self, deployment_gas: int) -> dict[str, int]:
        """Return the wei that each role may need: values of its steps, and gas at its highest."""
        needs = {DEPLOYER: deployment_gas * self._fee.most}
        tried: dict[str, int] = {}
        for act in self._script.acts:
            if act.sent:
                cost = act.value + STEP_GAS * self._fee.most
                needs[act.role] = needs.get(act.role, 0) + cost
            else:
                # It is only simulated, but a node refuses to simulate what cannot be paid.
                tried[act.role] = max(tried.get(act.role, 0), act.value)
        every = {role: needs.get(role, 0) + tried.get(role, 0) for role in {*needs, *tried}}
        return {role: need for role, need in every.items() if need > 0}

    def _estimated(self, request: dict[str, str]) -> int | Revert:
        """Return the gas to allow: what the node estimates, and a quarter more."""
        answer = self._rpc.batch([Ask("eth_estimateGas", (request,))])[0]
        if isinstance(answer, Revert):
            return explain(answer, self._interface)
        estimate = quantity(settled(answer, "eth_estimateGas"), "eth_estimateGas")
        return estimate * _MARGIN[0] // _MARGIN[1]

    def _transfer(self, source: Wallet, target: Wallet, value: int) -> Receipt:
        receipt = source.send(to=target.address, fee=self._fee, gas=_TRANSFER_GAS, value=value)
        if not receipt.succeeded:
            raise MalformedError(f"a plain transfer failed: {receipt.transaction}")
        return receipt

    def _sweep(self, wallet: Wallet) -> None:
        left = wallet.balance() - _TRANSFER_GAS * self._fee.most
        if left > 0:
            self._transfer(wallet, self._spender, left)
            self._rpc.purse.give_back(left)

    def _reads_at(self, receipt: Receipt) -> None:
        """From now on read at the block of this receipt, whichever node of a pool answers."""
        self._at = {"blockHash": receipt.block_hash} if self._by_hash else hex(receipt.block)


def _done(receipt: Receipt, views: dict[str, Any] | None = None) -> Performed:
    return Performed(
        None,
        receipt.logs,
        views,
        receipt.block,
        receipt.transaction,
        failed=not receipt.succeeded,
    )


def _output(answer: Answer, what: str) -> bytes | Revert:
    return answer if isinstance(answer, Revert) else payload(settled(answer, what), what)
