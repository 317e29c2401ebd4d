"""Whether an artifact is made from the sources that are here, with the declared compiler.

Compares Keccak-256 of the sources and the settings that the build recorded; a file's time proves
nothing. Refuses to call current what it did not compare: sources that are not here are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.abi import keccak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.contract_code import Compiler
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.build_info import Build

_LARGEST = 4 * 1024 * 1024
_ANCESTORS = 8


@dataclass(frozen=True, slots=True)
class Provenance:
    """``stale`` says what differs; ``same`` and ``absent`` count sources."""

    stale: tuple[str, ...]
    same: int = 0
    absent: int = 0
    settings: int = 0

    @property
    def compared(self) -> bool:
        """Whether anything was compared at all."""
        return bool(self.same or self.settings or self.stale)

    def __str__(self) -> str:
        if self.stale:
            return "; ".join(self.stale)
        return (
            f"{self.same} sources equal, {self.absent} not here; "
            f"{self.settings} compiler settings as declared"
        )


def provenance(artifact: Artifact, compiler: Compiler | None) -> Provenance:
    """Compare the artifact with the source tree around it and with what the manifest declares."""
    build = artifact.build
    if build is None:
        return Provenance(())
    stale, same, absent = [], 0, 0
    roots = list(Path(artifact.file).absolute().parents)[:_ANCESTORS]
    root = _root(build, roots)
    for unit, digest in sorted(build.sources.items()):
        file = None if root is None else _source(root, unit)
        if file is None:
            absent += 1
        elif _digest(file) == digest.lower():
            same += 1
        else:
            stale.append(f"{unit} is not the source that {artifact.name} was built from")
    wanted = list(_settings(artifact, build, compiler))
    stale += [
        f"compiler: {name} is {is_}, declared {want}" for name, want, is_ in wanted if want != is_
    ]
    return Provenance(tuple(stale), same, absent, len(wanted))


def _root(build: Build, roots: list[Path]) -> Path | None:
    """Return the nearest folder above the artifact that holds the contract's own source."""
    for folder in roots:
        if build.unit and _source(folder, build.unit) is not None:
            return folder
    return None


def _source(root: Path, unit: str) -> Path | None:
    # Hardhat 3 puts `project/` before the files of the project, `npm/NAME@VERSION/` before others.
    plain = unit.removeprefix("project/")
    if plain.startswith(("/", "npm/")) or ".." in Path(plain).parts:
        return None
    for file in (root / plain, root / "node_modules" / plain):
        if file.is_file() and file.stat().st_size <= _LARGEST:
            return file
    return None


def _digest(file: Path) -> str:
    return "0x" + keccak(file.read_bytes()).hex()


def _settings(
    artifact: Artifact, build: Build, compiler: Compiler | None
) -> Iterator[tuple[str, object, object]]:
    if compiler is None:
        return
    optimizer = build.settings.get("optimizer") or {}
    found = {
        "version": artifact.compiler.partition("+")[0]
        if compiler.version and "+" not in compiler.version
        else artifact.compiler,
        "evm_version": build.settings.get("evmVersion"),
        "optimizer": bool(optimizer.get("enabled", False)),
        "runs": optimizer.get("runs"),
        "via_ir": bool(build.settings.get("viaIR", False)),
    }
    for name, value in found.items():
        wanted = getattr(compiler, name)
        if wanted is not None:
            yield name, wanted, value
