"""What the compiler made: ABI, bytecode, and where its immutables stand.

Reads Hardhat 2 and 3, Foundry and our own artifacts. Refuses unlinked bytecode: what has holes is
deployed nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.nesting import check_depth
from pytest_metarelease.probes.chain.abi import Interface, read_abi

if TYPE_CHECKING:
    from pathlib import Path

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_HOLE = re.compile(r"__")  # however a compiler names it: no byte is written so
_DEEPEST = 1_000  # syntax trees are deep
_BOUND = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """Where bytes stand in the runtime code."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    ``immutables`` maps each immutable (its name where it is known, else the number that the
    compiler gave its declaration) to its places in ``runtime``; None where the artifact does not
    say.
    """

    name: str
    file: str
    interface: Interface
    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[Span, ...]] | None
    compiler: str


def load(path: Path) -> Artifact:
    """Read an artifact.

    Raises:
        UsageError: The file is missing or no artifact, or its bytecode is not linked.
    """
    document = _document(path)
    abi = document.get("abi")
    if not isinstance(abi, list):
        raise UsageError(
            f"{path}: no artifact: it has no `abi`; name a Hardhat or Foundry artifact"
        )
    name = str(document.get("contractName") or path.stem)
    runtime = _code(path, document, "deployedBytecode")
    return Artifact(
        name=name,
        file=str(path),
        interface=read_abi(name, abi),
        creation=_code(path, document, "bytecode"),
        runtime=runtime,
        immutables=_immutables(path, document, len(runtime)),
        compiler=_compiler(document),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _BOUND:
            raise UsageError(f"{path}: larger than {_BOUND} bytes, so no artifact of a contract")
        content = path.read_bytes()
        check_depth(content, _DEEPEST)
        document = json.loads(content)
    except OSError as problem:
        raise UsageError(
            f"{path}: {problem.strerror}; build the contracts, or correct `artifact:`"
        ) from None
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path}: no JSON: {problem}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path}: no artifact: not a JSON object")
    return document


def _code(path: Path, document: Mapping[str, Any], key: str) -> bytes:
    value = document.get(key)
    text = value.get("object") if isinstance(value, Mapping) else value
    if not isinstance(text, str):
        raise UsageError(f"{path}: no artifact: it has no `{key}`")
    digits = text.removeprefix("0x")
    hole = _HOLE.search(digits)
    if hole is not None:
        raise UsageError(
            f"{path}: {key} is not linked: {_library(document, key)} is missing at byte "
            f"{hole.start() // 2}; name the artifact of a build with its libraries linked"
        )
    if not digits:
        raise UsageError(f"{path}: {key} is empty: an interface or abstract contract")
    if _HEX.fullmatch(digits) is None:
        raise UsageError(f"{path}: {key} is not hexadecimal")
    return bytes.fromhex(digits)


def _library(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    links = value.get("linkReferences") if isinstance(value, Mapping) else None
    if links is None:
        links = document.get("linkReferences" if key == "bytecode" else "deployedLinkReferences")
    names = [name for file in (links or {}).values() for name in file]
    return f"library {', '.join(sorted(names))}" if names else "a library"


def _immutables(
    path: Path, document: Mapping[str, Any], size: int
) -> Mapping[str, tuple[Span, ...]] | None:
    references = _references(path, document)
    if references is None:
        return None
    names = document.get("immutableNames") or {}
    found = {}
    try:
        for number, places in references.items():
            spans = tuple(Span(int(one["start"]), int(one["length"])) for one in places)
            if any(one.start < 0 or one.length <= 0 or one.end > size for one in spans):
                raise UsageError(f"{path}: immutable {number} lies outside the runtime code")
            found[str(names.get(number, number))] = spans
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise UsageError(f"{path}: immutableReferences are damaged ({problem!r})") from None
    return found


def _references(path: Path, document: Mapping[str, Any]) -> Any:
    deployed = document.get("deployedBytecode")
    if isinstance(deployed, Mapping):
        # Foundry leaves the key out where there are none.
        return deployed.get("immutableReferences", {})
    if "immutableReferences" in document:
        return document["immutableReferences"]
    return _from_build_info(path, document)


def _from_build_info(path: Path, document: Mapping[str, Any]) -> Any:
    """Hardhat 2 keeps them in the build-info that ``NAME.dbg.json`` points to."""
    debug = path.with_suffix(".dbg.json")
    if not debug.is_file():
        return None
    build = debug.parent / str(_document(debug).get("buildInfo", ""))
    if not build.is_file():
        return None
    contracts = _document(build).get("output", {}).get("contracts", {})
    contract = contracts.get(document.get("sourceName"), {}).get(document.get("contractName"), {})
    return contract.get("evm", {}).get("deployedBytecode", {}).get("immutableReferences")


def _compiler(document: Mapping[str, Any]) -> str:
    for holder in (document.get("compiler"), (document.get("metadata") or {})):
        compiler = holder.get("compiler", holder) if isinstance(holder, Mapping) else {}
        if isinstance(compiler, Mapping) and compiler.get("version"):
            return str(compiler["version"])
    return "unknown"
