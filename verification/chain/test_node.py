"""The node that all of this is read from: in sync, up to date, and of one mind with a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.chain.chain import ChainProbe
    from pytest_metarelease.probes.chain.node import NodeProbe


@pytest.mark.verifies("post.node", "monitoring.node")
@pytest.mark.for_each("node")
def test_the_node_is_in_sync(node: str, nodes: Callable[[str], NodeProbe]) -> None:
    """It says so, and its newest block is no older than declared."""
    nodes(node).in_sync()
    nodes(node).is_fresh()


@pytest.mark.verifies("post.node", "monitoring.node")
@pytest.mark.for_each("final_node", optional=True)
def test_blocks_become_final(final_node: str, nodes: Callable[[str], NodeProbe]) -> None:
    """The node's last final block is no older than declared."""
    nodes(final_node).is_final()


@pytest.mark.verifies("post.node", "monitoring.node")
@pytest.mark.for_each("second_node", optional=True)
def test_a_second_node_has_the_same_block(second_node: str, chain: ChainProbe) -> None:
    """Asked for the pinned block by its hash; one that does not answer agrees with nothing."""
    assert second_node == "second_rpc"
    chain.agreement()


@pytest.mark.verifies("post.node", "monitoring.node")
def test_the_pinned_block_is_still_there(chain: ChainProbe) -> None:
    """No reorganisation since the run began."""
    chain.still_pinned()


@pytest.mark.verifies("monitoring.gas-price")
@pytest.mark.for_each("priced_node")
def test_gas_is_no_dearer_than_declared(
    priced_node: str, nodes: Callable[[str], NodeProbe]
) -> None:
    """What users and the arbiter pay for their transactions."""
    nodes(priced_node).is_affordable()
