"""Proxies, what stands behind them, and libraries, on real nodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UndeclaredError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.contract_code import Initialiser, Proxy
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.contracts import ContractProbe
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.minimal import minimal_code
from pytest_metarelease.probes.chain.proxies import (
    BEACON,
    IMPLEMENTATION,
    PROXIABLE,
    judge_no_proxy,
    judge_proxy,
)
from pytest_metarelease.probes.chain.rpc import Rpc
from pytest_metarelease.sandbox.abi import call
from pytest_metarelease.sandbox.accounts import DEPLOYER, DEPOSITOR, SIGNERS
from tests.probes.chain.deployed import bench, declared, transact
from tests.probes.chain.nodes import ARTIFACTS, chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTER, OWNER = SIGNERS[0].address, SIGNERS[1].address
ONCE = Initialiser(
    call="initialize",
    args=(DEPLOYER.address, 1),
    reverts="InvalidInitialization",
    guard="openzeppelin-v5",
)


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


def put(rpc: Rpc, code: bytes) -> str:
    return checksum(transact(rpc, DEPLOYER, None, "0x" + code.hex()).contract)


def put_runtime(rpc: Rpc, runtime: bytes, slots: dict[str, str] | None = None) -> str:
    """Deploy this very code, with these addresses in its storage."""
    stores = b"".join(
        bytes.fromhex("73" + address[2:] + "7f" + slot[2:] + "55")
        for slot, address in (slots or {}).items()
    )
    size = len(runtime)
    head = bytes.fromhex(f"61{size:04x}61{len(stores) + 15:04x}60003961{size:04x}6000f3")
    return put(rpc, stores + head + runtime)


@dataclass(slots=True)
class Shop:
    """A treasury behind its proxy, as the sandbox has it, and what the manifest says of it."""

    rpc: Rpc
    probes: dict[str, ContractProbe] = field(default_factory=dict)
    benches: list[Any] = field(default_factory=list)

    def add(
        self, key: str, kind: str, address: str, args: tuple[Any, ...] = (), **more: Any
    ) -> None:
        libraries = {"FeeMath": self.probes["math"].address} if "math" in self.probes else {}
        built = load(ARTIFACTS / f"{kind}.json", libraries)
        found = bench(self.rpc, declared(address, constructor=args, state={}, **more))
        found.probe.artifact, found.probe.interface = built, built.interface
        found.probe.name = key
        self.probes[key] = found.probe
        self.benches.append(found)

    def create(self, key: str, kind: str, *args: Any) -> str:
        libraries = {"FeeMath": self.probes["math"].address} if "math" in self.probes else {}
        built = load(ARTIFACTS / f"{kind}.json", libraries)
        address = put(self.rpc, built.creation + encode(built.interface.constructor, args))
        self.add(key, kind, address, args)
        return address

    def behind(self, key: str = "vault", **changes: Any) -> None:
        """Declare the proxy, and let its views be those of the implementation."""
        values = {"implementation": "logic", "admin": "admin", "initialiser": ONCE, **changes}
        probe = self.probes[key]
        probe.declared = replace(probe.declared, proxy=Proxy(**values))
        probe.look_behind(self.probes["logic"].artifact.interface)

    @property
    def verdicts(self) -> set[Judgement]:
        return {one for found in self.benches for one in found.verdicts}


def shop(rpc: Rpc, *, admin: str | None = None, once: bool = True) -> Shop:
    found = Shop(rpc)
    found.create("math", "FeeMath")
    logic = found.create("logic", "Treasury", ROUTER)
    found.create("admin", "ProxyAdmin", OWNER)
    data = call("initialize(address,uint256)", OWNER, 25) if once else "0x"
    boss = admin or found.probes["admin"].address
    found.create("vault", "TreasuryProxy", logic, boss, data)
    found.behind()
    return found


def test_a_proxy_that_is_not_declared_verifies_nothing(rpc: Rpc) -> None:
    found = shop(rpc)
    with pytest.raises(UsageError, match="declares no `proxy:`"):
        judge_proxy(found.probes, "admin")
    assert found.verdicts == set()


def test_the_declared_proxy_is_met(rpc: Rpc) -> None:
    found = shop(rpc)
    judge_proxy(found.probes, "vault")
    assert found.verdicts == {Judgement.MET}
    found.probes["vault"].read("feeOf", 10000).expect(25)
    found.probes["vault"].code()
    found.probes["math"].code()


def test_an_undeclared_proxy_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    with pytest.raises(UnmetError, match="implementation none"):
        judge_no_proxy(found.probes["vault"])
    judge_no_proxy(found.probes["logic"])


def test_another_implementation_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    found.create("logic", "Treasury", ROUTER)
    with pytest.raises(UnmetError, match=r"(?s)implementation 0x.*a contract of \d+ bytes"):
        judge_proxy(found.probes, "vault")


def test_what_changes_after_the_pinned_block_is_not_mixed_in(rpc: Rpc) -> None:
    found = shop(rpc)
    args = (found.probes["vault"].address, found.create("newer", "Treasury", ROUTER), "0x")
    upgrade = call_data(found.probes["admin"].artifact.interface.function("upgradeAndCall"), args)
    transact(rpc, SIGNERS[1], found.probes["admin"].address, upgrade)
    judge_proxy(found.probes, "vault")  # as it was at the block that everything is read at
    logic, admin = found.probes["logic"].address, found.probes["admin"].address
    data = call("initialize(address,uint256)", OWNER, 25)
    found.add("vault", "TreasuryProxy", found.probes["vault"].address, (logic, admin, data))
    found.behind()
    with pytest.raises(UnmetError, match="implementation slot"):
        judge_proxy(found.probes, "vault")


def test_an_ordinary_account_as_admin_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc, admin=DEPOSITOR.address)
    with pytest.raises(UnmetError, match="an ordinary account without code"):
        judge_proxy(found.probes, "vault")
    found.behind(admin=None)
    with pytest.raises(UnmetError, match="expected  admin none"):
        judge_proxy(found.probes, "vault")
    found.behind(admin=None, admin_account=DEPOSITOR.address)
    judge_proxy(found.probes, "vault")


def test_a_proxy_that_anybody_may_initialise_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc, once=False)
    with pytest.raises(UnmetError) as caught:
        judge_proxy(found.probes, "vault")
    assert "it succeeds" in str(caught.value)
    assert "initialised version 1" in str(caught.value)


def test_an_implementation_that_anybody_may_initialise_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    runtime = bytes.fromhex(rpc.call("eth_getCode", found.probes["logic"].address, "latest")[2:])
    logic = put_runtime(rpc, runtime)
    found.add("logic", "Treasury", logic, (ROUTER,))
    admin = found.probes["admin"].address
    data = call("initialize(address,uint256)", OWNER, 25)
    found.create("vault", "TreasuryProxy", logic, admin, data)
    found.behind()
    with pytest.raises(UnmetError, match=f"initialised version {2**64 - 1} \\(locked\\)"):
        judge_proxy(found.probes, "vault")


def test_a_refusal_for_another_reason_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    found.behind(initialiser=replace(ONCE, reverts="NotOwner"))
    with pytest.raises(UnmetError, match="InvalidInitialization"):
        judge_proxy(found.probes, "vault")


def test_other_code_behind_the_proxy_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    found.probes["logic"].declared = replace(found.probes["logic"].declared, constructor=(OWNER,))
    with pytest.raises(UnmetError, match="immutable router"):
        judge_proxy(found.probes, "vault")


def test_another_library_is_unmet_and_named(rpc: Rpc) -> None:
    found = shop(rpc)
    other = Shop(rpc)
    other.create("math", "FeeMath")
    other.add("logic", "Treasury", found.probes["logic"].address, (ROUTER,))
    with pytest.raises(UnmetError, match="library FeeMath at"):
        other.probes["logic"].code()


def test_a_library_whose_code_nothing_declares_is_unknown(rpc: Rpc) -> None:
    """As a deployment record names it: the address stands in the code, and what is there?"""
    found = shop(rpc)
    logic, math = found.probes["logic"], found.probes["math"]
    logic.directory = Directory({"logic": logic.address})
    with pytest.raises(UndeclaredError, match=r"`libraries: \{FeeMath: NAME\}`"):
        logic.code()
    assert Judgement.UNMET not in found.verdicts
    logic.directory = Directory({"logic": logic.address, "math": math.address.lower()})
    logic.code()


def test_a_librarys_own_address_is_compared(rpc: Rpc) -> None:
    found = shop(rpc)
    code = bytes.fromhex(rpc.call("eth_getCode", found.probes["math"].address, "latest")[2:])
    found.add("math", "FeeMath", put_runtime(rpc, code))
    with pytest.raises(UnmetError, match="own address"):
        found.probes["math"].code()


def test_eip_1822_and_a_beacon(rpc: Rpc) -> None:
    found = shop(rpc)
    logic = found.probes["logic"].address
    empty = bytes.fromhex("00")
    found.add("vault", "TreasuryProxy", put_runtime(rpc, empty, {PROXIABLE: logic}))
    found.behind(kind="eip-1822", admin=None, initialiser=None)
    judge_proxy(found.probes, "vault")
    # A beacon that answers every call with the implementation's address.
    says = bytes.fromhex("73" + logic[2:] + "60005260206000f3")
    beacon = put_runtime(rpc, says)
    found.add("beacon", "ProxyAdmin", beacon, (OWNER,))
    found.add("vault", "TreasuryProxy", put_runtime(rpc, empty, {BEACON: beacon}))
    found.behind(kind="beacon", beacon="beacon", admin=None, initialiser=None)
    with pytest.raises(UnmetError) as caught:
        judge_proxy(found.probes, "vault")
    assert "other code" in str(caught.value)  # of the beacon, which is none of the release
    assert "slot" not in str(caught.value)
    found.add("vault", "TreasuryProxy", put_runtime(rpc, empty, {IMPLEMENTATION: logic}))
    found.behind(kind="beacon", beacon="beacon", admin=None, initialiser=None)
    with pytest.raises(UnmetError, match="beacon slot"):
        judge_proxy(found.probes, "vault")


@pytest.mark.parametrize("form", ["EIP-1167", "0age", "Solady with PUSH0", "EIP-7511"])
def test_a_minimal_proxy_works_and_is_met(rpc: Rpc, form: str) -> None:
    found = shop(rpc)
    clone = put_runtime(rpc, minimal_code(found.probes["logic"].address, form))
    found.add("vault", "Treasury", clone)
    found.behind(kind="minimal", admin=None, initialiser=None)
    found.probes["vault"].code()
    judge_proxy(found.probes, "vault")
    found.probes["vault"].read("router").expect(ROUTER)


def test_a_minimal_proxy_to_something_else_is_unmet(rpc: Rpc) -> None:
    found = shop(rpc)
    found.add("vault", "Treasury", put_runtime(rpc, minimal_code(DEPOSITOR.address)))
    found.behind(kind="minimal", admin=None, initialiser=None)
    with pytest.raises(UnmetError, match="an ordinary account"):
        judge_proxy(found.probes, "vault")


def test_without_its_arguments_an_immutable_behind_a_proxy_is_unknown(rpc: Rpc) -> None:
    found = shop(rpc)
    found.probes["logic"].declared = replace(found.probes["logic"].declared, constructor=())
    with pytest.raises(UndeclaredError, match="address router_"):
        judge_proxy(found.probes, "vault")
