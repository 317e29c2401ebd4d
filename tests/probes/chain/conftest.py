from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.probes.chain.nodes import FakeNode, fake_node, node

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def anvil() -> Iterator[str]:
    with node("anvil") as url:
        yield url


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    with node("embedded") as url:
        yield url


@pytest.fixture(scope="session")
def hardhat() -> Iterator[str]:
    with node("hardhat") as url:
        yield url


@pytest.fixture(scope="session", params=["anvil", "embedded", "hardhat"])
def any_node(request: pytest.FixtureRequest) -> str:
    """A real node of each of three kinds."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(scope="session", params=["anvil", "embedded"])
def either(request: pytest.FixtureRequest) -> str:
    """A real node of each kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with fake_node() as running:
        yield running
