"""What stands behind proxies, contracts that must be none, and sources at the explorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.probes.chain.proxies import judge_no_proxy, judge_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.sourcify import ExplorerProbe


@pytest.mark.verifies("post.contracts", "deploy.contracts", "monitoring.contracts")
@pytest.mark.for_each("proxied", optional=True)
def test_behind_the_proxy_is_what_the_release_declares(
    proxied: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Implementation, admin and beacon with their code; nobody can initialise again."""
    judge_proxy(contracts, proxied)


@pytest.mark.verifies("post.contracts", "deploy.contracts", "monitoring.contracts")
@pytest.mark.for_each("contract")
def test_what_is_not_declared_a_proxy_is_none(
    contract: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """The slots of EIP-1967 and EIP-1822 are empty where the manifest declares no proxy."""
    if contracts[contract].declared.proxy is None:
        judge_no_proxy(contracts[contract])
    else:
        contracts[contract].code_size().at_least(1, next_step="compare address and deployment")


@pytest.mark.verifies("deploy.explorer")
@pytest.mark.for_each("explored")
def test_the_explorer_has_the_sources(
    explored: str, explorer: Callable[[str], ExplorerProbe]
) -> None:
    """As exactly as the manifest wants; an explorer that does not answer is unknown."""
    explorer(explored).expect()
