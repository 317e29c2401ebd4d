"""Calls that are made again by whom they pay, on real nodes; and calls that may be repeated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.manifest.trials import Flow, Step
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.deployed import NOBODY, declared
from tests.probes.chain.nodes import chain_at, door
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

contract Purse {
    address public payee;
    bool public paid;
    mapping(address => uint256) public of_;
    constructor(address to) { payee = to; }

    function put() external payable { of_[msg.sender] += msg.value; }
    function send(address to, uint256 value) private {
        (bool done,) = to.call{value: value}("");
        require(done, "not taken");
    }
    // Notes it afterwards: whoever is paid may call again.
    function late() external {
        require(!paid, "paid");
        send(payee, 1000);
        paid = true;
    }
    function early() external {
        require(!paid, "paid");
        paid = true;
        send(payee, 1000);
    }
    // As late as the first, but its payee has no gas to call.
    function meagre() external {
        require(!paid, "paid");
        payable(payee).transfer(1000);
        paid = true;
    }
    function all() external {
        uint256 owed = of_[msg.sender];
        require(owed > 0, "nothing owed");
        send(msg.sender, owed);
        of_[msg.sender] = 0;
    }
    // Only who put it in may call: the payee makes the saver call again.
    function ally() external {
        uint256 owed = of_[msg.sender];
        require(owed > 0, "nothing owed");
        send(payee, owed);
        of_[msg.sender] = 0;
    }
    function strict() external {
        uint256 owed = of_[msg.sender];
        require(owed > 0, "nothing owed");
        of_[msg.sender] = 0;
        send(payee, owed);
    }
    // May be repeated in any case.
    function part() external {
        of_[msg.sender] -= 400;
        send(msg.sender, 400);
    }
    // May be repeated, but not so often from within: what is left is noted afterwards.
    function parts() external {
        uint256 left = of_[msg.sender] - 400;
        send(msg.sender, 400);
        of_[msg.sender] = left;
    }
    function drop() external {
        of_[msg.sender] -= 90;
        send(msg.sender, 90);
    }
    // Nothing is owed the second time, which is no error.
    function rest() external {
        uint256 owed = of_[msg.sender];
        of_[msg.sender] = 0;
        send(msg.sender, owed);
    }
    function person() external {
        require(msg.sender == tx.origin, "no contracts");
        require(!paid, "paid");
        send(payee, 1000);
        paid = true;
    }
}
"""
PUT = Step(call="put", sender="saver", value=Wei(1000))


@pytest.fixture(scope="module")
def purse(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("purse")
    (folder / "Purse.sol").write_text(SOURCE)
    path = folder / "Purse.json"
    path.write_text(json.dumps(compiled(folder)["Purse"]))
    return load(path)


@pytest.fixture
def run(either: str, purse: Artifact) -> Callable[[str], Notebook]:
    """Put money in, then make the call that is named; return what was recorded."""

    def run(call: str) -> Notebook:
        flow = Flow(
            contract="purse",
            roles=("saver", "payee"),
            constructor=("$payee",),
            steps=(PUT, Step(call=call, sender="saver", changes=("$payee balance",))),
        )
        notebook = Notebook()
        notebook.check = "check"
        chain = chain_at(either)
        with door(chain, Access.TRANSACT) as rpc:
            FlowProbe(
                "pay",
                flow,
                {"purse": Part(declared(NOBODY), purse)},
                chain=chain,
                rpc=rpc,
                snapshot=pin(rpc, chain),
                recorder=notebook,
                typed_data={},
            ).run()
        return notebook

    return run


@pytest.mark.parametrize(
    ("call", "who"),
    [("late", "payee"), ("all", "saver"), ("ally", "payee"), ("parts", "saver")],
)
def test_who_is_paid_twice_is_named(run: Callable[[str], Notebook], call: str, who: str) -> None:
    with pytest.raises(UnmetError, match=rf"(?s){call}\(\) as saver pays nobody.*{who} is paid tw"):
        run(call)


@pytest.mark.parametrize("call", ["early", "meagre", "part", "drop", "rest", "strict"])
def test_what_is_noted_before_or_may_be_repeated_is_met(
    run: Callable[[str], Notebook], call: str
) -> None:
    expected = {
        one.judgement
        for one in run(call).citations["check"]
        if one.expected.startswith(f"{call}() as saver pays nobody")
    }
    assert expected == {Judgement.MET}


def test_what_no_contract_may_call_is_not_judged(run: Callable[[str], Notebook]) -> None:
    assert not any(
        one.expected.startswith("person() as saver pays nobody")
        for one in run("person").citations["check"]
    )
