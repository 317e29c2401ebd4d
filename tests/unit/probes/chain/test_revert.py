from __future__ import annotations

from typing import Any

import pytest

from pytest_metarelease.probes.chain.revert import Revert, make_revert, read_revert

ONLY_ARBITER = f"0x08c379a0{32:064x}{12:064x}" + b"Only arbiter".hex().ljust(64, "0")


@pytest.mark.parametrize("declared", ["", "  ", "x", "0x0", "0x08c379a0ff", "Only", "only arbiter"])
def test_trivially_false(declared: str) -> None:
    assert not make_revert(ONLY_ARBITER).is_declared_as(declared)
    assert not make_revert("0x").is_declared_as(declared)


def test_a_revert_without_data_counts_only_where_declared_as_such() -> None:
    assert make_revert("0x").is_declared_as("0x")
    assert not make_revert(ONLY_ARBITER).is_declared_as("0x")
    assert not make_revert("0x00000000").is_declared_as("0x")


def test_an_empty_revert_matches_nothing_declared() -> None:
    assert not Revert("", "", "0x").is_declared_as("")


def test_the_text_of_require_is_the_reason() -> None:
    found = make_revert(ONLY_ARBITER, "execution reverted: something else")
    assert found == Revert("Only arbiter", "0x08c379a0", ONLY_ARBITER)
    assert found.is_declared_as("Only arbiter")
    assert found.is_declared_as("0x08C379A0")


def test_a_text_that_looks_like_a_call_is_not_a_custom_error() -> None:
    data = "0x08c379a0" + f"{32:064x}{6:064x}" + b"Only()".hex().ljust(64, "0")
    assert not make_revert(data).is_declared_as("Only")


def test_a_custom_error_is_named_or_selected() -> None:
    found = Revert("Locked(1, 2)", "0x12345678", "0x12345678")
    assert found.is_declared_as("Locked")
    assert found.is_declared_as("Locked(1, 2)")
    assert found.is_declared_as("0x12345678")
    assert not found.is_declared_as("Lock")


def test_a_panic_shows_its_code() -> None:
    assert make_revert("0x4e487b71" + f"{0x11:064x}").reason == "Panic(0x11)"


@pytest.mark.parametrize(
    "data",
    [
        "0x08c379a0",
        "0x08c379a0" + f"{32:064x}{99:064x}" + "00",
        "0x08c379a0" + f"{64:064x}{1:064x}" + "00" * 32,
        "0x4e487b71" + "00",
        "0x",
        "0x12",
    ],
)
def test_damaged_data_leaves_what_the_node_said(data: str) -> None:
    assert make_revert(data, "execution reverted: told").reason == "told"


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": -32000, "message": "insufficient funds for gas * price + value"},
        {"code": -32000, "message": "out of gas"},
        {"code": -32000, "message": "VM Exception while processing transaction: out of gas"},
        {"code": -32000, "message": "VM Exception while processing transaction: invalid opcode"},
        {"code": -32603, "message": "EVM error InvalidFEOpcode"},
        {
            "code": 3,
            "message": "VM Exception while processing transaction: invalid opcode",
            "data": "0x",
        },
        {"code": -32005, "message": "limit exceeded"},
        {"code": -32000, "message": "this provider may revert to sleep"},
        {"code": -32015, "message": "VM execution error.", "data": "Bad instruction"},
    ],
)
def test_what_is_no_revert(error: dict[str, Any]) -> None:
    assert read_revert(error) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": 3, "message": "execution reverted: x", "data": "0x"}, "x"),
        ({"code": 3, "message": "execution reverted", "data": ONLY_ARBITER}, "Only arbiter"),
        ({"code": -32000, "message": "execution reverted"}, ""),
        (
            {
                "code": -32603,
                "message": "Error: VM Exception while processing transaction: reverted with "
                "reason string 'Only arbiter'",
                "data": {"message": "...", "data": ONLY_ARBITER},
            },
            "Only arbiter",
        ),
        (
            {"code": -32000, "message": "VM Exception while processing transaction: revert no"},
            "no",
        ),
        (
            {"code": -32015, "message": "VM execution error.", "data": f"Reverted {ONLY_ARBITER}"},
            "Only arbiter",
        ),
    ],
)
def test_how_nodes_say_that_it_reverted(error: dict[str, Any], reason: str) -> None:
    found = read_revert(error)
    assert found is not None
    assert found.reason == reason
