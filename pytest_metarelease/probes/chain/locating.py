"""Addresses that the manifest leaves to a deployment record, and the libraries code is linked with.

Refuses a record of another chain; reads no record where the manifest says the address itself.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.manifest.model import Contract, Environment
    from pytest_metarelease.probes.chain.deployments import Deployed


def located(environment: Environment, root: Path) -> Environment:
    """Return the environment with every recorded address filled in.

    Raises:
        UsageError: A record is missing, of another chain, or lacks the contract.
    """
    recorded = [name for name, one in environment.contracts.items() if one.deployment is not None]
    if not recorded:
        return environment
    from pytest_metarelease.manifest.scalars import Address

    contracts = dict(environment.contracts)
    for name in recorded:
        found = _record(environment, contracts[name], root)
        if found is not None:
            contracts[name] = replace(contracts[name], address=Address(found.address))
    return replace(environment, contracts=contracts)


def libraries_of(environment: Environment, contract: Contract, root: Path) -> Mapping[str, str]:
    """Return the addresses that a contract's code is linked with, by the libraries' names.

    What the manifest declares counts before what the deployment record says.
    """
    found = _record(environment, contract, root)
    return {
        **(found.libraries if found is not None else {}),
        **{name: environment.contracts[one].address for name, one in contract.libraries.items()},
    }


def _record(environment: Environment, contract: Contract, root: Path) -> Deployed | None:
    if contract.deployment is None or environment.chain is None:
        return None
    from pytest_metarelease.probes.chain.deployments import find_deployment

    path = Path(os.path.relpath(root / contract.deployment))
    name = contract.deployed_as or Path(contract.artifact).stem
    return find_deployment(path, name, environment.chain.id)
