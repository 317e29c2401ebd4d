"""Signatures where the chain id is another: verified with a domain made anew, or a kept one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError, UnsupportedError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import TypedData, TypedField
from pytest_metarelease.manifest.scalars import Access, Seconds
from pytest_metarelease.manifest.trials import Beside, Flow, Forged, Signing, Step
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.deployed import NOBODY, declared
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.tills import judged
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Run: TypeAlias = Callable[..., Notebook]

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

contract Notes {
    address public immutable writer;
    bytes32 private immutable kept;
    mapping(bytes32 => bool) public taken;
    error Wrong();
    error Taken();
    error Late();
    uint256 public immutable born = block.timestamp;
    constructor(address writer_) {
        writer = writer_;
        kept = separator();
    }
    function separator() public view returns (bytes32) {
        bytes32 kind =
            keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(kind, keccak256("Notes"), block.chainid, address(this)));
    }
    function fresh(uint256 number, bytes calldata signature) external {
        take(separator(), number, signature);
    }
    function stale(uint256 number, bytes calldata signature) external {
        take(kept, number, signature);
    }
    // In the hour after a day, and not before.
    function timely(uint256 number, bytes calldata signature) external {
        if (block.timestamp < born + 1 days || block.timestamp > born + 25 hours) revert Late();
        take(separator(), number, signature);
    }
    function take(bytes32 domain, uint256 number, bytes calldata signature) private {
        if (signature.length != 65) revert Wrong();
        bytes32 message = keccak256(abi.encode(keccak256("Note(uint256 number)"), number));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, message));
        if (uint256(bytes32(signature[32:64])) >> 255 != 0) revert Wrong();
        address signer = ecrecover(
            digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        if (signer != writer || signer == address(0)) revert Wrong();
        if (taken[digest]) revert Taken();
        taken[digest] = true;
    }
}
"""
NOTE = TypedData(
    domain={"name": "Notes", "chainId": 31337, "verifyingContract": "$self"},
    primary="Note",
    types={"Note": (TypedField(name="number", type="uint256"),)},
)
STEP = Step(
    call="fresh",
    sender="anybody",
    args=("7", "$signature"),
    sign=Signing(
        typed_data="note",
        signer="writer",
        message={"number": "7"},
        forged=Forged(reverts=("Wrong",), replay=("Taken",)),
    ),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Part]:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "Notes.sol").write_text(SOURCE)
    path = folder / "Notes.json"
    path.write_text(json.dumps(compiled(folder)["Notes"]))
    return {"notes": Part(declared(NOBODY), load(path))}


@pytest.fixture
def run(any_node: str, parts: Mapping[str, Part]) -> Run:
    """Try the forgeries of a flow of one step; return what was recorded."""

    def performed(
        call: str, *, how: str = "forgeries", kept: bool = False, after: int = 0
    ) -> Notebook:
        notebook, chain = Notebook(), chain_at(any_node)
        notebook.check = "check"
        wanted = Flow(
            contract="notes",
            roles=("writer", "anybody"),
            constructor=("$writer",),
            # What stands beside has no chain id in it, or has: nothing of it may be blamed.
            beside={"other": Beside(contract="notes", constructor=("$anybody",))},
            steps=(replace(STEP, call=call, after=Seconds(after) if after else None),),
        )
        with door(chain, Access.TRANSACT) as rpc:
            given = {"chain": chain, "rpc": rpc, "snapshot": pin(rpc, chain)}
            probe = FlowProbe(
                "note",
                wanted,
                parts,
                recorder=notebook,
                typed_data={"note": NOTE},
                kept=kept,
                **given,  # type: ignore[arg-type]
            )
            getattr(probe, how)()
        return notebook

    return performed


def test_what_counts_on_a_fork_is_found(run: Run) -> None:
    with pytest.raises(UnmetError, match="it succeeds: the contract verifies with a domain that"):
        run("stale")


def test_what_is_made_anew_is_refused_there(run: Run) -> None:
    notebook = run("fresh")
    assert judged(notebook) == {Judgement.MET}
    assert "it is refused" in [one.actual for one in notebook.citations["check"]]


def test_a_domain_may_be_kept_with_a_reason(run: Run) -> None:
    assert judged(run("stale", kept=True)) == {Judgement.MET}


def test_a_flow_without_forgeries_does_not_ask(run: Run) -> None:
    assert judged(run("stale", how="run")) == {Judgement.MET}


@pytest.mark.parametrize("any_node", ["anvil"], indirect=True)
def test_time_passes_once_for_a_step_and_all_its_forgeries(run: Run) -> None:
    assert judged(run("timely", after=86_460)) == {Judgement.MET}
    with pytest.raises(UnmetError, match="Late"):
        run("timely", after=60)


@pytest.mark.parametrize("any_node", ["embedded", "hardhat"], indirect=True)
def test_where_no_time_passes_it_is_unsupported(run: Run) -> None:
    with pytest.raises(UnsupportedError, match="eth_simulateV1"):
        run("timely", after=86_460)
