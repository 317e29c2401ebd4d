"""Selectors that code answers, from its instructions alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_metarelease.probes.chain.abi import read_abi
from pytest_metarelease.probes.chain.dispatcher import dispatch_of

ARTIFACTS = Path(__file__).parents[4] / "pytest_metarelease" / "sandbox" / "artifacts"
SELECTOR = "5f3560e01c"  # CALLDATALOAD(0) >> 224
STOP = "5b00"


def code(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts))


def test_no_code_answers_nothing() -> None:
    assert dispatch_of(b"").selectors == ()


def test_a_constant_in_push_data_is_no_instruction() -> None:
    # PUSH32 whose data look like a comparison of the selector.
    looks = (SELECTOR + "63deadbeef14600057").ljust(64, "0")
    assert dispatch_of(code("7f", looks, "5000")).selectors == ()


def test_an_equality_is_a_selector_and_its_body_is_not_entered() -> None:
    body = "5b" + SELECTOR + "63deadbeef1460005700"
    found = dispatch_of(code(SELECTOR, "8063a9059cbb1460115700", body))
    assert found.selectors == ("0xa9059cbb",)
    assert found.open_end == ""


@pytest.mark.parametrize(
    "compared",
    [
        "63deadbeef14",  # EQ
        "63deadbeef1415",  # ISZERO(EQ)
        "63deadbeef18",  # XOR
        "63deadbeef03",  # SUB
    ],
)
def test_every_way_to_compare_is_seen(compared: str) -> None:
    assert dispatch_of(code(SELECTOR, compared, "600057", "00")).selectors == ("0xdeadbeef",)


def test_both_halves_of_a_binary_search_are_followed() -> None:
    #        0: selector  5: DUP1 PUSH4 > ...
    low = "8063111111111460195700"
    start = SELECTOR + "8063800000001160" + "1b" + "57"
    text = start + "806399999999146000" + "5700"
    at = len(text) // 2
    text = text.replace("60" + "1b" + "57", f"60{at:02x}57")
    found = dispatch_of(bytes.fromhex(text + "5b" + low))
    assert found.selectors == ("0x11111111", "0x99999999")


def test_a_short_selector_is_pushed_with_fewer_bytes() -> None:
    assert dispatch_of(code(SELECTOR, "61beef14600057", "00")).selectors == ("0x0000beef",)


def test_a_computed_jump_leaves_the_list_open() -> None:
    found = dispatch_of(code(SELECTOR, "600f16", "56"))
    assert "computed" in found.open_end


@pytest.mark.parametrize("opcode", ["0c", "1f", "4b", "e0", "f7"])
def test_an_instruction_that_is_not_known_leaves_the_list_open(opcode: str) -> None:
    found = dispatch_of(code(SELECTOR, opcode, "63deadbeef14600057", "00"))
    assert f"0x{opcode} at byte 5 is not known" in found.open_end


def test_what_stands_behind_the_end_is_not_reached() -> None:
    assert dispatch_of(code(SELECTOR, "63deadbeef14600057", "00", "0c")).open_end == ""


def test_a_loop_ends() -> None:
    assert dispatch_of(code("5b600056")).selectors == ()


# One that nobody declares; and what a proxy itself answers, to its admin alone.
HIDDEN = {"HiddenSettlementLog": {"0x5a17b0de"}, "TreasuryProxy": {"0x4f1ef286"}}


@pytest.mark.parametrize("file", sorted(one.stem for one in ARTIFACTS.glob("*.json")))
def test_the_dispatcher_of_real_code_is_its_abi(file: str) -> None:
    artifact = json.loads((ARTIFACTS / f"{file}.json").read_text())
    listed = {one.selector for one in read_abi(file, artifact["abi"]).functions}
    # Where a library's address belongs, unlinked code has a text of 40 characters.
    linked = re.sub(r"__\$[0-9a-f]{34}\$__", "00" * 20, artifact["deployedBytecode"][2:])
    found = dispatch_of(bytes.fromhex(linked))
    assert set(found.selectors) == listed | HIDDEN.get(file, set())
    assert found.open_end == ""
