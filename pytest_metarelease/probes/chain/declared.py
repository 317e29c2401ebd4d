"""The probes of all contracts that an environment declares, each knowing the others.

Refuses nothing itself and asks nothing of the chain: artifacts are read, addresses are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.contracts import ContractProbe
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.locating import libraries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.model import Contract, Environment
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot


def declared_contracts(
    environment: Environment,
    root: Path,
    artifact: Callable[[Contract], Path],
    rpc: Rpc,
    snapshot: Snapshot,
    recorder: Recorder,
) -> Mapping[str, ContractProbe]:
    """Return the probe of each declared contract; ``artifact`` says where its artifact is.

    A proxy has the functions of what stands behind it, a diamond those of its facets. ``root`` is
    the manifest's folder, in which deployment records are looked for.

    Raises:
        UsageError: An artifact or a record is missing or unreadable.
    """
    found = {
        name: ContractProbe(
            name,
            one,
            load(artifact(one), libraries_of(environment, one, root)),
            rpc,
            snapshot,
            recorder,
        )
        for name, one in environment.contracts.items()
    }
    directory = Directory.of(environment, found)
    for probe in found.values():
        probe.directory = directory
        if probe.declared.proxy is not None:
            probe.look_behind(found[probe.declared.proxy.implementation].artifact.interface)
        for name in probe.declared.facets:
            probe.facets[name] = found[name].artifact.interface
            probe.look_behind(probe.facets[name])
    errors = [error for probe in found.values() for error in probe.artifact.interface.errors]
    for probe in found.values():
        # A call hands on what another contract refused, whose error its own ABI need not have.
        probe.interface = probe.interface.knowing(errors)
    return found
