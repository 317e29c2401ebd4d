"""Roles of OpenZeppelin 5's AccessManager, as it was published, on real nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MalformedError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import Roles
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.role_schemes import (
    ACCESS_CONTROL,
    ACCESS_MANAGER,
    OWNABLE_ROLES,
)
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPLOYER, DEPOSITOR
from tests.probes.chain.deployed import Bench, transact
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.test_published import at, deployed
from tests.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.probes.chain.rpc import Rpc

MANAGER = (
    ROOT
    / ".tools/published-5/node_modules/@openzeppelin/contracts/build/contracts/AccessManager.json"
)
ADMIN, MINTER, PAUSER = (DEPLOYER.address,), (ARBITER.address,), (COUNTERPARTY.address,)


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        for account in (ARBITER, COUNTERPARTY):
            transact(opened, DEPLOYER, account.address, "0x", value=10**17)
        yield opened


@pytest.fixture
def manager(rpc: Rpc) -> Bench:
    """A manager with an administrator, a minter (role 7), and a pauser (role 8) whom 7 admits."""
    made = deployed(rpc, MANAGER, ADMIN)
    do(made, "grantRole", 7, *MINTER, 0)
    do(made, "setRoleAdmin", 8, 7)
    do(made, "grantRole", 8, *PAUSER, 3600, by=ARBITER)
    return made


def do(made: Bench, name: str, *args: Any, by: Any = DEPLOYER) -> None:
    function = made.probe.interface.function(name)
    transact(made.rpc, by, made.probe.address, call_data(function, args))


def now(made: Bench, holders: Mapping[str, tuple[str, ...]], **admins: str) -> Bench:
    """Return a bench at the present block with these roles declared."""
    found = at(made.rpc, made.probe.address, made.probe.artifact, ADMIN)
    roles = Roles(holders=holders, admins=admins, chunk=2)
    found.probe.declared = replace(found.probe.declared, roles=roles)
    return found


RIGHT = {"ADMIN_ROLE": ADMIN, "7": MINTER, "8": PAUSER}


def test_a_holder_too_many_and_one_too_few_are_unmet(manager: Bench) -> None:
    with pytest.raises(UnmetError, match="role 7 of escrow is held by exactly nobody"):
        now(manager, {**RIGHT, "7": ()}, **{"8": "7"}).probe.roles()
    with pytest.raises(UnmetError, match="role 8 of escrow"):
        now(manager, {**RIGHT, "8": (*PAUSER, *MINTER)}, **{"8": "7"}).probe.roles()


def test_exactly_the_declared_holders_are_met(manager: Bench) -> None:
    found = now(manager, RIGHT, **{"8": "7"})
    found.probe.roles()
    assert found.verdicts == {Judgement.MET}
    by_word = {"0x" + "00" * 31 + "07": MINTER, "0x" + "00" * 31 + "08": PAUSER}
    now(manager, {"ADMIN_ROLE": ADMIN, **by_word}, **{"8": "7"}).probe.roles()


def test_a_role_that_nobody_declared_is_found_by_its_number(manager: Bench) -> None:
    line = rf'roles\.holders:  "7": \["{ARBITER.address}"\]'
    with pytest.raises(UnmetError, match=line):
        now(manager, {"ADMIN_ROLE": ADMIN, "8": PAUSER}, **{"8": "7"}).probe.roles()


def test_who_gives_a_role_is_compared(manager: Bench) -> None:
    with pytest.raises(UnmetError, match=r'roles\.admins:  "8": "7"'):
        now(manager, RIGHT).probe.roles()
    with pytest.raises(UnmetError, match="role 7 of escrow is given and taken by 8"):
        now(manager, RIGHT, **{"8": "7", "7": "8"}).probe.roles()


def test_what_was_revoked_or_renounced_is_not_held(manager: Bench) -> None:
    do(manager, "revokeRole", 7, *MINTER)
    do(manager, "renounceRole", 8, *PAUSER, by=COUNTERPARTY)
    now(manager, {"ADMIN_ROLE": ADMIN, "7": (), "8": ()}, **{"8": "7"}).probe.roles()


def test_a_role_that_begins_later_is_held(manager: Bench) -> None:
    do(manager, "setGrantDelay", 7, 86_400)
    # A shorter delay takes effect late, a longer one at once: this grant waits for a day.
    do(manager, "grantRole", 7, DEPOSITOR.address, 0)
    with pytest.raises(UnmetError, match=f"exactly {ARBITER.address}"):
        now(manager, RIGHT, **{"8": "7"}).probe.roles()
    both = (*MINTER, DEPOSITOR.address)
    now(manager, {**RIGHT, "7": both}, **{"8": "7"}).probe.roles()


@pytest.mark.parametrize("name", ["MINTER", "-1", str(2**64), "0x07", "7.0"])
def test_a_name_that_is_no_role_is_a_usage_error(manager: Bench, name: str) -> None:
    with pytest.raises(UsageError, match=f"role {name}"):
        now(manager, {**RIGHT, name: ()}).probe.roles()


def test_an_event_or_an_answer_of_another_kind_is_malformed() -> None:
    word, account = "0x" + "00" * 31 + "07", "0x" + "00" * 12 + "11" * 20
    for scheme in (ACCESS_CONTROL, ACCESS_MANAGER, OWNABLE_ROLES):
        topics = [scheme.granted, word, *[account] * (scheme.indexed - 2)]
        for wrong in (topics[:-1], [*topics, word], ["0x" + "22" * 32, *topics[1:]]):
            with pytest.raises(MalformedError):
                scheme.changes({"topics": wrong, "data": "0x" + "00" * 96}, {})
        for answer in ("0x", "0x" + "00" * 31, "0x" + "00" * 33, word, word + word[2:]):
            with pytest.raises(MalformedError):
                scheme.truth(answer)
    log = {"topics": [ACCESS_MANAGER.granted, word, account], "data": word}
    with pytest.raises(MalformedError, match="not delay, since, new"):
        ACCESS_MANAGER.changes(log, {})
