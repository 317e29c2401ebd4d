"""Deployed code against artifacts, on real nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UndeclaredError, UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.artifact import Span, load
from pytest_metarelease.probes.chain.quantities import payload
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
    assert found.verdicts == {Judgement.UNMET}


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


def test_immutables_that_depend_on_the_deployment_are_reported_as_unchecked(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail())
    report = found.probe.code()
    # State overrides show address(this) exactly; nothing shows in which block it was deployed.
    assert "block" in report.unchecked
    assert set(report.unchecked) <= {"self", "block"}
    assert found.verdicts <= {Judgement.MET}


def test_a_derived_immutable_that_never_changes_is_compared(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail(), _tail(), second="6007")
    object.__setattr__(found.probe.artifact, "creation", _creation(_tail(), "6008"))
    with pytest.raises(UnmetError, match="immutable block"):
        found.probe.code()


def test_the_metadata_tail_is_a_facet_of_its_own(rpc: Rpc) -> None:
    found = _made_up(rpc, _tail("55"), _tail("66"))
    with pytest.raises(UnmetError, match="other code"):
        found.probe.code()
    found.probe.code(metadata="ignored")
