"""Refusals that a contract hands on from another one, whose errors its own ABI does not have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import CallerPolicy, Contract, Environment
from pytest_metarelease.manifest.scalars import Access, Address, RelativePath
from pytest_metarelease.probes.chain.access import judge_access
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.declared import declared_contracts
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import DEPLOYER
from tests.probes.chain.deployed import transact
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.tills import judged
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface Taking {
    function take(address from) external;
}
contract Till {
    error NothingThere(address from);
    function take(address from) external pure {
        revert NothingThere(from);
    }
}
contract Window {
    Taking immutable till;
    constructor(Taking till_) {
        till = till_;
    }
    function ask() external {
        till.take(msg.sender);
    }
}
"""


def put(rpc: Rpc, code: bytes) -> str:
    return checksum(transact(rpc, DEPLOYER, None, "0x" + code.hex()).contract)


@pytest.mark.parametrize(("reason", "holds"), [("NothingThere", True), ("NothingHere", False)])
def test_it_is_known_by_its_name(either: str, tmp_path: Path, reason: str, holds: bool) -> None:
    (tmp_path / "Both.sol").write_text(SOURCE)
    built = compiled(tmp_path)
    for name, artifact in built.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(artifact))
    chain, notebook = chain_at(either), Notebook()
    notebook.check = "check"
    with door(chain, Access.TRANSACT) as rpc:
        till = put(rpc, bytes.fromhex(built["Till"]["bytecode"][2:]))  # type: ignore[index]
        code = bytes.fromhex(built["Window"]["bytecode"][2:])  # type: ignore[index]
        window = put(rpc, code + bytes.fromhex(till[2:]).rjust(32, b"\0"))
        asked = CallerPolicy(anyone="who has something there", reverts=(reason,))
        contracts = {
            "till": Contract(artifact=RelativePath("Till.json"), address=Address(till)),
            "window": Contract(
                artifact=RelativePath("Window.json"), address=Address(window), access={"ask": asked}
            ),
        }
        environment = Environment(
            name="here", access=Access.READ_ONLY, chain=chain, contracts=contracts
        )
        found = declared_contracts(
            environment,
            tmp_path,
            lambda one: tmp_path / str(one.artifact),
            rpc,
            pin(rpc, chain),
            notebook,
        )
        if holds:
            judge_access(found["window"])
        else:
            with pytest.raises(UnmetError, match="NothingThere"):
                judge_access(found["window"])
    assert (Judgement.UNMET in judged(notebook)) is not holds
