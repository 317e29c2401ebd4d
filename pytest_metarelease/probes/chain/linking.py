"""Libraries that a contract calls: where their addresses stand, and filling them in.

Refuses bytecode with a hole for which nobody named a library: what has holes is deployed nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.spans import Span

if TYPE_CHECKING:
    from pathlib import Path

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_HOLE = re.compile(r"__")  # however a compiler names it: no byte is written so
_ADDRESS = 20
# Of every library's code the first instruction pushes its own address: calls must be delegated.
_LIBRARY = re.compile(rb"\x73\x00{20}\x30\x14", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """A library and its places in the code; ``address`` is 0x hex, in any case."""

    library: str
    address: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Bytecode with its libraries filled in."""

    data: bytes
    links: tuple[Link, ...] = ()


def linked(path: Path, document: Mapping[str, Any], key: str, libraries: Mapping[str, str]) -> Code:
    """Return the bytecode ``key`` of an artifact, linked with ``libraries`` (name -> address).

    A library is named ``NAME`` or ``FILE:NAME``.

    Raises:
        UsageError: There is no such code, it is empty or damaged, or a library is missing.
    """
    digits = _digits(path, document, key)
    links = []
    for file, name, spans in _references(path, document, key):
        address = libraries.get(f"{file}:{name}") or libraries.get(name)
        if address is None:
            raise UsageError(
                f"{path}: {key} is not linked: library {name} is missing at byte {spans[0].start}; "
                f"name its contract under `libraries: {{{name}: ...}}`, or an artifact that is "
                "linked"
            )
        links.append(Link(name, address, spans))
        for span in spans:
            if span.start < 0 or span.length != _ADDRESS or 2 * span.end > len(digits):
                raise UsageError(f"{path}: {key}: the reference to library {name} is damaged")
            digits = digits[: 2 * span.start] + address[2:].lower() + digits[2 * span.end :]
    hole = _HOLE.search(digits)
    if hole is not None:
        raise UsageError(
            f"{path}: {key} is not linked: a library is missing at byte {hole.start() // 2}; "
            "name the artifact of a build with its libraries linked"
        )
    if not digits:
        raise UsageError(f"{path}: {key} is empty: an interface or abstract contract")
    if _HEX.fullmatch(digits) is None:
        raise UsageError(f"{path}: {key} is not hexadecimal")
    return Code(bytes.fromhex(digits), tuple(links))


def own_address(runtime: bytes) -> Span | None:
    """Return where a library's code holds its own address, or None for other contracts.

    Source: Solidity, "Call protection for libraries": PUSH20 of zeros in the compiled code, of
    the library's address in the deployed one.
    """
    return Span(1, _ADDRESS) if _LIBRARY.match(runtime) else None


def _digits(path: Path, document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if value is None and isinstance(document.get("evm"), Mapping):
        value = document["evm"].get(key)  # the compiler's own output, which Waffle keeps
    text = value.get("object") if isinstance(value, Mapping) else value
    if not isinstance(text, str):
        raise UsageError(f"{path}: no artifact: it has no `{key}`")
    return text.removeprefix("0x")


def _references(
    path: Path, document: Mapping[str, Any], key: str
) -> list[tuple[str, str, tuple[Span, ...]]]:
    value = document.get(key)
    links = value.get("linkReferences") if isinstance(value, Mapping) else None
    if links is None:
        links = document.get("linkReferences" if key == "bytecode" else "deployedLinkReferences")
    try:
        return [
            (file, name, tuple(Span(int(one["start"]), int(one["length"])) for one in places))
            for file, names in (links or {}).items()
            for name, places in names.items()
            if places
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise UsageError(f"{path}: linkReferences are damaged ({problem!r})") from None
