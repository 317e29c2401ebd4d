"""Relations as a manifest writes them: ``>= 1 ether``, ``== balance(self)``, ``== escrow.owner()``.

Only the form is read here; what a name stands for, and whether the relation holds, is for a probe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from pytest_metarelease.manifest.amounts import is_wei, read_wei

Operator: TypeAlias = Literal["==", "!=", "<=", ">=", "<", ">"]

_RELATION = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(\S.*?)\s*")
_CALL = re.compile(r"(?:([A-Za-z0-9][A-Za-z0-9_-]*)\.)?([A-Za-z_$][A-Za-z0-9_$]*)\(([^()]*)\)")
_NUMBER = re.compile(r"-?[0-9]{1,78}")
_HEX = re.compile(r"0x[0-9a-fA-F]*")
_FORMS = "write an operator and a value, e.g. `>= 1 ether`, `== balance(self)`, `== token.owner()`"


@dataclass(frozen=True, slots=True)
class Reference:
    """``balance(ADDRESS)``, ``address(NAME)``, ``view(ARGS)`` or ``contract.view(ARGS)``."""

    contract: str | None
    function: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """What a value must be to another, which is a literal or still has to be read."""

    operator: Operator
    other: int | bool | str | Reference
    text: str


def read_relation(text: str) -> Relation:
    """Return the relation that ``text`` writes.

    Raises:
        ValueError: It writes none; the message says how to.
    """
    found = _RELATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r:.100} is no relation; {_FORMS}")
    operator, other = cast("Operator", found[1]), _other(found[2])
    if operator not in ("==", "!=") and isinstance(other, bool):
        raise ValueError(f"{text!r:.100}: true and false have no order")
    return Relation(operator, other, f"{operator} {found[2]}")


def _other(text: str) -> int | bool | str | Reference:
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    if is_wei(text):
        return read_wei(text)
    if _HEX.fullmatch(text):
        return text
    call = _CALL.fullmatch(text)
    if call is None:
        raise ValueError(f"{text!r:.100} is no value of a relation; {_FORMS}")
    args = tuple(one.strip() for one in call[3].split(",")) if call[3].strip() else ()
    if call[1] is None and call[2] in ("balance", "address") and len(args) != 1:
        raise ValueError(f"{text}: {call[2]}() takes one name or address")
    return Reference(call[1], call[2], args)
