"""What the chain says now, for what others say of it now; not at the run's pinned block.

Refuses names that nothing declares, and to round what is said more exactly than it was shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.manifest.relations import Reference, read_relation
from pytest_metarelease.probes.chain.codec import call_data, decode
from pytest_metarelease.probes.chain.quantities import payload, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.probes.chain.contracts import ContractProbe

_AMOUNT = re.compile(r"\s*([0-9]{1,60})(?:\.([0-9]{1,60}))?\s*[A-Za-z]{0,8}\s*")
_DIGITS = {"wei": 0, "gwei": 9, "ether": 18}


def told_now(text: str, contracts: Mapping[str, ContractProbe]) -> Any:
    """Return what ``balance(NAME)`` or ``contract.view(ARGS)`` is at the newest block.

    Raises:
        UsageError: It is neither, or a name in it stands for nothing.
        ProbeError: No usable answer.
    """
    asked = read_relation(f"== {text}").other
    if not isinstance(asked, Reference) or not contracts:
        raise UsageError(f"{text}: write balance(NAME) or contract.view(), of declared contracts")
    if asked.contract is None:
        return _balance(asked, next(iter(contracts.values())))
    if asked.contract not in contracts:
        raise UsageError(f"no contract {asked.contract} is declared; declared: {sorted(contracts)}")
    return _view(asked, contracts[asked.contract])


def _balance(asked: Reference, contract: ContractProbe) -> int:
    if asked.function != "balance":
        raise UsageError(f"{asked.function}(): say whose view it is, contract.{asked.function}()")
    address = contract.directory.address(asked.args[0], contract.address)
    value, _ = contract.asking.ask(
        f"eth_getBalance {address} (moving)",
        lambda: quantity(contract.rpc.call("eth_getBalance", address, "latest"), "balance"),
    )
    return value


def _view(asked: Reference, contract: ContractProbe) -> Any:
    entry = contract.interface.function(asked.function)
    data = call_data(entry, asked.args)
    name = f"{contract.name}.{asked.function}()"

    def ask() -> Any:
        call = {"to": contract.address, "data": data}
        raw = payload(contract.rpc.call("eth_call", call, "latest"), name)
        values = decode(entry.output_types, raw, name)
        return values[0] if len(values) == 1 else values

    value, _ = contract.asking.ask(f"{name} (moving)", ask)
    return value


def amount_shown(value: Any, unit: str) -> tuple[int, int]:
    """Return an amount as it is shown, in its last place, and how many wei one of that place are.

    Raises:
        MalformedError: It is no amount.
    """
    found = _AMOUNT.fullmatch(str(value)) if not isinstance(value, bool) else None
    places = len(found[2] or "") if found is not None else 0
    if found is None or places > _DIGITS[unit]:
        raise MalformedError(f"{value!r:.60} is no amount in {unit}")
    return int(found[1] + (found[2] or "")), int(10 ** (_DIGITS[unit] - places))


def as_shown(wei: int, shown: int, step: int) -> int:
    """Return an amount of wei in steps: rounded where ``shown`` is, else cut off."""
    cut, rest = divmod(wei, step)
    rounded = cut + (2 * rest >= step)
    return rounded if shown == rounded else cut
