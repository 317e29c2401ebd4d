"""Constructors run at the contract's own address: only where the node shows that it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_metarelease.errors import MalformedError, UnsupportedError
from pytest_metarelease.probes.chain.overriding import check_witness
from pytest_metarelease.probes.chain.simulation import Simulation
from pytest_metarelease.probes.chain.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.rpc import Ask, Rpc

ADDRESS = "0x" + "ab" * 20
WITNESSED = f"0x{0x5EED:064x}"


@dataclass(slots=True)
class Scripted:
    """A node that answers the witness with ``sure``, and everything else with ``code``."""

    sure: Any
    code: str
    masked: str = "http://node"

    def batch(self, asks: Sequence[Ask]) -> list[Any]:
        return [self.sure if one.params[0]["to"] != ADDRESS else self.code for one in asks]


def at(sure: Any) -> bytes | None:
    snapshot = Snapshot(1, 2, "0x" + "00" * 32, 3)
    rpc = cast("Rpc", Scripted(sure, "0x6001"))
    return Simulation(rpc, snapshot, b"\x60\x02").at(ADDRESS)


@pytest.mark.parametrize("sure", ["0x", "0x" + "00" * 32, "0x6001", "soon", "0xzz", None, 7])
def test_a_node_that_does_not_see_overrides_says_nothing(sure: Any) -> None:
    """It would run the deployed contract, which may answer whatever it likes."""
    assert at(sure) is None


def test_a_node_that_sees_them_is_believed() -> None:
    assert at(WITNESSED) == b"\x60\x01"


def test_an_answer_that_is_no_hexadecimal_is_malformed() -> None:
    with pytest.raises(MalformedError, match="not hexadecimal"):
        check_witness("0xzz", "http://node")
    with pytest.raises(UnsupportedError, match="state overrides"):
        check_witness("0x", "http://node")
    check_witness(WITNESSED, "http://node")
