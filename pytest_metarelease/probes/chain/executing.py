"""A flow on a node where we may transact: an own contract, own accounts, real receipts.

Spends at most what the run's purse covers, from one declared account, and sends back what is left.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    ProbeError,
    UndeclaredError,
    UnsupportedError,
)
from pytest_metarelease.probes.chain.casting import DEPLOYER, Act, Script
from pytest_metarelease.probes.chain.codec import explain
from pytest_metarelease.probes.chain.forking import counts_after_fork
from pytest_metarelease.probes.chain.ignoring import ignored
from pytest_metarelease.probes.chain.paying import TRANSFER_GAS, Payment, balances, pay
from pytest_metarelease.probes.chain.performing import Performed, decoded_view, payments
from pytest_metarelease.probes.chain.quantities import payload, quantity
from pytest_metarelease.probes.chain.reentering import reentered
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Answer, Ask, Rpc, settled
from pytest_metarelease.probes.chain.sending import Fees, Receipt, Wallet, fees
from pytest_metarelease.probes.chain.signing import check_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.manifest.model import Chain
    from pytest_metarelease.probes.chain.abi import Interface
    from pytest_metarelease.probes.chain.companions import Deployment

STEP_GAS = 500_000
"""Gas that one step of a flow may use at most; what it does not use is sent back."""

_MARGIN = 5, 4


class Execution:
    """One flow under way. Use as a context manager: leaving it sends back what is left."""

    def __init__(self, rpc: Rpc, chain: Chain, script: Script, *, by_hash: bool) -> None:
        if chain.spending_key is None:
            raise UndeclaredError(
                "flows need an account to spend from: declare chain.spending_key from a variable"
            )
        self._rpc = rpc
        self._script = script
        self._by_hash = by_hash
        key = check_key(chain.spending_key, "chain.spending_key")
        self._spender = Wallet(rpc, chain.id, key, paid=True)
        self._wallets = {
            role: Wallet(rpc, chain.id, key, paid=True) for role, key in script.keys.items()
        }
        self._funded: list[Wallet] = []
        self._shares: dict[str, int] = {}
        self._chain_id = chain.id
        self._fee = Fees(0, None)
        self._at: Any = "latest"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What cannot be sent back is lost; it must not hide what the flow has shown.
        with suppress(ProbeError):
            self._sweep()

    def deploy(self, one: Deployment) -> Performed:
        """Deploy the next contract of the flow; before the first, fund its accounts.

        Raises:
            ForbiddenError: It would cost more than the cap; nothing was sent.
            ProbeError: No usable answer, or the node does not take a transaction.
        """
        first = not self._funded
        if first:
            self._fee = fees(self._rpc)
        gas = self._estimated({"from": self._creator(), "data": one.creation}, one.interface)
        if isinstance(gas, Revert):
            return Performed(gas)
        if first:
            self._fund(gas + sum(map(_most_gas, self._script.deployments[1:])))
        elif gas > _most_gas(one):
            raise ForbiddenError(f"deploying {one.name} needs {gas} gas, of {_most_gas(one)}")
        # The deployer's transactions in their order, so that each stands where the script says.
        receipt = self._wallets[DEPLOYER].send(to=None, fee=self._fee, gas=gas, data=one.creation)
        self._reads_at(receipt)
        found = str(receipt.contract).lower()
        if receipt.succeeded and found != one.address.lower():
            raise MalformedError(f"{one.name} stands at {found}, not at {one.address}")
        if receipt.succeeded and one is self._script.own:
            self._share_out()
        return _done(receipt)

    def _creator(self) -> str:
        # Until it is funded, a node would say of the deployer only that it cannot pay.
        return (self._wallets[DEPLOYER] if self._funded else self._spender).address

    def _fund(self, gas: int) -> None:
        """Give the deployer what the whole flow may need, within the run's purse."""
        needs = self._needs(gas)
        transfers = (len(needs) + 1) * 2
        total = sum(needs.values()) + transfers * TRANSFER_GAS * self._fee.most
        # All at once: what the accounts of the flow send to one another is the same money.
        self._rpc.purse.take(total, "this flow")
        deployer = self._wallets[DEPLOYER]
        self._funded.append(deployer)
        self._transfer(self._spender, deployer, total - 2 * TRANSFER_GAS * self._fee.most)
        self._shares = needs

    def _share_out(self) -> None:
        """Give each role what its steps may need."""
        deployer = self._wallets[DEPLOYER]
        needs = {role: need for role, need in self._shares.items() if role != DEPLOYER}
        self._funded += [self._wallets[role] for role in needs]
        payments = [
            Payment(deployer, self._wallets[role].address, need) for role, need in needs.items()
        ]
        for one in pay(self._rpc, payments, self._fee, self._chain_id):
            self._reads_at(_went(one))

    def perform(self, act: Act) -> Performed:
        """Simulate the act, and send it where that succeeds.

        Raises:
            ProbeError: No usable answer.
        """
        request = self._request(act)
        answer = self._rpc.batch([Ask("eth_call", (request, self._at))])[0]
        if isinstance(answer, Revert):
            return Performed(explain(answer, act.target.interface))
        settled(answer, act.title)
        gas = self._estimated(request, act.target.interface)
        if isinstance(gas, Revert):
            return Performed(gas)
        if gas > STEP_GAS:
            raise ForbiddenError(f"{act.title} needs {gas} gas, a step may use {STEP_GAS}")
        receipt = self._wallets[act.role].send(
            to=act.to, fee=self._fee, gas=gas, data=act.data, value=act.value
        )
        self._reads_at(receipt)
        if not receipt.succeeded:
            return _done(receipt)
        return replace(_done(receipt, self._views(act)), paid=self._paid(act, receipt))

    def try_all(self, acts: Sequence[Act]) -> list[Performed]:
        """Simulate the acts, each by itself, where the contract stands now; nothing is sent.

        No usable answer to one of them is never a revert: it is unknown what it does.

        Raises:
            ProbeError: The exchange as a whole failed.
        """
        # Bounded, so that what never ends is no answer instead of a long wait.
        bound = {"gas": hex(STEP_GAS)}
        asks = [Ask("eth_call", ({**self._request(act), **bound}, self._at)) for act in acts]
        answers = self._rpc.batch(asks)
        return [_tried(act, answer) for act, answer in zip(acts, answers, strict=True)]

    def reentered(self, act: Act) -> str | None:
        """Say who is paid twice by calling again; see ``reentering.reentered``."""
        return reentered(self._rpc, self._at, self._script, act)

    def ignored(self, act: Act) -> str | None:
        """Say of which token it ignores that a transfer failed; see ``ignoring.ignored``."""
        return ignored(self._rpc, self._at, self._script, act)

    def counts_after_fork(self, act: Act) -> bool | None:
        """Say whether its signature counts on a fork; see ``forking.counts_after_fork``."""
        return counts_after_fork(self._rpc, self._at, self._script, act)

    def _request(self, act: Act) -> dict[str, str]:
        return {
            "from": act.sender,
            "to": act.to,
            "data": act.data,
            "value": hex(act.value),
        }

    def _views(self, act: Act) -> dict[str, Any]:
        asks = [
            Ask("eth_call", ({"to": view.to, "data": view.data}, self._at)) for view in act.views
        ]
        answers = self._rpc.batch(asks) if asks else []
        return {
            view.key: decoded_view(view, _output(answer, view.key))
            for view, answer in zip(act.views, answers, strict=True)
        }

    def _paid(self, act: Act, receipt: Receipt) -> Mapping[str, int]:
        """Return what the accounts of ``act.pays`` got in the block of its transaction."""
        if not act.pays:
            return {}
        if receipt.cost is None:
            raise UnsupportedError(
                f"{self._rpc.masked}: receipts do not say what gas cost (effectiveGasPrice), so "
                "that what the sender gets cannot be told"
            )
        asks = [
            Ask("eth_getBalance", (one.address, hex(block)))
            for block in (receipt.block - 1, receipt.block)
            for one in act.pays
        ]
        found = [
            quantity(settled(answer, "eth_getBalance"), "balance")
            for answer in self._rpc.batch(asks)
        ]
        half = len(act.pays)
        spent = act.value + receipt.cost
        return payments(act, found[:half], found[half:], spent=spent, by=act.sender)

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

    def _estimated(self, request: dict[str, str], interface: Interface) -> int | Revert:
        """Return the gas to allow: what the node estimates, and a quarter more."""
        answer = self._rpc.batch([Ask("eth_estimateGas", (request,))])[0]
        if isinstance(answer, Revert):
            return explain(answer, interface)
        estimate = quantity(settled(answer, "eth_estimateGas"), "eth_estimateGas")
        return estimate * _MARGIN[0] // _MARGIN[1]

    def _transfer(self, source: Wallet, target: Wallet, value: int) -> Receipt:
        receipt = source.send(to=target.address, fee=self._fee, gas=TRANSFER_GAS, value=value)
        return _went(receipt)

    def _sweep(self) -> None:
        """Send back what the accounts of the flow still have."""
        cost = TRANSFER_GAS * self._fee.most
        held = balances(self._rpc, [one.address for one in self._funded])
        payments = [
            Payment(wallet, self._spender.address, left - cost)
            for wallet, left in zip(self._funded, held, strict=True)
            if isinstance(left, int) and left > cost
        ]
        done = pay(self._rpc, payments, self._fee, self._chain_id) if payments else []
        for payment, one in zip(payments, done, strict=True):
            if isinstance(one, Receipt) and one.succeeded:
                self._rpc.purse.give_back(payment.value)

    def _reads_at(self, receipt: Receipt) -> None:
        """From now on read at the block of this receipt, whichever node of a pool answers."""
        self._at = {"blockHash": receipt.block_hash} if self._by_hash else hex(receipt.block)


def _went(one: Receipt | ProbeError) -> Receipt:
    """Return the receipt of a transfer that was made.

    Raises:
        ProbeError: It was not.
    """
    if isinstance(one, ProbeError):
        raise one
    if not one.succeeded:
        raise MalformedError(f"a plain transfer failed: {one.transaction}")
    return one


def _most_gas(one: Deployment) -> int:
    """Return what a deployment may use that nobody can estimate yet: its code, and a setup."""
    return 1_000_000 + 150 * (len(one.creation) - 2)


def _tried(act: Act, answer: Answer) -> Performed:
    if isinstance(answer, ProbeError):
        return Performed(None, unknown=answer)
    if isinstance(answer, Revert):
        return Performed(explain(answer, act.target.interface))
    return Performed(None)


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
