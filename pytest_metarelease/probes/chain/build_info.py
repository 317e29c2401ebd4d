"""What a build knows beyond an artifact: sources, settings, syntax trees, the source map.

Reads Hardhat 2 and 3 build-info and what Foundry, hardhat-deploy and our compiler keep in the
artifact itself. Refuses to guess: what a build does not say is absent here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.artifact_file import read_document, section

if TYPE_CHECKING:
    from pathlib import Path

_ANCESTORS = 12


@dataclass(frozen=True, slots=True)
class Build:
    """``sources`` maps each source unit to the Keccak-256 of its text, 0x hex.

    ``settings`` are the compiler's, ``trees`` the syntax trees by source unit, ``output`` what the
    compiler said of this contract. ``file`` is where most of it was read.
    """

    file: str
    compiler: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trees: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""

    @property
    def runtime(self) -> Mapping[str, Any]:
        """What the compiler said of the runtime code: references, source map."""
        return section(dict(self.output), "evm", "deployedBytecode")


def find_build(path: Path, document: Mapping[str, Any]) -> Build:
    """Return what is known of the build of the artifact at ``path``.

    Raises:
        UsageError: A build-info file is there and cannot be read.
    """
    info = _hardhat_2(path) or _hardhat_3(path, document)
    if info is not None:
        return _from_build_info(info, document)
    return _from_artifact(path, document)


def _hardhat_2(path: Path) -> Path | None:
    """``NAME.dbg.json`` beside the artifact points to the build-info."""
    debug = path.with_suffix(".dbg.json")
    if not debug.is_file():
        return None
    build = debug.parent / str(read_document(debug).get("buildInfo", ""))
    return build if build.is_file() else None


def _hardhat_3(path: Path, document: Mapping[str, Any]) -> Path | None:
    """``buildInfoId`` names a file in ``build-info`` of the artifacts' folder, some levels up."""
    name = document.get("buildInfoId")
    if not isinstance(name, str) or "/" in name or "\\" in name:
        return None
    for folder in list(path.resolve().parents)[:_ANCESTORS]:
        build = folder / "build-info" / f"{name}.json"
        if build.is_file():
            return build
    return None


def _from_build_info(path: Path, document: Mapping[str, Any]) -> Build:
    build = read_document(path)
    # Hardhat 3 writes the compiler's output into a file of its own.
    beside = path.with_name(f"{path.stem}.output.json")
    output = section(read_document(beside) if beside.is_file() else build, "output")
    unit = str(document.get("inputSourceName") or document.get("sourceName"))
    texts = section(build, "input", "sources")
    contract = section(output, "contracts", unit, str(document.get("contractName")))
    own = section(_parsed(contract.get("metadata")), "sources")
    return Build(
        file=str(path),
        compiler=str(build.get("solcLongVersion") or build.get("solcVersion") or ""),
        # Of one compilation, only what this contract was made of: the others may be changed, and
        # compiled again without it. Metadata that does not even name its own source says nothing.
        sources={
            name: _digest(one["content"])
            for name, one in texts.items()
            if "content" in one and (unit not in own or name in own)
        },
        settings=section(build, "input", "settings"),
        trees={
            name: one["ast"] for name, one in section(output, "sources").items() if one.get("ast")
        },
        output=contract,
        unit=unit,
    )


def _from_artifact(path: Path, document: Mapping[str, Any]) -> Build:
    metadata = _parsed(document.get("rawMetadata") or document.get("metadata"))
    found = metadata if isinstance(metadata, dict) else {}
    deployed = document.get("deployedBytecode")
    evm = {"deployedBytecode": deployed if isinstance(deployed, dict) else {}}
    target = section(found, "settings", "compilationTarget")
    unit = next(iter(target), str(document.get("sourceName", "")))
    tree = document.get("ast")
    return Build(
        file=str(path),
        compiler=str(section(found, "compiler").get("version", "")),
        sources={
            name: str(one["keccak256"])
            for name, one in section(found, "sources").items()
            if isinstance(one, dict) and "keccak256" in one
        },
        settings=section(found, "settings"),
        trees={unit: tree} if isinstance(tree, dict) else {},
        output={"evm": evm, "metadata": metadata},
        unit=unit,
    )


def _parsed(metadata: Any) -> Any:
    """Return metadata as an object where it is one or the text of one, else None."""
    if not isinstance(metadata, str):
        return metadata
    try:
        return json.loads(metadata)
    except (ValueError, RecursionError):
        return None


def _digest(text: str) -> str:
    return "0x" + keccak(text.encode()).hex()
