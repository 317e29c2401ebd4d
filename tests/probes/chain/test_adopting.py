"""What a contract says today as lines for the manifest, which verify nothing until confirmed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_metarelease.errors import UndeclaredError, UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import CallerPolicy, Roles, ViewExpectation
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.adopting import _yaml, adopted
from pytest_metarelease.sandbox.accounts import DEPLOYER, SPARE
from tests.probes.chain.deployed import Bench, bench, declared, deploy, state
from tests.probes.chain.nodes import chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(rpc: Rpc) -> str:
    return deploy(rpc)


def lines_of(found: Bench) -> dict[str, dict[str, dict[str, Any]]]:
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load("\n".join(adopted(found.probe)))
    return document


def read_back(document: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    views = {
        key: ViewExpectation(**one, states_equals="equals" in one)
        for key, one in document["state"].items()
    }
    policies = {
        key: CallerPolicy(
            **{
                **one,
                "only": tuple(one["only"]) if "only" in one else None,
                "reverts": (one["reverts"],) if "reverts" in one else (),
            }
        )
        for key, one in document["access"].items()
    }
    return {"state": views, "access": policies}


def test_where_there_is_no_code_nothing_is_adopted(rpc: Rpc) -> None:
    with pytest.raises(UnmetError, match="nothing to adopt"):
        adopted(bench(rpc, declared(SPARE[1].address, state={})).probe)


def test_every_line_is_to_be_confirmed(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address, state={}))
    lines = adopted(found.probe)
    assert [one for one in lines if not one.endswith("  # confirm")] == ["state:", "access:"]
    document = lines_of(found)
    every = [one for section in document.values() for one in section.values()]
    assert len(every) == 12 + 9
    assert all(one["unconfirmed"].startswith("adopted at block") for one in every)
    assert document["access"]["refund"]["only"] == ["arbiter"]
    assert found.cited == []


def test_adopted_lines_verify_nothing_until_they_are_confirmed(rpc: Rpc, address: str) -> None:
    values = read_back(lines_of(bench(rpc, declared(address, state={}))))
    found = bench(rpc, declared(address, **values))
    for judge in (found.probe.state, found.probe.access):
        with pytest.raises(UndeclaredError, match="nobody confirmed"):
            judge()
    assert found.verdicts <= {Judgement.UNKNOWN, Judgement.MET}
    met = [one for one in found.cited if one.judgement is Judgement.MET]
    assert [one.expected for one in met] == ["bytes of code of escrow: at least 1"]
    confirmed = {
        section: {key: replace(one, unconfirmed=None) for key, one in lines.items()}
        for section, lines in values.items()
    }
    sure = bench(rpc, declared(address, **confirmed))
    sure.probe.state()
    sure.probe.access()
    assert sure.verdicts == {Judgement.MET}


def test_what_is_declared_already_is_left_alone(rpc: Rpc, address: str) -> None:
    assert "state:" not in adopted(bench(rpc, declared(address)).probe)
    without_owner = bench(rpc, declared(address, state=state(owner=None)))
    assert list(lines_of(without_owner)["state"]) == ["owner"]


@pytest.mark.parametrize("text", ["${SECRET}", "a: b # c", "\x1b[31m\n- x", "'\"", "no", "0x01"])
def test_texts_of_the_chain_stay_texts(text: str) -> None:
    written = _yaml(text)
    assert "\n" not in written
    assert yaml.safe_load(written) == text.replace("${", "$${")


def test_the_role_that_a_refusal_names_is_who_may(rpc: Rpc) -> None:
    log = declared(deploy(rpc, "SettlementLog", ()), constructor=(), state={})
    document = yaml.safe_load("\n".join(adopted(bench(rpc, log, "SettlementLog").probe)))
    found = {name: one.get("only") for name, one in document["access"].items()}
    assert found["pause"] == found["unpause"] == ["role:PAUSER_ROLE"]
    assert found["record"] == ["role:RECORDER_ROLE"]
    assert found["grantRole"] == ["role:DEFAULT_ADMIN_ROLE"]
    assert found["renounceRole"] is None


def test_a_contract_that_calls_itself_is_who_may(rpc: Rpc) -> None:
    people = ([one.address for one in (DEPLOYER, *SPARE)][:3],)
    owner = declared(deploy(rpc, "MultiSigOwner", people), constructor=people, state={})
    document = yaml.safe_load("\n".join(adopted(bench(rpc, owner, "MultiSigOwner").probe)))
    found = {name: one.get("only") for name, one in document["access"].items()}
    assert found["changeThreshold"] == ["self"]
    assert found["submit"] != ["self"]


def test_who_holds_roles_is_told_and_not_declared(rpc: Rpc) -> None:
    log = declared(deploy(rpc, "SettlementLog", ()), constructor=(), state={})
    *lines, last = adopted(bench(rpc, log, "SettlementLog").probe)
    assert last.startswith("# roles: {holders: {")
    told = yaml.safe_load(last.removeprefix("# "))["roles"]
    assert told == {"holders": {"DEFAULT_ADMIN_ROLE": [DEPLOYER.address]}}
    assert "roles" not in yaml.safe_load("\n".join((*lines, last)))
    found = replace(log, roles=Roles(**told))
    bench(rpc, found, "SettlementLog").probe.roles()
    assert not any(one.startswith("#") for one in adopted(bench(rpc, found, "SettlementLog").probe))
