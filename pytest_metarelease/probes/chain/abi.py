"""What a contract's ABI declares: functions, events and errors, by signature.

Refuses to guess between overloads. Encoding and decoding of values is in ``codec``; this module
needs a library only for the hash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_READS = ("view", "pure")


@lru_cache(maxsize=4096)
def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 digest of ``data``, 32 bytes."""
    from eth_utils.crypto import keccak as digest

    return bytes(digest(data))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter with its canonical type; a struct's is ``(uint256,address)``."""

    name: str
    type: str
    indexed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, event or error of an ABI."""

    kind: str
    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...] = ()
    mutability: str = "nonpayable"
    signature: str = field(init=False, compare=False)
    """The canonical signature, such as ``transfer(address,uint256)``."""

    def __post_init__(self) -> None:
        text = f"{self.name}({','.join(one.type for one in self.inputs)})"
        object.__setattr__(self, "signature", text)

    @property
    def topic(self) -> str:
        """The hash of the signature, 0x hex: what an event logs as its first topic."""
        return "0x" + keccak(self.signature.encode()).hex()

    @property
    def selector(self) -> str:
        """The first four bytes of that hash: what calls and custom errors begin with."""
        return self.topic[:10]

    @property
    def reads(self) -> bool:
        """Whether the function is view or pure."""
        return self.mutability in _READS

    @property
    def input_types(self) -> tuple[str, ...]:
        """The types of the arguments."""
        return tuple(one.type for one in self.inputs)

    @property
    def output_types(self) -> tuple[str, ...]:
        """The types of what is returned."""
        return tuple(one.type for one in self.outputs)


class Interface:
    """The entries of one contract's ABI."""

    def __init__(self, name: str, entries: Iterable[Entry]) -> None:
        self.name = name
        every = tuple(entries)
        self.functions = tuple(one for one in every if one.kind == "function")
        self.events = tuple(one for one in every if one.kind == "event")
        self.errors = tuple(one for one in every if one.kind == "error")
        self.special = tuple(one for one in every if one.kind in ("receive", "fallback"))
        constructors = [one for one in every if one.kind == "constructor"]
        self._indexed: dict[str, dict[str, list[Entry]]] = {}
        self.constructor = constructors[0] if constructors else Entry("constructor", "", ())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything but the constructor."""
        return (*self.functions, *self.events, *self.errors, *self.special)

    @property
    def views(self) -> tuple[Entry, ...]:
        """All view and pure functions, by selector and not by name."""
        return tuple(one for one in self.functions if one.reads)

    def function(self, key: str) -> Entry:
        """Return the function of this name, or of this signature where the name is overloaded."""
        return self._one(key, self.functions, "function")

    def event(self, key: str) -> Entry:
        """Return the event of this name or signature."""
        return self._one(key, self.events, "event")

    def error(self, selector: str) -> Entry | None:
        """Return the custom error with this selector, or None."""
        return next((one for one in self.errors if one.selector == selector), None)

    def joined(self, other: Interface) -> Interface:
        """Return the entries of both, of which this one's go before; its constructor stays."""
        known = {(one.kind, one.signature) for one in self.entries}
        added = [one for one in other.entries if (one.kind, one.signature) not in known]
        return Interface(self.name, [*self.entries, self.constructor, *added])

    def knowing(self, others: Iterable[Entry]) -> Interface:
        """Return the same entries, and the custom errors of others, which calls hand on."""
        known = {one.selector for one in self.errors}
        added = [one for one in others if one.selector not in known]
        return Interface(self.name, [*self.entries, self.constructor, *added])

    def key_of(self, function: Entry) -> str:
        """Return how a manifest names this function: as short as is unambiguous."""
        same = [one for one in self.functions if one.name == function.name]
        return function.name if len(same) == 1 else function.signature

    def _one(self, key: str, entries: Sequence[Entry], kind: str) -> Entry:
        wanted = key.replace(" ", "")
        if kind not in self._indexed:
            index = self._indexed[kind] = {}
            for one in entries:
                for text in {one.name, one.signature}:
                    index.setdefault(text, []).append(one)
        found = self._indexed[kind].get(wanted, [])
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(sorted(one.signature for one in found))
            raise UsageError(f"{self.name}: {kind} {key} is overloaded; write {choices}")
        names = sorted({one.name for one in entries} | {one.signature for one in entries})
        near = get_close_matches(wanted, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{self.name}: the ABI has no {kind} {key}{hint}")


def read_abi(name: str, abi: Sequence[Mapping[str, Any]]) -> Interface:
    """Return the interface that a JSON ABI describes (Solidity's ABI specification).

    Raises:
        UsageError: An entry lacks a name or a type.
    """
    try:
        return Interface(name, [_entry(one) for one in abi])
    except (KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f"{name}: its ABI is damaged ({problem!r})") from None


def _entry(entry: Mapping[str, Any]) -> Entry:
    return Entry(
        kind=entry["type"],
        name=entry.get("name", ""),
        inputs=_parameters(entry.get("inputs", ())),
        outputs=_parameters(entry.get("outputs", ())),
        mutability=entry.get("stateMutability", "nonpayable"),
    )


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(one.get("name", ""), _type(one), bool(one.get("indexed", False)))
        for one in parameters
    )


def _type(parameter: Mapping[str, Any]) -> str:
    declared = str(parameter["type"])
    if not declared.startswith("tuple"):
        return declared
    inner = ",".join(_type(one) for one in parameter["components"])
    return f"({inner}){declared.removeprefix('tuple')}"
