"""Plain transfers between accounts of ours, sent together and waited for together.

One by one each would wait for a block of its own. Refuses what the environment's access forbids
(the door does that); what becomes of one transfer says nothing of the others.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import DeadlineError, ProbeError, RefusedError, UnreachableError
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.quantities import quantity
from pytest_metarelease.probes.chain.rpc import Answer, Ask, Rpc, settled
from pytest_metarelease.probes.chain.sending import Fees, Receipt, Wallet, read_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Payment:
    """``value`` wei from an account of ours to an address."""

    source: Wallet
    to: str
    value: int


def balances(rpc: Rpc, addresses: Sequence[str]) -> list[int | ProbeError]:
    """Return what each account has now, in wei."""
    return _quantities(rpc, [Ask("eth_getBalance", (one, "latest")) for one in addresses])


def pay(
    rpc: Rpc,
    payments: Sequence[Payment],
    fee: Fees,
    chain_id: int,
    *,
    patience: float = 120.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[Receipt | ProbeError]:
    """Send the payments, whose cost was taken from the purse before; return what became of each.

    ``patience``: seconds that all receipts together may take.

    Raises:
        ForbiddenError: Access is read-only; nothing was sent.
        ProbeError: The exchange as a whole failed.
    """
    signed = _signed(rpc, payments, fee, chain_id)
    found: dict[int, Receipt | ProbeError] = {
        at: one for at, one in enumerate(signed) if isinstance(one, ProbeError)
    }
    raw = {at: one for at, one in enumerate(signed) if not isinstance(one, ProbeError)}
    sent = [Ask("eth_sendRawTransaction", (one[0],)) for one in raw.values()]
    answers = rpc.batch(sent, paid=True) if sent else []
    for at, answer in zip(raw, answers, strict=True):
        problem = _not_taken(answer)
        if problem is not None:
            found[at] = problem
    deadline, wait = clock() + patience, 0.01
    while waiting := [at for at in raw if at not in found]:
        asks = [Ask("eth_getTransactionReceipt", (raw[at][1],)) for at in waiting]
        for at, answer in zip(waiting, rpc.batch(asks), strict=True):
            if answer is not None:
                found[at] = _receipt(answer, raw[at][1])
            elif clock() + wait > deadline:
                late = f"{rpc.masked}: no receipt of {raw[at][1]} within {patience:g} s"
                found[at] = DeadlineError(late)
        if len(found) < len(payments):
            pause(wait)
            wait = min(wait * 2, 1.0)
    return [found[at] for at in range(len(payments))]


def _signed(
    rpc: Rpc, payments: Sequence[Payment], fee: Fees, chain_id: int
) -> list[tuple[str, str] | ProbeError]:
    """Return each transaction, raw and its hash; those of one account follow one another."""
    sources = list(dict.fromkeys(one.source.address for one in payments))
    asks = [Ask("eth_getTransactionCount", (one, "pending")) for one in sources]
    nonces = dict(zip(sources, _quantities(rpc, asks), strict=True))
    before: Counter[str] = Counter()
    signed: list[tuple[str, str] | ProbeError] = []
    for one in payments:
        nonce = nonces[one.source.address]
        if isinstance(nonce, ProbeError):
            signed.append(nonce)
            continue
        fields: dict[str, Any] = {
            "chainId": chain_id,
            "nonce": nonce + before[one.source.address],
            "gas": TRANSFER_GAS,
            "to": checksum(one.to),
            "value": one.value,
            "data": "0x",
            **fee.fields(),
        }
        before[one.source.address] += 1
        signed.append(one.source.sign(fields))
    return signed


def _not_taken(answer: Answer) -> ProbeError | None:
    """Return why the node did not take it; what may have arrived is waited for."""
    try:
        settled(answer, "transaction")
    except (DeadlineError, UnreachableError):
        return None
    except RefusedError as problem:
        return None if "already known" in str(problem).lower() else problem
    except ProbeError as problem:
        return problem
    return None


def _receipt(answer: Answer, digest: str) -> Receipt | ProbeError:
    try:
        return read_receipt(settled(answer, "eth_getTransactionReceipt"), digest)
    except ProbeError as problem:
        return problem


def _quantities(rpc: Rpc, asks: Sequence[Ask]) -> list[int | ProbeError]:
    found: list[int | ProbeError] = []
    for ask, answer in zip(asks, rpc.batch(asks) if asks else [], strict=True):
        try:
            found.append(quantity(settled(answer, ask.method), ask.method))
        except ProbeError as problem:
            found.append(problem)
    return found
