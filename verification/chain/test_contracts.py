"""Deployed contracts: the release's code, constructor values and state; the accounts that pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.plugin.evidence_fixture import EvidenceNotes
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.chain.chain import ChainProbe
    from pytest_metarelease.probes.chain.contracts import ContractProbe


@pytest.mark.verifies("post.contracts", "deploy.contracts", "monitoring.contracts")
@pytest.mark.for_each("contract")
def test_the_code_is_the_artifacts(
    contract: str, contracts: Mapping[str, ContractProbe], evidence: EvidenceNotes
) -> None:
    """Byte for byte, immutables by the constructor values of the manifest."""
    report = contracts[contract].code()
    evidence.fact("code_hash", contract, report.code_hash)


@pytest.mark.verifies("post.contracts", "deploy.contracts", "monitoring.contracts")
@pytest.mark.for_each("contract")
def test_every_view_has_its_declared_value(
    contract: str, contracts: Mapping[str, ContractProbe]
) -> None:
    """Every view function of the ABI: compared, or declared as unchecked with a reason."""
    contracts[contract].state()


@pytest.mark.verifies("post.contracts")
@pytest.mark.for_each("contract")
def test_the_contract_holds_its_declared_balance(
    contract: str, contracts: Mapping[str, ContractProbe], release: Target
) -> None:
    """At least the declared amount; where none is declared, a contract is there to hold one."""
    least = release.environment.contracts[contract].min_balance
    if least is None:
        # Any balance is at least nothing: a comparison that cannot fail would verify nothing.
        contracts[contract].code_size().at_least(1, next_step="compare address and deployment")
        return
    contracts[contract].balance().at_least(
        least, next_step="find the transaction that moved the money"
    )


@pytest.mark.verifies("post.contracts", "monitoring.contracts")
@pytest.mark.for_each("account", optional=True)
def test_accounts_can_pay_for_gas(account: str, chain: ChainProbe, release: Target) -> None:
    """Each declared account has its least balance at the pinned block."""
    declared: Any = release.environment.chain
    chain.account(account).at_least(
        declared.accounts[account].min_balance, next_step=f"send ether to the {account}"
    )
