"""A value against another that is read at the same block: a view, a balance, an address.

Refuses to order what is no number, and names that nothing declares.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.relations import Reference, Relation, read_relation
from pytest_metarelease.probes.reading import same, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_metarelease.probes.chain.contracts import ContractProbe

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def unrelated(contract: ContractProbe, holds: Sequence[str], value: Any) -> list[str]:
    """Return the relations that ``value`` does not have, each with what stood on its other side.

    Raises:
        UsageError: A name in them stands for nothing.
        UnmetError, ProbeError: The other side could not be read.
    """
    found = []
    for text in holds:
        try:
            relation = read_relation(text)
        except ValueError as problem:
            raise UsageError(f"{contract.name}: {problem}") from None
        other = _other_side(contract, relation)
        if not _holds(relation, value, other):
            read = f" (which is {show(other)})" if isinstance(relation.other, Reference) else ""
            found.append(f"{relation.text}{read}")
    return found


def _other_side(contract: ContractProbe, relation: Relation) -> Any:
    other = relation.other
    if not isinstance(other, Reference):
        return other
    if other.contract is None and other.function in ("balance", "address"):
        address = contract.directory.address(other.args[0], contract.address)
        return address if other.function == "address" else contract.balance_of(address)
    asked = contract
    if other.contract is not None:
        if other.contract not in contract.directory.probes:
            known = ", ".join(sorted(contract.directory.probes)) or "none"
            raise UsageError(f"no contract {other.contract} is declared; declared: {known}")
        asked = contract.directory.probes[other.contract]
    return asked.read(other.function, *(_argument(contract, one) for one in other.args)).value


def _argument(contract: ContractProbe, text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("0x") or text.isdigit():
        return text
    return contract.directory.address(text, contract.address)


def _holds(relation: Relation, value: Any, other: Any) -> bool:
    if relation.operator == "==":
        return same(other, value)
    if relation.operator == "!=":
        return not same(other, value)
    numbers = [one for one in (value, other) if isinstance(one, int) and not isinstance(one, bool)]
    return len(numbers) == 2 and _ORDERS[relation.operator](value, other)
