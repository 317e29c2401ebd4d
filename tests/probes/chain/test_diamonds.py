"""Diamonds (EIP-2535) and proxies before EIP-1967, compiled here, on real nodes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    MalformedError,
    ProbeError,
    RefusedError,
    UnmetError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.contract_code import Proxy
from pytest_metarelease.manifest.scalars import Access, Address
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.proxies import judge_no_proxy, judge_proxy
from pytest_metarelease.sandbox.accounts import DEPLOYER, DEPOSITOR
from tests.probes.chain.deployed import Bench, is_, transact
from tests.probes.chain.lying import lying
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.test_published import at, deployed
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Ask, Rpc

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

library Store {
    struct Facet { address at; bytes4[] selectors; }
    struct Data { Facet[] facets; mapping(bytes4 => address) target; }
    function data() internal pure returns (Data storage found) {
        bytes32 slot = keccak256("diamond.of.the.tests");
        assembly { found.slot := slot }
    }
}

contract Diamond {
    function cut(address at, bytes4[] calldata selectors) external {
        Store.Data storage data = Store.data();
        data.facets.push(Store.Facet(at, selectors));
        for (uint256 i; i < selectors.length; i++) data.target[selectors[i]] = at;
    }
    fallback() external {
        address to = Store.data().target[msg.sig];
        require(to != address(0), "no such function");
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

contract Loupe {
    function facets() external view returns (Store.Facet[] memory) { return Store.data().facets; }
}

contract Prices {
    function price() external pure returns (uint256) { return 7; }
}

contract OtherPrices {
    function price() external pure returns (uint256) { return 8; }
    function drain() external pure returns (uint256) { return 0; }
}

contract OldProxy {
    constructor(address logic, address admin) {
        bytes32 one = keccak256("org.zeppelinos.proxy.implementation");
        bytes32 other = keccak256("org.zeppelinos.proxy.admin");
        assembly { sstore(one, logic) sstore(other, admin) }
    }
}

contract Echo {
    fallback(bytes calldata data) external returns (bytes memory) { return data; }
}
"""
FACETS, PRICE, DRAIN = "0x7a0ed627", "0xa035b1fe", "0x9890220b"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("diamond")
    (folder / "Diamond.sol").write_text(SOURCE)
    for name, document in compiled(folder).items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return lambda name: folder / f"{name}.json"


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture
def made(rpc: Rpc, build: Callable[[str], Path]) -> dict[str, Bench]:
    """A diamond with a loupe and a price, and a facet that nobody knows."""
    parts = {"loupe": "Loupe", "prices": "Prices", "other": "OtherPrices", "diamond": "Diamond"}
    found = {name: deployed(rpc, build(kind)) for name, kind in parts.items()}
    cut(found, "loupe", FACETS)
    cut(found, "prices", PRICE)
    return found


def cut(made: dict[str, Bench], facet: str, *selectors: str) -> None:
    probe = made["diamond"].probe
    data = call_data(probe.interface.function("cut"), (made[facet].probe.address, selectors))
    transact(made["diamond"].rpc, DEPLOYER, probe.address, data)


def now(made: dict[str, Bench], *facets: str, **changes: Any) -> Bench:
    """Return the diamond at the present block, with these facets declared."""
    before = made["diamond"].probe
    found = at(made["diamond"].rpc, before.address, before.artifact)
    addresses = {name: one.probe.address for name, one in made.items()}
    found.probe.directory = Directory(contracts=addresses)
    found.probe.declared = replace(found.probe.declared, facets=facets, **changes)
    for name in facets:
        found.probe.facets[name] = made[name].probe.interface
        found.probe.look_behind(made[name].probe.interface)
    return found


def test_a_diamond_that_is_declared_as_none_is_unmet(made: dict[str, Bench]) -> None:
    with pytest.raises(UnmetError, match=r"is no diamond.*\n.*delegates to 2 facets"):
        judge_no_proxy(now(made).probe)


def test_the_declared_facets_are_met_and_their_functions_are_the_diamonds(
    made: dict[str, Bench],
) -> None:
    found = now(made, "loupe", "prices", state={"price": is_(7)})
    judge_no_proxy(found.probe)
    assert found.verdicts == {Judgement.MET}
    found.probe.expect_state("price")


def test_a_facet_that_was_swapped_is_unmet_both_ways(made: dict[str, Bench]) -> None:
    with pytest.raises(UnmetError, match="declared nowhere; not to other at"):
        judge_no_proxy(now(made, "loupe", "other").probe)


def test_a_facet_that_was_added_is_unmet(made: dict[str, Bench]) -> None:
    cut(made, "other", DRAIN)
    with pytest.raises(UnmetError, match=rf"{DRAIN}\), which is declared nowhere"):
        judge_no_proxy(now(made, "loupe", "prices").probe)


def test_a_function_that_a_facet_does_not_have_is_unmet(made: dict[str, Bench]) -> None:
    cut(made, "prices", DRAIN)
    with pytest.raises(UnmetError, match=f"asks prices only .*\n.*{DRAIN}, which its ABI lacks"):
        judge_no_proxy(now(made, "loupe", "prices").probe)


def test_facets_without_a_loupe_are_unknown(made: dict[str, Bench]) -> None:
    found = now(made, "loupe")
    found.probe.address = made["loupe"].probe.address[:-4] + "0000"
    with pytest.raises(ProbeError):
        judge_no_proxy(found.probe)
    assert Judgement.UNKNOWN in found.verdicts


def test_facets_that_a_view_compares_are_not_asked_again(made: dict[str, Bench]) -> None:
    found = now(made)
    found.probe.look_behind(made["loupe"].probe.interface)
    facets = [
        [made["loupe"].probe.address, [FACETS]],
        [made["prices"].probe.address, [PRICE]],
    ]
    found.probe.declared = replace(found.probe.declared, state={"facets": is_(facets)})
    judge_no_proxy(found.probe)
    found.probe.expect_state("facets")


@pytest.mark.parametrize("name", ["Prices", "Echo"])
def test_what_has_no_loupe_is_no_diamond(rpc: Rpc, build: Callable[[str], Path], name: str) -> None:
    found = deployed(rpc, build(name))
    judge_no_proxy(found.probe)
    assert found.verdicts == {Judgement.MET}


@pytest.mark.parametrize("error", [DeadlineError, MalformedError, RefusedError])
def test_a_loupe_that_could_not_be_asked_for_is_no_missing_one(
    rpc: Rpc, build: Callable[[str], Path], error: type[ProbeError]
) -> None:
    found = deployed(rpc, build("Prices"))

    def lost(ask: Ask, answer: Any) -> Any:
        is_loupe = ask.params[0].get("data") == FACETS
        return error("no usable answer") if is_loupe else answer

    found.probe.rpc = lying(rpc, "eth_call", lost)
    with pytest.raises(error, match="no usable answer"):
        judge_no_proxy(found.probe)


def test_a_proxy_of_zeppelinos(rpc: Rpc, build: Callable[[str], Path]) -> None:
    logic, other = deployed(rpc, build("Prices")), deployed(rpc, build("OtherPrices"))
    args = (logic.probe.address, DEPOSITOR.address)
    proxy = deployed(rpc, build("OldProxy"), args)
    with pytest.raises(UnmetError, match="ZeppelinOS's implementation none"):
        judge_no_proxy(proxy.probe)
    declared = Proxy(
        kind="zeppelinos", implementation="logic", admin_account=Address(DEPOSITOR.address)
    )
    proxy.probe.declared = replace(proxy.probe.declared, proxy=declared)
    judge_proxy({"proxy": proxy.probe, "logic": logic.probe}, "proxy")
    with pytest.raises(UnmetError, match=f"implementation {other.probe.address}"):
        judge_proxy({"proxy": proxy.probe, "logic": other.probe}, "proxy")
