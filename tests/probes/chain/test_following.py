"""Domains that stay those of the deployment when the chain forks: contracts of others and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import TypedData
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.manifest.trials import Domain
from pytest_metarelease.probes.chain.domains import DomainProbe
from pytest_metarelease.probes.chain.following import asks_chain_id, judge_following
from tests.probes.chain.deployed import bench, declared, deploy
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door
from tests.probes.chain.test_published import UNISWAP_2, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

PAIR = TypedData(
    domain={
        "name": "Uniswap V2",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": "$self",
    },
    primary="Permit",
    types={},
)


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ("", False),
        ("6046", False),  # what PUSH1 pushes
        ("7f" + "46" * 32, False),
        ("5f46", True),  # PUSH0 pushes nothing of the code
        ("604646", True),
        ("60", False),
        # The hash in the compiler's metadata is no code: {"ipfs": 34 bytes, "solc": 0.8.30}.
        ("00a2646970667358221220" + "46" * 32 + "64736f6c634300081e0033", False),
        ("46a2646970667358221220" + "00" * 32 + "64736f6c634300081e0033", True),
    ],
)
def test_what_is_pushed_is_no_instruction(code: str, *, asks: bool) -> None:
    assert asks_chain_id(bytes.fromhex(code)) is asks


def test_a_separator_of_the_deployment_is_unmet_unless_it_is_said_why(rpc: Rpc) -> None:
    """Uniswap 2's pair makes its separator in the constructor and never again."""
    found = deployed(rpc, UNISWAP_2 / "UniswapV2Pair.json")

    def domain(kept: str | None) -> DomainProbe:
        wanted = Domain(typed_data="permit", contracts=("pair",), kept=kept)
        return DomainProbe("permit", wanted, PAIR, {"pair": found.probe})

    with pytest.raises(
        UnmetError, match=r"the domain of its deployment is kept.*\n(.*\n)*.*\.kept"
    ):
        domain(None).published()
    before = len(found.cited)
    domain("the pair is what it is").published()
    assert [one.judgement for one in found.cited[before:]] == [Judgement.MET]


def test_a_domain_that_is_made_anew_is_met(rpc: Rpc) -> None:
    found = bench(rpc, declared(deploy(rpc)))
    judge_following(found.probe, "release")
    assert found.verdicts == {Judgement.MET}
