"""Contracts that others published, with the artifacts they published, on real nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.contract_code import Proxy
from pytest_metarelease.manifest.model import CallerPolicy, Roles
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.abi import keccak, read_abi
from pytest_metarelease.probes.chain.adopting import adopted
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.construction import Construction
from pytest_metarelease.probes.chain.proxies import judge_proxy
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.sandbox.accounts import DEPLOYER, DEPOSITOR
from tests.probes.chain.deployed import Bench, bench, declared, is_, transact
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door
from tests.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc

PUBLISHED = ROOT / ".tools" / "published" / "node_modules"
ZEPPELIN = PUBLISHED / "@openzeppelin/contracts/build/contracts"
SAFE = ROOT / ".tools/node_modules/@safe-global/safe-smart-account/build/artifacts/contracts"
UNISWAP_2 = PUBLISHED / "@uniswap/v2-core/build"
UNISWAP_3 = PUBLISHED / "@uniswap/v3-core/artifacts/contracts"
TOKEN = (ZEPPELIN / "ERC20PresetFixedSupply.json", ("Token", "TKN", 10**18, DEPOSITOR.address))


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


def put(rpc: Rpc, code: bytes) -> str:
    wallet = Wallet(rpc, CHAIN_ID, DEPLOYER.key)
    receipt = wallet.send(to=None, fee=fees(rpc), gas=8_000_000, data="0x" + code.hex(), value=0)
    assert receipt.succeeded
    return checksum(str(receipt.contract))


def deployed(
    rpc: Rpc, path: Path, args: tuple[Any, ...] = (), *, other_metadata: bool = False
) -> Bench:
    """Deploy a published artifact, as it is or with another metadata hash in its code."""
    built = load(path)
    end = built.runtime[-20:]
    assert built.creation.count(end) == 1
    other = bytes([end[0] ^ 1]) + end[1:] if other_metadata else end
    creation = built.creation.replace(end, other)
    return at(rpc, put(rpc, creation + encode(built.interface.constructor, args)), built, args)


def at(rpc: Rpc, address: str, built: Artifact, args: tuple[Any, ...] = ()) -> Bench:
    found = bench(rpc, declared(address, constructor=args, state={}))
    found.probe.artifact, found.probe.interface = built, built.interface
    return found


CONTRACTS: dict[str, tuple[Path, tuple[Any, ...]]] = {
    "OpenZeppelin's token": TOKEN,
    "OpenZeppelin's access control": (ZEPPELIN / "ERC20PresetMinterPauser.json", ("T", "T")),
    "Safe": (SAFE / "Safe.sol" / "Safe.json", ()),
    "Safe's factory": (SAFE / "proxies" / "SafeProxyFactory.sol" / "SafeProxyFactory.json", ()),
    "Uniswap 2's factory": (UNISWAP_2 / "UniswapV2Factory.json", (DEPOSITOR.address,)),
    "Uniswap 2's pair": (UNISWAP_2 / "UniswapV2Pair.json", ()),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_code_is_unmet(rpc: Rpc, name: str) -> None:
    path, args = CONTRACTS[name]
    with pytest.raises(UnmetError, match="no code"):
        at(rpc, DEPOSITOR.address, load(path), args).probe.code()


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_was_published_is_met(rpc: Rpc, name: str) -> None:
    found = deployed(rpc, *CONTRACTS[name])
    found.probe.code()
    assert found.verdicts == {Judgement.MET}


@pytest.mark.parametrize("name", CONTRACTS)
def test_other_metadata_is_unmet(rpc: Rpc, name: str) -> None:
    path, args = CONTRACTS[name]
    found = deployed(rpc, path, args, other_metadata=True)
    with pytest.raises(UnmetError, match="the same code with other metadata"):
        found.probe.code()


def test_another_published_contract_is_unmet(rpc: Rpc) -> None:
    other = deployed(rpc, *CONTRACTS["OpenZeppelin's access control"])
    found = at(rpc, other.probe.address, load(TOKEN[0]), TOKEN[1])
    with pytest.raises(UnmetError, match="other code"):
        found.probe.code()


def test_one_that_keeps_its_own_address(rpc: Rpc) -> None:
    """Uniswap 3's factory holds ``address(this)``; its artifact does not say where."""
    found = deployed(rpc, UNISWAP_3 / "UniswapV3Factory.sol" / "UniswapV3Factory.json")
    found.probe.code()
    assert found.verdicts == {Judgement.MET}


def test_a_published_transparent_proxy(rpc: Rpc) -> None:
    logic, admin = deployed(rpc, *TOKEN), deployed(rpc, ZEPPELIN / "ProxyAdmin.json")
    args = (logic.probe.address, admin.probe.address, "0x")
    proxy = deployed(rpc, ZEPPELIN / "TransparentUpgradeableProxy.json", args)
    proxy.probe.code()
    probes = {"logic": logic.probe, "admin": admin.probe, "token": proxy.probe}
    proxy.probe.declared = replace(
        proxy.probe.declared, proxy=Proxy(implementation="logic", admin="admin")
    )
    judge_proxy(probes, "token")
    with pytest.raises(UnmetError, match="admin slot"):
        judge_proxy({**probes, "admin": logic.probe}, "token")


def test_a_published_beacon(rpc: Rpc) -> None:
    logic = deployed(rpc, *TOKEN)
    beacon = deployed(rpc, ZEPPELIN / "UpgradeableBeacon.json", (logic.probe.address,))
    args = (beacon.probe.address, "0x")
    proxy = deployed(rpc, ZEPPELIN / "BeaconProxy.json", args)
    probes = {"logic": logic.probe, "beacon": beacon.probe, "token": proxy.probe}
    proxy.probe.declared = replace(
        proxy.probe.declared,
        proxy=Proxy(kind="beacon", implementation="logic", beacon="beacon"),
    )
    judge_proxy(probes, "token")
    with pytest.raises(UnmetError, match="implementation slot"):
        judge_proxy({**probes, "logic": deployed(rpc, *TOKEN).probe}, "token")


# ------------------------------------------------- what their functions answer to whom

NOT_THE_OWNER = CallerPolicy(nobody="given up", reverts=("Ownable: caller is not the owner",))


@pytest.fixture(scope="module")
def given_up(rpc: Rpc) -> Bench:
    """OpenZeppelin's admin of proxies, whose owner renounced it."""
    found = deployed(rpc, ZEPPELIN / "ProxyAdmin.json")
    renounce = found.probe.interface.function("renounceOwnership")
    transact(rpc, DEPLOYER, found.probe.address, call_data(renounce, ()))
    changing = [one.name for one in found.probe.interface.functions if not one.reads]
    access = dict.fromkeys(changing, NOT_THE_OWNER)
    again = at(rpc, found.probe.address, found.probe.artifact)
    again.probe.declared = replace(again.probe.declared, access=access)
    return again


def test_an_owner_that_is_empty_and_not_declared_so_is_found(given_up: Bench) -> None:
    with pytest.raises(UnmetError, match="nobody can send from the zero address"):
        given_up.probe.access()


def test_an_owner_that_is_declared_empty_has_given_it_up(rpc: Rpc, given_up: Bench) -> None:
    found = at(rpc, given_up.probe.address, given_up.probe.artifact)
    found.probe.declared = replace(given_up.probe.declared, state={"owner": is_("0x" + "00" * 20)})
    found.probe.expect_state("owner")
    found.probe.access()
    assert found.verdicts == {Judgement.MET}


def test_a_stranger_who_may_is_found_although_the_owner_is_empty(rpc: Rpc) -> None:
    """Here ``name()``, which everybody may call, stands for a function that is open."""
    found = deployed(rpc, *CONTRACTS["OpenZeppelin's access control"])
    found.probe.interface = read_abi("open", _OPEN)
    found.probe.declared = replace(
        found.probe.declared,
        access={"name": NOT_THE_OWNER},
        state={"owner": is_("0x" + "00" * 20)},
    )
    with pytest.raises(UnmetError, match="from a stranger"):
        found.probe.access()


# The party `buyer()` is slot 0, which is empty; everything else is for the buyer alone.
_PARTY = bytes.fromhex(
    "60003560e01c63" + keccak(b"buyer()")[:4].hex() + "14601c57"
    "60005433146028576000600" + "0fd" + "5b60005460005260206000f3" + "5b00"
)  # fmt: skip


@pytest.mark.parametrize("declares", [True, False])
def test_parties_that_are_declared_empty_are_nobody(
    rpc: Rpc, given_up: Bench, declares: bool
) -> None:
    """Code behind clones: its parties are set in the clones alone, whatever they are called."""
    copying = bytes.fromhex(f"60{len(_PARTY):02x}600c60003960{len(_PARTY):02x}6000f3")
    found = at(rpc, put(rpc, copying + _PARTY), given_up.probe.artifact)
    buyer = {**_OPEN[1], "name": "buyer"}
    found.probe.interface = read_abi("parties", (buyer, {**_OPEN[0], "name": "settle"}))
    found.probe.declared = replace(
        found.probe.declared,
        access={"settle": CallerPolicy(nobody="set in clones", reverts=("0x",))},
        state={"buyer": is_("0x" + "00" * 20)} if declares else {},
    )
    if declares:
        found.probe.access()
        assert found.verdicts == {Judgement.MET}
        return
    with pytest.raises(UnmetError, match="from the zero address"):
        found.probe.access()


_OPEN: tuple[dict[str, Any], ...] = (
    {"type": "function", "name": "name", "inputs": []},
    {
        "type": "function",
        "name": "owner",
        "inputs": [],
        "outputs": [{"name": "", "type": "address"}],
        "stateMutability": "view",
    },
)


@pytest.mark.parametrize("name", ["OpenZeppelin's access control", "Safe", "Uniswap 2's pair"])
def test_all_of_it_can_be_adopted(rpc: Rpc, name: str) -> None:
    """Also what answers no zeros (an invalid opcode, out of gas), and ``receive``."""
    found = deployed(rpc, *CONTRACTS[name])
    lines = yaml.safe_load("\n".join(adopted(found.probe)))
    interface = found.probe.interface
    assert len(lines["state"]) == len(interface.views)
    changing = [one for one in interface.functions if not one.reads]
    assert len(lines["access"]) == len(changing) + len(interface.special)
    if name.startswith("OpenZeppelin"):
        # What is refused there is the zero among the arguments, not the caller.
        assert "anyone" in lines["access"]["approve"]
        # The role of zeros begins with the zero address, which is one of those that are tried.
        for name in ("grantRole", "revokeRole"):
            granted = lines["access"][name]
            assert granted["only"] == ["role:DEFAULT_ADMIN_ROLE"]
            assert granted["reverts"].endswith("account {caller} is missing role 0x" + "00" * 32)
        assert "anyone" in lines["access"]["renounceRole"]
        assert "nobody" in lines["access"]["mint"]


def test_which_role_gives_a_role_is_compared(rpc: Rpc) -> None:
    """OpenZeppelin 4's timelock has an admin role of its own."""
    holder = DEPOSITOR.address
    args = (3600, [holder], [holder], "0x" + "00" * 20)
    path = ZEPPELIN / "TimelockController.json"
    timelock = deployed(rpc, path, args).probe
    names = ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE")
    holders = {"TIMELOCK_ADMIN_ROLE": ("self",), **dict.fromkeys(names, (holder,))}

    def roles(**admins: str) -> Bench:
        found = at(rpc, timelock.address, timelock.artifact)
        declared_roles = Roles(holders=holders, admins=admins)
        found.probe.declared = replace(found.probe.declared, roles=declared_roles)
        return found

    with pytest.raises(UnmetError, match='"PROPOSER_ROLE": "TIMELOCK_ADMIN_ROLE"'):
        roles().probe.roles()
    own = dict.fromkeys((*names, "TIMELOCK_ADMIN_ROLE"), "TIMELOCK_ADMIN_ROLE")
    with pytest.raises(UnmetError, match="EXECUTOR_ROLE of escrow is given and taken by PROPOSER"):
        roles(**{**own, "EXECUTOR_ROLE": "PROPOSER_ROLE"}).probe.roles()
    right = roles(**own)
    right.probe.roles()
    assert right.verdicts == {Judgement.MET}


def test_a_negative_number_stands_with_and_without_its_sign(rpc: Rpc) -> None:
    """Solidity 0.7 keeps a small type's bits only."""
    built = replace(
        load(TOKEN[0]),
        interface=read_abi("Pool", [{"type": "constructor", "inputs": [{"type": "int24"}]}]),
        arguments={"tick": 0},
    )
    probe = bench(rpc, declared(DEPOSITOR.address, constructor=(-60,))).probe
    made = Construction(probe.declared, built, rpc, probe.snapshot, probe.asking)
    long, short = (
        one.rjust(32, fill) for one, fill in ((b"\xc4", b"\xff"), (b"\xff\xff\xc4", b"\0"))
    )
    assert made.argument("tick") == long
    assert made.argument("tick", [long]) == long
    assert made.argument("tick", [short, short]) == short
    assert made.argument("tick", [short, long]) == long
    assert made.argument("tick", [b"\xc4".rjust(32, b"\0")]) == long
