"""What the compiler made: ABI, bytecode, and where its immutables stand.

Reads Hardhat 2 and 3, Ignition, hardhat-deploy, Foundry, Waffle and our own artifacts. Refuses
unlinked bytecode: what has holes is deployed nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.abi import Interface, read_abi
from pytest_metarelease.probes.chain.artifact_file import read_document
from pytest_metarelease.probes.chain.build_info import Build, find_build
from pytest_metarelease.probes.chain.linking import Link, linked
from pytest_metarelease.probes.chain.spans import Span as Span
from pytest_metarelease.probes.chain.syntax import Syntax
from pytest_metarelease.probes.chain.vyper import immutables_behind

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    ``immutables`` maps each immutable (its name where it is known, else the number that the
    compiler gave its declaration) to its places in ``runtime``; None where the artifact does not
    say. ``arguments`` maps those that are a constructor's argument as it is to its place.
    """

    name: str
    file: str
    interface: Interface
    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[Span, ...]] | None
    compiler: str
    links: tuple[Link, ...] = ()
    arguments: Mapping[str, int] = field(default_factory=dict)
    build: Build | None = field(default=None, compare=False)


def load(path: Path, libraries: Mapping[str, str] | None = None) -> Artifact:
    """Read an artifact, linked with ``libraries``: name -> address.

    Raises:
        UsageError: The file is missing or no artifact, or its bytecode is not linked.
    """
    document = read_document(path)
    abi = document.get("abi")
    if not isinstance(abi, list):
        raise UsageError(
            f"{path}: no artifact: it has no `abi`; name a Hardhat or Foundry artifact"
        )
    name = str(document.get("contractName") or path.stem)
    runtime = linked(path, document, "deployedBytecode", libraries or {})
    build = find_build(path, document)
    syntax = Syntax.of(build.trees)
    immutables = _immutables(path, document, build, syntax, len(runtime.data))
    creation = linked(path, document, "bytecode", libraries or {}).data
    behind = immutables_behind(creation, runtime.data)
    if behind:
        immutables = {**(immutables or {}), **{word: (span,) for word, span in behind.items()}}
    return Artifact(
        name=name,
        file=str(path),
        interface=read_abi(name, abi),
        creation=creation,
        runtime=runtime.data + bytes(sum(one.length for one in behind.values())),
        immutables=immutables,
        compiler=_compiler(document, build),
        links=runtime.links,
        arguments=_arguments(document, name, build, syntax),
        build=build,
    )


def interface(path: Path) -> Interface:
    """Return the ABI of an artifact alone, whether or not it can be deployed."""
    document = read_document(path)
    abi = document.get("abi")
    name = str(document.get("contractName") or path.stem)
    return read_abi(name, abi if isinstance(abi, list) else [])


def _immutables(
    path: Path, document: Mapping[str, Any], build: Build, syntax: Syntax, size: int
) -> Mapping[str, tuple[Span, ...]] | None:
    references = _references(document, build)
    if references is None:
        return None
    names = document.get("immutableNames") or {}
    found: dict[str, tuple[Span, ...]] = {}
    try:
        for number, places in references.items():
            spans = tuple(Span(int(one["start"]), int(one["length"])) for one in places)
            if any(one.start < 0 or one.length <= 0 or one.end > size for one in spans):
                raise UsageError(f"{path}: immutable {number} lies outside the runtime code")
            name = str(names.get(number) or syntax.name(number) or number)
            # Two bases may each have a private immutable of one name.
            found[f"{name}#{number}" if name in found else name] = spans
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise UsageError(f"{path}: immutableReferences are damaged ({problem!r})") from None
    return found


def _references(document: Mapping[str, Any], build: Build) -> Any:
    deployed = document.get("deployedBytecode")
    if isinstance(deployed, Mapping):
        # Foundry leaves the key out where there are none.
        return deployed.get("immutableReferences", {})
    if "immutableReferences" in document:
        return document["immutableReferences"]
    return build.runtime.get("immutableReferences")


def _arguments(
    document: Mapping[str, Any], name: str, build: Build, syntax: Syntax
) -> Mapping[str, int]:
    declared = document.get("immutableArguments")
    if isinstance(declared, Mapping):
        return {str(key): int(value) for key, value in declared.items()}
    found = syntax.constructor_arguments(name, build.unit)
    return {syntax.name(str(number)) or str(number): at for number, at in found.items()}


def _compiler(document: Mapping[str, Any], build: Build) -> str:
    if build.compiler:
        return build.compiler
    for holder in (document.get("compiler"), document.get("metadata")):
        compiler = holder.get("compiler", holder) if isinstance(holder, Mapping) else {}
        if isinstance(compiler, Mapping) and compiler.get("version"):
            return str(compiler["version"])
    return "unknown"
