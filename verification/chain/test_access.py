"""Who may call what, who holds which role, who signs for the owner; whether the pause pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.safes import SafeProbe


@pytest.mark.verifies("post.access")
@pytest.mark.for_each("contract")
def test_only_who_is_declared_may_call_what_changes_state(
    contract: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Simulated from a stranger, the zero address, former accounts and everybody who may."""
    contracts[contract].access()


@pytest.mark.verifies("post.access")
@pytest.mark.for_each("contract")
def test_the_code_answers_only_what_its_abi_lists(
    contract: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """The dispatcher of the deployed code has no selector beside the ABI's and the declared."""
    contracts[contract].hidden_selectors()


@pytest.mark.verifies("post.access")
@pytest.mark.for_each("with_roles", optional=True)
def test_every_role_is_held_by_exactly_the_declared(
    with_roles: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Rebuilt from all events since the deployment, and confirmed by calls."""
    contracts[with_roles].roles()


@pytest.mark.verifies("post.multisig", "security.multisig")
@pytest.mark.for_each("safe")
def test_the_multisig_is_set_up_as_declared(safe: str, safes: Callable[[str], SafeProbe]) -> None:
    """Version, owners, threshold, modules, guards, fallback handler, singleton, nonce."""
    safes(safe).judge()


@pytest.mark.verifies("post.pause", "security.pause")
@pytest.mark.for_each("pausable")
def test_the_pause_stops_what_it_must(
    pausable: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Simulated: pause, then call, in one eth_call with state overrides; nothing is sent."""
    contracts[pausable].pausing()
