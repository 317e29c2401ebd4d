from __future__ import annotations

from typing import Any

import pytest

from pytest_metarelease.errors import MalformedError, UsageError
from pytest_metarelease.probes.chain.abi import Entry, Parameter, read_abi
from pytest_metarelease.probes.chain.access import arguments
from pytest_metarelease.probes.chain.codec import (
    call_data,
    decode,
    encode,
    event_values,
    explain,
)
from pytest_metarelease.probes.chain.revert import make_revert

ABI: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "transfer",
        "inputs": [{"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
        "stateMutability": "nonpayable",
    },
    {
        "type": "function",
        "name": "balanceOf",
        "inputs": [{"name": "who", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
        "stateMutability": "view",
    },
    {
        "type": "function",
        "name": "balanceOf",
        "inputs": [{"name": "who", "type": "address"}, {"name": "id", "type": "uint256"}],
        "outputs": [{"name": "", "type": "uint256"}],
        "stateMutability": "view",
    },
    {
        "type": "function",
        "name": "trades",
        "inputs": [
            {
                "name": "orders",
                "type": "tuple[]",
                "components": [
                    {"name": "id", "type": "bytes32"},
                    {"name": "leg", "type": "tuple", "components": [{"name": "x", "type": "int8"}]},
                ],
            }
        ],
        "outputs": [],
        "stateMutability": "pure",
    },
    {
        "type": "event",
        "name": "Transfer",
        "inputs": [
            {"name": "from", "type": "address", "indexed": True},
            {"name": "note", "type": "string", "indexed": True},
            {"name": "value", "type": "uint256", "indexed": False},
        ],
    },
    {"type": "error", "name": "Locked", "inputs": [{"name": "until", "type": "uint64"}]},
    {"type": "constructor", "inputs": [{"name": "owner", "type": "address"}]},
    {"type": "receive", "stateMutability": "payable"},
]
TOKEN = read_abi("Token", ABI)
ALICE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def entry(*types: str) -> Entry:
    return Entry("function", "f", tuple(Parameter("", kind) for kind in types))


def test_nothing_is_found_by_a_name_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no function mint"):
        TOKEN.function("mint")
    with pytest.raises(UsageError, match="did you mean transfer"):
        TOKEN.function("tranfer")
    assert TOKEN.error("0x00000000") is None


def test_an_overloaded_name_is_not_guessed() -> None:
    with pytest.raises(UsageError, match=r"write balanceOf\(address\) or balanceOf\(address,uint"):
        TOKEN.function("balanceOf")
    assert TOKEN.function("balanceOf(address, uint256)").selector == "0x00fdd58e"
    assert [TOKEN.key_of(one) for one in TOKEN.views] == [
        "balanceOf(address)",
        "balanceOf(address,uint256)",
        "trades",
    ]


def test_known_selectors() -> None:
    assert TOKEN.function("transfer").selector == "0xa9059cbb"
    assert TOKEN.function("balanceOf(address)").selector == "0x70a08231"


def test_structs_have_canonical_types() -> None:
    assert TOKEN.function("trades").signature == "trades((bytes32,(int8))[])"


@pytest.mark.parametrize("damaged", [[{"name": "x"}], [{"type": "function", "inputs": [{}]}], [7]])
def test_a_damaged_abi_is_a_usage_error(damaged: Any) -> None:
    with pytest.raises(UsageError, match="damaged"):
        read_abi("Token", damaged)


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        ("uint256", 7, 7),
        ("uint256", "12", 12),
        ("uint256", "0x10", 16),
        ("uint256", "0.1 ether", 10**17),
        ("uint256", "20 gwei", 20 * 10**9),
        ("bool", True, 1),
        ("address", ALICE.lower(), int(ALICE, 16)),
        ("int8", "-1", 2**256 - 1),
    ],
)
def test_values_as_a_manifest_writes_them(kind: str, value: Any, word: int) -> None:
    assert int.from_bytes(encode(entry(kind), [value]), "big") == word


def test_lists_and_structs() -> None:
    data = call_data(TOKEN.function("trades"), [[["0x" + "11" * 32, ["-3"]]]])
    decoded = decode(["(bytes32,(int8))[]"], bytes.fromhex(data[10:]), "trades")
    assert decoded == ([["0x" + "11" * 32, [-3]]],)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", 256),
        ("uint256", -1),
        ("uint256", True),
        ("uint256", 1.5),
        ("uint256", "many"),
        ("uint256", None),
        ("bool", 1),
        ("bool", "true"),
        ("address", "0x12"),
        ("address", 7),
        ("bytes4", "0x1122334455"),
        ("bytes", "abc"),
        ("bytes", "0x1"),
        ("uint256[2]", [1]),
        ("uint256[]", "1,2"),
        ("(uint256,bool)", [1]),
        ("(uint256,bool)", {"a": 1, "b": True}),
    ],
)
def test_what_does_not_fit_is_a_usage_error(kind: str, value: Any) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        encode(entry(kind), [value])


@pytest.mark.parametrize("kind", ["", "enum Colour", "contract Box", "(uint256", "uint256[", "x y"])
def test_a_type_that_no_abi_has_is_a_usage_error(kind: str) -> None:
    with pytest.raises(UsageError, match="no type of an ABI"):
        encode(entry(kind), [1])
    with pytest.raises(UsageError, match="no type of an ABI"):
        decode([kind], bytes(32), "f")


@pytest.mark.parametrize("kind", ["function", "fixed128x18", "ufixed8x1[2]", "(uint8,function)"])
def test_a_type_without_a_known_zero_needs_arguments(kind: str) -> None:
    with pytest.raises(UsageError, match=r"f\(.*declare args"):
        arguments(entry(kind), None)


def test_zeros_of_the_other_types() -> None:
    kinds = ("uint8", "int256", "bool", "string", "bytes", "bytes4", "bool[2]", "(uint8,bytes)[1]")
    zeros = [0, 0, False, "", "0x", "0x00000000", [False, False], [[0, "0x"]]]
    assert arguments(entry(*kinds), None) == zeros


def test_a_wrong_number_of_arguments_names_them() -> None:
    with pytest.raises(UsageError, match=r"takes 2 arguments \(address to, uint256 value\), got 1"):
        call_data(TOKEN.function("transfer"), [ALICE])


def test_values_are_shown_as_people_write_them() -> None:
    data = encode(entry("address", "bytes4", "string", "uint8[]"), [ALICE, "0x11223344", "x", [1]])
    assert decode(["address", "bytes4", "string", "uint8[]"], data, "x") == (
        ALICE,
        "0x11223344",
        "x",
        [1],
    )


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("uint256", "00"),
        ("bool", "00" * 31 + "02"),
        ("address", "ff" * 32),
        ("string", "ff" * 32),
        ("string", f"{32:064x}{9:064x}"),
        ("uint256[]", f"{32:064x}{2**255:064x}"),
        ("string", f"{32:064x}{1:064x}" + "ff".ljust(64, "0")),
    ],
)
def test_bytes_that_encode_nothing_are_malformed(kind: str, data: str) -> None:
    with pytest.raises(MalformedError):
        decode([kind], bytes.fromhex(data), "x")


def test_a_custom_error_is_explained_by_the_abi() -> None:
    error = TOKEN.errors[0]
    found = explain(make_revert(error.selector + f"{99:064x}"), TOKEN)
    assert found.reason == "Locked(99)"
    assert found.is_declared_as("Locked")
    damaged = make_revert(error.selector + "00", "told")
    assert explain(damaged, TOKEN) == damaged


def test_events_are_read_with_their_topics() -> None:
    event = TOKEN.event("Transfer")
    note = "0x" + "22" * 32
    log = {
        "topics": [event.topic, "0x" + ALICE[2:].lower().rjust(64, "0"), note],
        "data": "0x" + f"{5:064x}",
    }
    assert event_values(event, log) == {"from": ALICE, "note": note, "value": 5}
    with pytest.raises(MalformedError, match="1 topics for 2"):
        event_values(event, {**log, "topics": log["topics"][:2]})
