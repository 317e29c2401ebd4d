"""Rights that hang on who began the transaction, on three different ideas of a node."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import MalformedError, UnmetError, UnsupportedError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import CallerPolicy
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.probes.chain.relaying import relaying, told
from pytest_metarelease.probes.chain.revert import Revert, make_revert
from pytest_metarelease.sandbox.accounts import ARBITER
from tests.probes.chain.deployed import Bench, is_
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.test_published import deployed
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

contract Fund {
    address public owner;
    uint256 public fee;
    constructor(address first) { owner = first; }
    function byOrigin(uint256 to) external payable {
        require(tx.origin == owner, "not the owner");
        fee = to + msg.value;
    }
    function bySender(uint256 to) external payable {
        require(msg.sender == owner, "not the owner");
        fee = to + msg.value;
    }
    function byAccount(uint256 to) external {
        require(msg.sender == tx.origin, "no contracts");
        require(msg.sender == owner, "not the owner");
        fee = to;
    }
}
"""
OWNED = CallerPolicy(only=("owner",), reverts=("not the owner",))
PAID = replace(OWNED, value=Wei(5))
OFF = CallerPolicy(unchecked="not looked at here")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fund")
    (folder / "Fund.sol").write_text(SOURCE)
    path = folder / "Fund.json"
    path.write_text(json.dumps(compiled(folder)["Fund"]))
    return path


@pytest.fixture(scope="module")
def rpc(any_node: str) -> Iterator[Rpc]:
    with door(chain_at(any_node), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture
def fund(rpc: Rpc, artifact: Path) -> Bench:
    return deployed(rpc, artifact, (ARBITER.address,))


def judged(fund: Bench, **policies: CallerPolicy) -> Bench:
    every = dict.fromkeys(("byOrigin", "bySender", "byAccount"), OFF)
    fund.probe.declared = replace(
        fund.probe.declared,
        state={"owner": is_(ARBITER.address)},
        access={**every, **policies},
    )
    fund.probe.access()
    return fund


@pytest.mark.parametrize("policy", [OWNED, PAID])
def test_a_right_of_who_began_the_transaction_is_unmet(fund: Bench, policy: CallerPolicy) -> None:
    with pytest.raises(
        UnmetError, match=r"a contract of a stranger, which owner .* calls, .*\n.*succe"
    ):
        judged(fund, byOrigin=policy)


@pytest.mark.parametrize("policy", [OWNED, PAID])
def test_a_right_of_who_calls_is_met(fund: Bench, policy: CallerPolicy) -> None:
    assert judged(fund, bySender=policy).verdicts == {Judgement.MET}


def test_another_reason_for_contracts_must_be_declared(fund: Bench) -> None:
    with pytest.raises(UnmetError, match=r"no contracts\n(.*\n)*.*access.byAccount.reverts"):
        judged(fund, byAccount=OWNED)
    judged(fund, byAccount=replace(OWNED, reverts=("not the owner", "no contracts")))


@pytest.mark.parametrize("answer", ["0x", "0x01", "0x00" + "5eed" * 15 + "00", make_revert("0x")])
def test_a_node_that_creates_nothing_is_unsupported(answer: str | Revert) -> None:
    with pytest.raises(UnsupportedError, match="does not run creation code"):
        told(answer, "node")


def test_no_answer_stays_no_answer() -> None:
    with pytest.raises(MalformedError, match="half"):
        told(MalformedError("half"), "node")


def test_data_stand_behind_the_code() -> None:
    assert relaying("0x" + "ab" * 20, "0x12345678").endswith("12345678")
    assert relaying("0x" + "ab" * 20, "0x") == relaying("0x" + "AB" * 20, "0x")
