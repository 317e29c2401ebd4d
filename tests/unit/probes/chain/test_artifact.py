from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.artifact import Artifact, Span, load
from pytest_metarelease.probes.chain.bytecode import difference, differing, placeholders
from pytest_metarelease.probes.chain.tail import metadata_start

REFERENCES = {"17": [{"start": 1, "length": 2}]}
HARDHAT: dict[str, Any] = {
    "contractName": "Box",
    "sourceName": "contracts/Box.sol",
    "abi": [],
    "bytecode": "0x6001600255",
    "deployedBytecode": "0x60010203",
    "linkReferences": {},
    "deployedLinkReferences": {},
}
HOLE = "__$" + "ab" * 17 + "$__"


def written(folder: Path, document: Any, name: str = "Box.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_our_own_artifacts_name_their_immutables() -> None:
    folder = Path(__file__).parents[4] / "pytest_metarelease" / "sandbox" / "artifacts"
    found = load(folder / "Escrow.json")
    assert found.name == "Escrow"
    assert sorted(found.immutables or {}) == [
        "arbiter",
        "counterparty",
        "depositor",
        "token",
        "tradeHash",
        "uniswapRouter",
    ]
    assert found.compiler.startswith("0.8.")


def test_hardhat_2_does_not_say_what_is_immutable(tmp_path: Path) -> None:
    found = load(written(tmp_path, HARDHAT))
    assert found == Artifact(
        name="Box",
        file=str(tmp_path / "Box.json"),
        interface=found.interface,
        creation=bytes.fromhex("6001600255"),
        runtime=bytes.fromhex("60010203"),
        immutables=None,
        compiler="unknown",
    )


def test_hardhat_2_with_its_build_info_does(tmp_path: Path) -> None:
    contract = {"evm": {"deployedBytecode": {"immutableReferences": REFERENCES}}}
    build = {"output": {"contracts": {"contracts/Box.sol": {"Box": contract}}}}
    written(tmp_path, build, "build-info/1.json")
    written(tmp_path, {"buildInfo": "../../build-info/1.json"}, "contracts/Box.sol/Box.dbg.json")
    found = load(written(tmp_path, HARDHAT, "contracts/Box.sol/Box.json"))
    assert found.immutables == {"17": (Span(1, 2),)}


def test_hardhat_3(tmp_path: Path) -> None:
    document = {**HARDHAT, "_format": "hh3-artifact-1", "immutableReferences": REFERENCES}
    assert load(written(tmp_path, document)).immutables == {"17": (Span(1, 2),)}


@pytest.mark.parametrize(("given", "expected"), [(REFERENCES, {"17": (Span(1, 2),)}), (None, {})])
def test_foundry(tmp_path: Path, given: Any, expected: Any) -> None:
    deployed: dict[str, Any] = {"object": "0x60010203", "linkReferences": {}}
    if given is not None:
        deployed["immutableReferences"] = given
    document = {
        "abi": [],
        "bytecode": {"object": "0x6001600255", "linkReferences": {}},
        "deployedBytecode": deployed
        if given is None
        else {**deployed, "immutableReferences": given},
        "metadata": {"compiler": {"version": "0.8.30+commit.1"}},
    }
    found = load(written(tmp_path, document))
    assert (found.name, found.immutables, found.compiler) == ("Box", expected, "0.8.30+commit.1")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("", "no JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no `abi`"),
        ({"abi": []}, "no `deployedBytecode`"),
        ({**HARDHAT, "bytecode": "0x"}, "bytecode is empty: an interface"),
        ({**HARDHAT, "deployedBytecode": "0x123"}, "not hexadecimal"),
        ({**HARDHAT, "deployedBytecode": "0xzz"}, "not hexadecimal"),
        ({**HARDHAT, "deployedBytecode": 7}, "no `deployedBytecode`"),
        (
            {
                **HARDHAT,
                "bytecode": f"0x6001{HOLE}00",
                "linkReferences": {"contracts/Math.sol": {"Math": [{"start": 2, "length": 20}]}},
            },
            "not linked: library Math is missing at byte 2",
        ),
        (
            {**HARDHAT, "deployedBytecode": "0x60__contracts/Math.sol:Math______________00"},
            "not linked",
        ),
        ({**HARDHAT, "immutableReferences": {"1": [{"start": 3, "length": 9}]}}, "outside"),
        ({**HARDHAT, "immutableReferences": {"1": [{"start": "x"}]}}, "damaged"),
        ({**HARDHAT, "immutableReferences": []}, "damaged"),
    ],
)
def test_what_is_no_artifact_is_a_usage_error(tmp_path: Path, document: Any, text: str) -> None:
    path = written(tmp_path, document)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert text in str(caught.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="build the contracts"):
        load(tmp_path / "Gone.json")


# ---------------------------------------------------------------------- bytes


def test_no_difference_only_where_every_byte_is_equal() -> None:
    assert difference(b"", b"") is None
    assert difference(b"\1", b"") is not None
    assert difference(b"", b"\1") is not None
    assert difference(b"\1\2\3", b"\1\2\3") is None


def test_the_first_difference_is_shown_with_both_sides() -> None:
    found = difference(b"\1\2\3\4", b"\1\x22\3\x44")
    assert str(found) == "at offset 1 0x220344 instead of 0x020304 (2 bytes differ)"


def test_masked_bytes_do_not_count_but_lengths_do() -> None:
    assert difference(b"\1\2\3", b"\1\7\3", [Span(1, 1)]) is None
    assert difference(b"\1\2\3", b"\1\7\3\4", [Span(1, 1)]) is not None
    assert difference(b"\1\2\3", b"\1\7\4", [Span(1, 1)]) is not None


def test_where_the_metadata_begins() -> None:
    tail = bytes.fromhex("a164736f6c6343000811000a")
    assert metadata_start(b"\x60\x01" + tail) == 2
    for none in (b"", b"\x00", b"\x60\x01\xff\xff", b"\x60\x01\x00\x00", b"\x60\x01\x02\x00\x01"):
        assert metadata_start(none) == len(none)


def test_placeholders_are_long_runs_of_zeros() -> None:
    template = b"\x7f" + b"\0" * 32 + b"\x60" + b"\0" * 31 + b"\x61" + b"\0" * 40
    assert placeholders(template) == [Span(1, 32), Span(66, 40)]
    assert differing(b"\1\2\3", b"\1\0\4") == [1, 2]
