"""What one pytest process knows of the run it belongs to. Values; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.manifest import Loaded
    from pytest_metarelease.manifest.model import Declared, Manifest

Role = Literal["single", "controller", "worker"]


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a verdict is made, and why; ``advisory`` leaves the exit code to pytest."""

    on: bool
    why: str
    advisory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process of one run: its manifest, environment, gate, packet folder and role.

    ``shared`` is a private folder for all processes of the run: the sandbox and the prepared
    target live there. ``root`` is the manifest's folder; node ids of the lock are relative to it.
    ``shard`` is the K-th of N slices that this run takes on; ``block`` the hash of the block to
    read from, empty for the newest; ``baseline`` the packet of the release before. ``kept`` holds
    what must live as long as this process, such as the sandbox's handle.
    """

    run_id: str
    role: Role
    process: str
    loaded: Loaded
    environment: str
    gate: Gate
    expression: str
    packet: Path
    shared: Path
    owner_pid: int
    faults: tuple[str, ...]
    root: Path
    started_at: str
    shard: tuple[int, int] | None = None
    block: str = ""
    baseline: Path | None = None
    kept: list[object] = field(default_factory=list)

    @property
    def manifest(self) -> Manifest:
        """The manifest, with names only for its environments."""
        return self.loaded.manifest

    @property
    def declared(self) -> Declared:
        """The names that the selected environment declares."""
        return self.manifest.environments[self.environment]

    @property
    def controls(self) -> bool:
        """True in the one process that decides: no worker of xdist."""
        return self.role != "worker"


RUN: pytest.StashKey[Run] = pytest.StashKey()
