"""Roles of solady's OwnableRoles, compiled from what was published, on real nodes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import Roles
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPLOYER, DEPOSITOR
from tests.probes.chain.deployed import Bench, transact
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.test_published import PUBLISHED, at, deployed
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc

VAULT = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {OwnableRoles} from "./OwnableRoles.sol";

contract Vault is OwnableRoles {
    uint256 public constant MINTER_ROLE = _ROLE_0;
    uint256 public constant EITHER = _ROLE_0 | _ROLE_1;

    constructor(address first) {
        _initializeOwner(first);
    }
}
"""
OWNER, MINTER, BOTH = (DEPLOYER.address,), ARBITER.address, COUNTERPARTY.address


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of a contract that keeps solady's roles."""
    folder = tmp_path_factory.mktemp("solady")
    for name in ("Ownable.sol", "OwnableRoles.sol"):
        shutil.copyfile(PUBLISHED / "solady/src/auth" / name, folder / name)
    (folder / "Vault.sol").write_text(VAULT)
    path = folder / "Vault.json"
    path.write_text(json.dumps(compiled(folder)["Vault"]))
    return path


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        transact(opened, DEPLOYER, COUNTERPARTY.address, "0x", value=10**17)
        yield opened


@pytest.fixture
def vault(rpc: Rpc, artifact: Path) -> Bench:
    """A vault with a minter, and one who mints and has role 9."""
    made = deployed(rpc, artifact, OWNER)
    do(made, "grantRoles", MINTER, 1)
    do(made, "grantRoles", BOTH, 1 << 9)
    do(made, "grantRoles", BOTH, 1)
    return made


def do(made: Bench, name: str, *args: Any, by: Any = DEPLOYER) -> None:
    function = made.probe.interface.function(name)
    transact(made.rpc, by, made.probe.address, call_data(function, args))


def now(made: Bench, admins: dict[str, str] | None = None, /, **holders: tuple[str, ...]) -> Bench:
    """Return a bench at the present block with these roles declared."""
    found = at(made.rpc, made.probe.address, made.probe.artifact, OWNER)
    roles = Roles(holders=holders, admins=admins or {}, chunk=2)
    found.probe.declared = replace(found.probe.declared, roles=roles)
    return found


def test_exactly_the_declared_holders_are_met(vault: Bench) -> None:
    found = now(vault, MINTER_ROLE=(MINTER, BOTH), _ROLE_9=(BOTH,))
    found.probe.roles()
    assert found.verdicts == {Judgement.MET}
    by_word = {"0x" + "00" * 30 + "0200": (BOTH,)}
    now(vault, **{"_ROLE_0": (MINTER, BOTH), **by_word}).probe.roles()


def test_a_holder_too_many_and_one_too_few_are_unmet(vault: Bench) -> None:
    with pytest.raises(UnmetError, match=f"role MINTER_ROLE of escrow is held by exactly {MINTER}"):
        now(vault, MINTER_ROLE=(MINTER,), _ROLE_9=(BOTH,)).probe.roles()
    with pytest.raises(UnmetError, match="role _ROLE_9 of escrow"):
        now(vault, MINTER_ROLE=(MINTER, BOTH), _ROLE_9=(BOTH, DEPOSITOR.address)).probe.roles()


def test_a_role_that_nobody_declared_is_found_by_its_bit(vault: Bench) -> None:
    with pytest.raises(UnmetError, match=rf'roles\.holders:  "_ROLE_9": \["{BOTH}"\]'):
        now(vault, MINTER_ROLE=(MINTER, BOTH)).probe.roles()


def test_what_was_revoked_or_renounced_is_not_held(vault: Bench) -> None:
    do(vault, "revokeRoles", MINTER, 1)
    do(vault, "renounceRoles", 1 << 9, by=COUNTERPARTY)
    now(vault, MINTER_ROLE=(BOTH,), _ROLE_9=()).probe.roles()
    do(vault, "revokeRoles", BOTH, 1)
    now(vault, MINTER_ROLE=(), _ROLE_9=()).probe.roles()


@pytest.mark.parametrize(
    "name",
    [
        "MINTER",
        "EITHER",
        "_ROLE_256",
        "_ROLE_",
        "9",
        "0x" + "00" * 32,
        "0x" + "ff" * 32,
        "0x" + "zz" * 32,
    ],
)
def test_a_name_that_is_no_one_role_is_a_usage_error(vault: Bench, name: str) -> None:
    with pytest.raises(UsageError, match=f"role {name} of escrow: .* is one bit"):
        now(vault, **{name: ()}).probe.roles()


def test_the_owner_gives_all_roles_so_no_other_admin_can_be_declared(vault: Bench) -> None:
    roles = {"MINTER_ROLE": (MINTER, BOTH), "_ROLE_9": (BOTH,)}
    with pytest.raises(UsageError, match=r"roles\.admins: the ABI has no getRoleAdmin"):
        now(vault, {"MINTER_ROLE": "_ROLE_9"}, **roles).probe.roles()
