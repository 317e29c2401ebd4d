"""How many transactions to a contract fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.chain.chain import ChainProbe
    from pytest_metarelease.probes.chain.contracts import ContractProbe


@pytest.mark.verifies("post.transaction-failures", "monitoring.transactions")
@pytest.mark.for_each("failure_rate")
def test_transactions_to_the_contract_succeed(
    failure_rate: str,
    chain: ChainProbe,
    contracts: Mapping[str, ContractProbe],
    release: Target,
) -> None:
    """All receipts of the declared window of blocks, against the trigger's limit."""
    measurement = chain.failure_rate(failure_rate, contracts[failure_rate].address)
    release.judge_rate(measurement)
