"""Who may take a contract's tokens from it: whoever it ever allowed to, and still does.

Refuses a part of the history for the whole, and events for what is so: each allowance is asked for
at the pinned block. Source: ERC-20, ``Approval`` and ``allowance``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.callers import callers
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.logs import logs_of
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.traffic import Accounting
    from pytest_metarelease.probes.chain.contracts import ContractProbe

# Approval(address,address,uint256), written out: collecting the checks imports this module, and the
# library of the hash must not be loaded before something is asked.
_APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
_ALLOWANCE = "0xdd62ed3e"  # allowance(address,address)


def judge_spenders(contract: ContractProbe, declared: Accounting, since: int) -> None:
    """Judge that nobody but the declared may take the token that a contract keeps books of.

    ``since`` is the block from which its events are read, of its deployment.

    Raises:
        UsageError: The books are of ether, which nobody can be allowed to take; or a spender
            names nothing.
        UnmetError: Somebody may who is not declared.
        ProbeError: The events or an allowance could not be read.
    """
    if declared.token is None:
        if declared.spenders:
            raise UsageError(f"{contract.name}: accounting.spenders is for books of a `token`")
        return
    may = {one.address for text in declared.spenders for one in callers(contract, text)}
    token = str(declared.token)
    allowed, seen = contract.asking.ask(
        f"allowances of {contract.name} for {token}, from events since block {since}",
        lambda: _allowed(contract, token, since, declared.chunk),
        show=lambda found: _shown(list(found)),
        block=contract.snapshot.number,
    )
    others = sorted(one for one in allowed if one not in may)
    expected = f"{token} of {contract.name} may be taken by {_shown(sorted(may))} only"
    if others:
        raise contract.asking.unmet(
            seen,
            expected,
            ", ".join(f"{one} may take {allowed[one]}" for one in others),
            "take the allowance back: whoever has it empties the contract; if it is meant, add to "
            f"contracts.{contract.name}.accounting:  spenders: [{_listed(others)}]",
        )
    contract.asking.met(seen, expected, f"allowed: {_shown(list(allowed))}")


def _allowed(contract: ContractProbe, token: str, since: int, chunk: int) -> dict[str, int]:
    """Return who may take how much, of everybody to whom it was ever allowed."""
    owner = _word(contract.address)
    logs = logs_of(
        contract.rpc, contract.snapshot, token, [_APPROVAL], since, chunk, about=f"0x{owner}"
    )
    spenders = sorted({_spender(token, log["topics"]) for log in logs})
    tag = contract.snapshot.tag
    asks = [
        Ask("eth_call", ({"to": token, "data": f"{_ALLOWANCE}{owner}{_word(one)}"}, tag))
        for one in spenders
    ]
    answers = read_pinned(contract.rpc, contract.snapshot, asks) if asks else []
    found = {}
    for spender, answer in zip(spenders, answers, strict=True):
        word = payload(settled(answer, "allowance"), "allowance")
        if len(word) != 32:
            raise MalformedError(f"{token}: allowance() answered {len(word)} bytes, not 32")
        found[spender] = int.from_bytes(word, "big")
    return {one: amount for one, amount in found.items() if amount}


def _spender(token: str, topics: Sequence[str]) -> str:
    if len(topics) != 3:
        raise MalformedError(f"{token}: Approval has two indexed parameters, not {len(topics) - 1}")
    return checksum("0x" + str(topics[2])[-40:])


def _word(address: str) -> str:
    return address[2:].lower().rjust(64, "0")


def _shown(accounts: Sequence[str]) -> str:
    return ", ".join(accounts) or "nobody"


def _listed(accounts: Sequence[str]) -> str:
    return ", ".join(f'"{one}"' for one in accounts)
