"""What accounts get of a step, to the wei, on real nodes, and contracts that a step creates."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.manifest.trials import Flow, Step
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.deployed import NOBODY, declared
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.tills import judged
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pytest_metarelease.probes.chain.rpc import Rpc

    Run: TypeAlias = Callable[..., Notebook]

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

contract Child {
    uint256 public born = block.number;
}
contract Payer {
    function send(address to, uint256 value) private {
        (bool done, ) = to.call{value: value}("");
        require(done, "not sent");
    }
    function split(address to, address fees) external payable {
        send(to, msg.value * 99 / 100);
        send(fees, msg.value / 100);
    }
    // The fee goes to whoever calls.
    function skim(address to, address) external payable {
        send(to, msg.value * 99 / 100);
        send(msg.sender, msg.value / 100);
    }
    function back() external payable {
        send(msg.sender, msg.value);
    }
    function make() external {
        new Child();
    }
}
"""
SPLIT = Step(
    call="split",
    sender="payer",
    args=("$payee", "$fees"),
    value=Wei(10_000),
    changes=("$payee balance", "$fees balance"),
    pays={
        "$payee": Wei(9_900),
        "$fees": Wei(100),
        "$payer": Wei(0),
        "$self": Wei(0),
        "$deployer": Wei(0),
    },
)


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Part:
    folder = tmp_path_factory.mktemp("payer")
    (folder / "Payer.sol").write_text(SOURCE)
    path = folder / "Payer.json"
    path.write_text(json.dumps(compiled(folder)["Payer"]))
    return Part(declared(NOBODY), load(path))


@pytest.fixture
def run(part: Part) -> Run:
    """Run a flow of one step; return what was recorded."""

    def performed(url: str, step: Step, access: Access = Access.TRANSACT) -> Notebook:
        notebook = Notebook()
        notebook.check = "check"
        chain = chain_at(url)
        wanted = Flow(contract="payer", roles=("payer", "payee", "fees"), steps=(step,))
        with door(chain, access) as rpc:
            probe(wanted, part, rpc, url, notebook).run()
        return notebook

    return performed


def probe(wanted: Flow, part: Part, rpc: Rpc, url: str, notebook: Notebook) -> FlowProbe:
    chain = chain_at(url)
    return FlowProbe(
        "pay",
        wanted,
        {"payer": part},
        chain=chain,
        rpc=rpc,
        snapshot=pin(rpc, chain),
        recorder=notebook,
        typed_data={},
    )


@pytest.mark.parametrize("access", Access)
def test_who_gets_too_little_is_named(any_node: str, run: Run, access: Access) -> None:
    more = replace(SPLIT, pays={**SPLIT.pays, "$fees": Wei(101)})
    with pytest.raises(UnmetError, match=r"\$fees gets 100 wei, not 101"):
        run(any_node, more, access)


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("sender", ["payer", "deployer"])
def test_what_is_paid_is_told_to_the_wei(
    any_node: str, run: Run, access: Access, sender: str
) -> None:
    assert judged(run(any_node, replace(SPLIT, sender=sender), access)) == {Judgement.MET}


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("sender", ["payer", "deployer"])
def test_what_the_caller_keeps_is_found(
    any_node: str, run: Run, access: Access, sender: str
) -> None:
    with pytest.raises(UnmetError) as found:
        run(any_node, replace(SPLIT, call="skim", sender=sender), access)
    assert f"${sender} gets 100 wei, not 0" in str(found.value)
    assert "$fees gets 0 wei, not 100" in str(found.value)


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("sender", ["payer", "deployer"])
def test_gas_and_what_is_paid_in_are_not_counted(
    any_node: str, run: Run, access: Access, sender: str
) -> None:
    back = Step(call="back", sender=sender, value=Wei(77), pays={f"${sender}": Wei(77)})
    assert judged(run(any_node, back, access)) == {Judgement.MET}


def test_contracts_that_are_created_must_be_declared(anvil: str, run: Run) -> None:
    make = Step(call="make", sender="payer")
    with pytest.raises(UnmetError, match="changes nothing but what the manifest says"):
        run(anvil, make)
    assert judged(run(anvil, replace(make, changes=("created",)))) == {Judgement.MET}
