"""Deployed code against artifacts, on real nodes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UndeclaredError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.contract_code import Difference
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.artifact import Span, load
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.simulation import Simulation
from pytest_metarelease.sandbox.accounts import DEPLOYER, DEPOSITOR, SIGNERS
from tests.probes.chain.deployed import (
    TRADE,
    artifact,
    bench,
    declared,
    deploy,
    transact,
)
from tests.probes.chain.nodes import ARTIFACTS, chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_metarelease.probes.chain.rpc import Rpc


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(rpc: Rpc) -> str:
    return deploy(rpc)


def test_no_code_is_unmet(rpc: Rpc) -> None:
    found = bench(rpc, declared(DEPOSITOR.address))
    with pytest.raises(UnmetError, match="no code at this address"):
        found.probe.code()
    assert found.verdicts == {Judgement.UNMET}


def test_other_code_is_unmet_and_says_where(rpc: Rpc) -> None:
    address = deploy(rpc, "BackdooredEscrow")
    found = bench(rpc, declared(address))
    with pytest.raises(UnmetError, match=r"at offset \d+ 0x[0-9a-f]+ instead of 0x[0-9a-f]+"):
        found.probe.code()
    assert [one.judgement for one in found.cited][-1] is Judgement.UNMET


def test_the_released_code_is_met_with_every_immutable(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address))
    report = found.probe.code()
    deployed = payload(rpc.call("eth_getCode", address, "latest"), "code")
    assert report.code_hash == "0x" + keccak(deployed).hex()
    assert report.unchecked == ()
    assert found.verdicts == {Judgement.MET}
    expected = " ".join(one.expected for one in found.cited)
    for name in artifact().immutables or {}:
        assert f"immutable {name} " in expected


@pytest.mark.parametrize("place", [0, 3, 4, 5])
def test_an_immutable_with_another_value_is_unmet(rpc: Rpc, address: str, place: int) -> None:
    args: list[Any] = list(TRADE)
    args[place] = "0x" + "cd" * 32 if place == 5 else SIGNERS[2].address
    found = bench(rpc, declared(address, constructor=tuple(args)))
    with pytest.raises(UnmetError, match="immutable"):
        found.probe.code()
    judged = [one.judgement for one in found.cited]
    assert judged.count(Judgement.UNMET) == 1


def test_what_is_simulated_never_replaces_a_declared_argument(
    rpc: Rpc, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = payload(rpc.call("eth_getCode", address, "latest"), "code")
    monkeypatch.setattr(Simulation, "at", lambda _self, _address: deployed)
    found = bench(rpc, declared(address, constructor=(SIGNERS[2].address, *TRADE[1:])))
    name = next(one for one in artifact().immutables or {} if "depositor" in one)
    object.__setattr__(found.probe.artifact, "arguments", {name: 0})
    with pytest.raises(UnmetError, match=f"immutable {name}"):
        found.probe.code()


def test_an_amount_that_is_no_immutable_is_left_to_the_state(rpc: Rpc, address: str) -> None:
    args = [*TRADE[:2], "7 ether", *TRADE[3:]]
    bench(rpc, declared(address, constructor=tuple(args))).probe.code()


def test_undeclared_constructor_arguments_are_unknown(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address, constructor=()))
    with pytest.raises(UndeclaredError, match="address depositor_"):
        found.probe.code()
    assert Judgement.UNKNOWN in found.verdicts


def test_a_constructor_that_reverts_is_unknown(rpc: Rpc, address: str) -> None:
    args = ("0x" + "00" * 20, *TRADE[1:])
    found = bench(rpc, declared(address, constructor=args))
    with pytest.raises(UndeclaredError, match="Depositor is the zero address"):
        found.probe.code()
    assert Judgement.UNKNOWN in found.verdicts


def test_an_artifact_that_is_silent_about_immutables_is_compared_whole(
    rpc: Rpc, address: str, tmp_path: Path
) -> None:
    silent = json.loads((ARTIFACTS / "Escrow.json").read_text())
    del silent["immutableReferences"]
    (tmp_path / "Escrow.json").write_text(json.dumps(silent))
    found = bench(rpc, declared(address))
    found.probe.artifact = load(tmp_path / "Escrow.json")
    found.probe.code()
    assert found.verdicts == {Judgement.MET}

    other = bench(rpc, declared(address, constructor=(SIGNERS[0].address, *TRADE[1:])))
    other.probe.artifact = found.probe.artifact
    with pytest.raises(UndeclaredError, match="where its immutables stand"):
        other.probe.code()

    backdoor = bench(rpc, declared(deploy(rpc, "BackdooredEscrow")))
    backdoor.probe.artifact = found.probe.artifact
    with pytest.raises(UnmetError, match="other code"):
        backdoor.probe.code()


# ---------------------------------------------------------------------- made-up contracts

# Runtime: PUSH32 self; PUSH32 when; STOP, with both filled in by the constructor, and a tail that
# looks like the compiler's metadata.
_RUNTIME = bytes.fromhex("7f" + "00" * 32 + "7f" + "00" * 32 + "00")
_SPANS = {"self": (Span(1, 32),), "block": (Span(34, 32),)}


def _tail(byte: str = "55") -> bytes:
    cbor = bytes.fromhex("a1646970667343" + byte * 3)
    return cbor + len(cbor).to_bytes(2, "big")


def _creation(tail: bytes, second: str = "43") -> bytes:
    """Return code that stores ``_RUNTIME`` with address(this) and a second value filled in."""
    size = len(_RUNTIME + tail)
    code = "60{size:02x}60{at:02x}600039" + "30600152" + second + "602252" + "60{size:02x}6000f3"
    at = len(bytes.fromhex(code.format(size=size, at=0)))
    return bytes.fromhex(code.format(size=size, at=at)) + _RUNTIME + tail


def _made_up(rpc: Rpc, deployed_tail: bytes, expected_tail: bytes, second: str = "43") -> Any:
    receipt = transact(rpc, DEPLOYER, None, "0x" + _creation(deployed_tail, second).hex())
    # One more block, so that the pinned one is not that of the deployment.
    transact(rpc, DEPLOYER, DEPOSITOR.address, "0x")
    found = bench(rpc, declared(str(receipt.contract), constructor=()), "StubRouter")
    built = found.probe.artifact
    found.probe.artifact = type(built)(
        name="MadeUp",
        file="MadeUp.json",
        interface=built.interface,
        creation=_creation(expected_tail),
        runtime=_RUNTIME + expected_tail,
        immutables=_SPANS,
        compiler="none",
    )
    return found


def allowing(found: Any, *differences: Difference) -> None:
    found.probe.declared = replace(found.probe.declared, differences=differences)


def moving(name: str, expires: str = "2999-12-31") -> Difference:
    return Difference(facet="immutable", name=name, reason="deployed once", expires=expires)


def test_an_immutable_that_depends_on_the_deployment_is_unknown(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail())
    with pytest.raises(UndeclaredError, match="facet: immutable, name: block"):
        found.probe.code()
    assert Judgement.UNKNOWN in found.verdicts


def test_one_that_is_declared_so_is_reported_as_unchecked(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail())
    allowing(found, moving("block"), moving("self"))
    report = found.probe.code()
    # State overrides show address(this) exactly; nothing shows in which block it was deployed.
    assert "block" in report.unchecked
    assert set(report.unchecked) <= {"self", "block"}
    assert found.verdicts == {Judgement.MET}


def test_an_expired_difference_is_unmet_and_allows_nothing(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail())
    allowing(found, moving("block", "2026-01-31"), moving("self"))
    with pytest.raises(UnmetError, match="immutable block expired on 2026-01-31"):
        found.probe.code("2026-02-01")
    assert Judgement.UNKNOWN in found.verdicts


def test_a_derived_immutable_that_never_changes_is_compared(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail(), second="6007")
    object.__setattr__(found.probe.artifact, "creation", _creation(_tail(), "6008"))
    with pytest.raises(UnmetError, match="immutable block"):
        found.probe.code()


METADATA = Difference(facet="metadata", reason="built elsewhere", expires="2999-12-31")


def test_other_metadata_is_unmet_unless_it_is_declared(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail("55"), _tail("66"), second="6007")
    object.__setattr__(found.probe.artifact, "creation", _creation(_tail("66"), "6007"))
    with pytest.raises(UnmetError, match="the same code with other metadata"):
        found.probe.code()
    allowing(found, METADATA, moving("self"))
    assert found.probe.code().metadata == "same-code"


@pytest.mark.parametrize("differences", [(), (METADATA,)], ids=["exact", "same-code"])
def test_bytes_after_the_metadata_marker_are_unmet(rpc: Rpc, differences: Any) -> None:
    hidden = bytes.fromhex("5b33ff")
    found = _made_up(rpc, _tail() + hidden, _tail(), second="6007")
    allowing(found, *differences)
    with pytest.raises(UnmetError, match=r"3 bytes after the metadata marker.*0x5b33ff"):
        found.probe.code()


def test_a_tail_that_only_looks_like_metadata_is_unmet(rpc: Rpc) -> None:
    smuggled = bytes.fromhex("a1646576696c435b33ff") + bytes([0, 10])
    found = _made_up(rpc, smuggled, _tail(), second="6007")
    allowing(found, METADATA)
    with pytest.raises(UnmetError, match="no compiler's metadata"):
        found.probe.code()


def test_declared_bytes_count_only_as_they_are_declared(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail(), second="6007")
    built = found.probe.artifact
    object.__setattr__(built, "creation", _creation(_tail(), "6007"))
    object.__setattr__(built, "runtime", _RUNTIME[:-1] + b"\xfe" + _tail())
    at: dict[str, Any] = {
        "facet": "bytes",
        "offset": 66,
        "reason": "hotfix 7",
        "expires": "2999-12-31",
    }
    with pytest.raises(UnmetError, match="at offset 66 0x00"):
        found.probe.code()
    allowing(found, Difference(actual="0x01", **at), moving("self"))
    with pytest.raises(UnmetError, match="declared bytes at 66"):
        found.probe.code()
    allowing(found, Difference(actual="0x00", **at), moving("self"))
    found.probe.code()


def test_declared_bytes_are_judged_where_the_artifact_names_no_immutables(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail(), second="6007")
    built = found.probe.artifact
    changed = _creation(_tail(), "6007").replace(_RUNTIME, _RUNTIME[:-1] + b"\xfe")
    object.__setattr__(built, "creation", changed)
    object.__setattr__(built, "immutables", None)
    at: dict[str, Any] = {
        "facet": "bytes",
        "offset": 66,
        "reason": "hotfix 7",
        "expires": "2999-12-31",
    }
    allowing(found, Difference(actual="0x01", **at))
    with pytest.raises(UnmetError, match="declared bytes at 66"):
        found.probe.code()
    allowing(found, Difference(actual="0x00", **at))
    found.probe.code()


def test_creation_code_of_another_build_is_unmet(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail(), second="6007")
    changed = _creation(_tail(), "6007").replace(_RUNTIME, _RUNTIME[:-1] + b"\x01")
    object.__setattr__(found.probe.artifact, "creation", changed)
    with pytest.raises(UnmetError, match="stores the artifact's runtime code"):
        found.probe.code()


def stating(found: Any, **values: Any) -> Any:
    found.probe.declared = replace(found.probe.declared, immutables=values)
    return found.probe


def test_an_immutable_that_no_argument_says_may_be_declared_by_its_value(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail())
    address = found.probe.address
    deployed = payload(rpc.call("eth_getCode", address, "latest"), "code")
    span = found.probe.artifact.immutables["block"][0]
    block = int.from_bytes(deployed[span.start : span.end], "big")
    for wrong in ({"self": address, "block": block + 1}, {"self": DEPOSITOR.address}):
        with pytest.raises(UnmetError, match=f"immutable {list(wrong)[-1]} = 0x"):
            stating(found, **{"self": address, "block": block, **wrong}).code()
    with pytest.raises(UsageError, match="it has no blok; it has block, self"):
        stating(found, blok=block).code()
    right = _made_up(rpc, _tail(), _tail())
    deployed = payload(rpc.call("eth_getCode", right.probe.address, "latest"), "code")
    word = "0x" + deployed[span.start : span.end].hex()
    assert stating(right, self=right.probe.address, block=word).code().unchecked == ()
    assert right.verdicts == {Judgement.MET}


def test_an_argument_and_a_declared_value_must_be_one(rpc: Rpc, address: str) -> None:
    name = next(one for one in artifact().immutables or {} if "depositor" in one)
    found = bench(rpc, declared(address))
    stating(found, **{name: DEPOSITOR.address}).code()
    with pytest.raises(UnmetError, match=f"immutable {name}"):
        stating(found, **{name: SIGNERS[0].address}).code()
