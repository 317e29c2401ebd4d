"""What Solidity's syntax tree says: names of immutables, what sets them, where functions stand.

Follows plain assignments of a constructor's parameters only; anything computed is left to the
simulation, and what the tree does not say is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DEEPEST = 60  # contracts that extend one another


@dataclass(frozen=True, slots=True)
class Syntax:
    """The nodes of all syntax trees of a build, by their number."""

    nodes: Mapping[int, Mapping[str, Any]]
    units: Mapping[int, str]

    @classmethod
    def of(cls, trees: Mapping[str, Any]) -> Syntax:
        """Return the trees' declarations."""
        nodes: dict[int, Mapping[str, Any]] = {}
        units: dict[int, str] = {}
        for unit, tree in trees.items():
            units[_number(str(tree.get("src", "")).rpartition(":")[2])] = unit
            for node in _walk(tree):
                number = node.get("id")
                if isinstance(number, int):
                    nodes[number] = node
        return cls(nodes, units)

    def name(self, number: str) -> str | None:
        """Return the name of the declaration with this number."""
        node = self.nodes.get(_number(number))
        return str(node["name"]) if node is not None and node.get("name") else None

    def constructor_arguments(self, contract: str, unit: str) -> dict[int, int]:
        """Return which parameter of the constructor each immutable is set to, by numbers.

        Only where ``immutable = parameter`` stands in the constructor, or in that of a base which
        was given the parameter as it is.
        """
        return dict(self._set_by(self._contract(contract, unit), None, 0))

    def function_at(self, start: int, unit: int) -> str | None:
        """Return the name of the innermost function whose text holds the character ``start``."""
        best: tuple[int, str] | None = None
        for node in self.nodes.values():
            if node.get("nodeType") not in ("FunctionDefinition", "ModifierDefinition"):
                continue
            first, length, file = (_number(one) for one in str(node["src"]).split(":"))
            if file == unit and first <= start < first + length:
                name = str(node.get("name") or node.get("kind") or "function")
                if best is None or length < best[0]:
                    best = (length, name)
        return best[1] if best else None

    def _contract(self, name: str, unit: str) -> Mapping[str, Any] | None:
        file = {one: number for number, one in self.units.items()}.get(unit)
        for node in self.nodes.values():
            is_it = node.get("nodeType") == "ContractDefinition" and node.get("name") == name
            if is_it and file in (None, _number(str(node["src"]).rpartition(":")[2])):
                return node
        return None

    def _set_by(
        self, contract: Mapping[str, Any] | None, given: Mapping[int, int] | None, depth: int
    ) -> Iterator[tuple[int, int]]:
        """Yield (immutable, argument); ``given`` says which argument each parameter has."""
        constructor = _constructor(contract)
        if constructor is None or depth > _DEEPEST:
            return
        parameters = [one["id"] for one in constructor["parameters"]["parameters"]]
        meaning = given if given is not None else {one: at for at, one in enumerate(parameters)}
        for node in _walk(constructor.get("body") or {}):
            if node.get("nodeType") != "Assignment" or node.get("operator") != "=":
                continue
            target = self.nodes.get(_referred(node.get("leftHandSide")), {})
            source = _referred(node.get("rightHandSide"))
            if target.get("mutability") == "immutable" and source in meaning:
                yield int(target["id"]), meaning[source]
        for call in constructor.get("modifiers", ()):
            base = self.nodes.get(_referred(call.get("modifierName")))
            inner = _constructor(base)
            if inner is None:
                continue
            names = [one["id"] for one in inner["parameters"]["parameters"]]
            sources = [_referred(one) for one in call.get("arguments") or ()]
            passed = {
                name: meaning[source]
                for name, source in zip(names, sources, strict=False)
                if source in meaning
            }
            yield from self._set_by(base, passed, depth + 1)


def _constructor(contract: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if contract is None or contract.get("nodeType") != "ContractDefinition":
        return None
    for node in contract.get("nodes", ()):
        if node.get("nodeType") == "FunctionDefinition" and node.get("kind") == "constructor":
            return dict(node)
    return None


def _referred(node: Any) -> int:
    kinds = ("Identifier", "IdentifierPath", "UserDefinedTypeName")
    if isinstance(node, Mapping) and node.get("nodeType") in kinds:
        number = node.get("referencedDeclaration")
        return number if isinstance(number, int) else -1
    return -1


def _walk(tree: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if "nodeType" in node:
                yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else -1
