"""Artifacts against the sources and settings that they were built from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.manifest.contract_code import Compiler
from pytest_metarelease.probes.chain.abi import keccak
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.provenance import provenance

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "contract Box {}\n"


def built(folder: Path, source: str = SOURCE, **settings: Any) -> Artifact:
    metadata = {
        "compiler": {"version": "0.8.30+commit.73712a01"},
        "sources": {
            "src/Box.sol": {"keccak256": "0x" + keccak(source.encode()).hex()},
            "lib/far.sol": {"keccak256": "0x" + "00" * 32},
        },
        "settings": {
            "compilationTarget": {"src/Box.sol": "Box"},
            "evmVersion": "shanghai",
            "optimizer": {"enabled": True, "runs": 200},
            **settings,
        },
    }
    document = {
        "abi": [],
        "bytecode": {"object": "0x6001"},
        "deployedBytecode": {"object": "0x6001"},
        "metadata": metadata,
    }
    path = folder / "out" / "Box.sol" / "Box.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return load(path)


def put(folder: Path, text: str) -> Path:
    file = folder / "src" / "Box.sol"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_without_sources_and_settings_nothing_was_compared(tmp_path: Path) -> None:
    found = provenance(built(tmp_path), None)
    assert not found.compared
    assert found.absent == 2


def test_the_same_source_is_counted(tmp_path: Path) -> None:
    put(tmp_path, SOURCE)
    found = provenance(built(tmp_path), None)
    assert (found.compared, found.stale, found.same, found.absent) == (True, (), 1, 1)


def test_a_changed_source_is_stale_however_old_it_says_to_be(tmp_path: Path) -> None:
    os.utime(put(tmp_path, SOURCE + "// changed\n"), (1, 1))
    found = provenance(built(tmp_path), None)
    assert found.stale == ("src/Box.sol is not the source that Box was built from",)


def test_an_untouched_source_is_current_however_new_it_says_to_be(tmp_path: Path) -> None:
    artifact = built(tmp_path)
    os.utime(put(tmp_path, SOURCE), (4_000_000_000, 4_000_000_000))
    assert provenance(artifact, None).stale == ()


def in_one_build(folder: Path, metadata: str | None) -> Artifact:
    """Hardhat 2: one build-info of Box and of Other, which Box does not know."""
    contract = {} if metadata is None else {"metadata": metadata}
    sources = {"src/Box.sol": {"content": SOURCE}, "src/Other.sol": {"content": "// before\n"}}
    info = {
        "input": {"sources": sources},
        "output": {"contracts": {"src/Box.sol": {"Box": contract}}},
    }
    document = {
        "contractName": "Box",
        "sourceName": "src/Box.sol",
        "abi": [],
        "bytecode": "0x6001",
        "deployedBytecode": "0x6001",
    }
    debug = {"buildInfo": "build-info/1.json"}
    for name, one in {"Box": document, "Box.dbg": debug, "build-info/1": info}.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(one))
    put(folder, SOURCE)
    (folder / "src" / "Other.sol").write_text("// changed, and compiled again by itself\n")
    return load(folder / "Box.json")


_OF_ANOTHER = json.dumps({"sources": {"src/Elsewhere.sol": {}}})


@pytest.mark.parametrize("metadata", [None, "", "no JSON", "{}", _OF_ANOTHER])
def test_a_source_is_stale_where_nothing_says_that_it_is_of_no_account(
    tmp_path: Path, metadata: str | None
) -> None:
    assert provenance(in_one_build(tmp_path, metadata), None).stale


def test_a_source_that_was_only_compiled_beside_it_may_have_changed(tmp_path: Path) -> None:
    artifact = in_one_build(tmp_path, json.dumps({"sources": {"src/Box.sol": {}}}))
    found = provenance(artifact, None)
    assert (found.stale, found.same) == ((), 1)
    put(tmp_path, SOURCE + "// changed\n")
    assert provenance(artifact, None).stale


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (Compiler(version="0.8.29"), "version is 0.8.30, declared 0.8.29"),
        (Compiler(version="0.8.30+commit.0"), "version is 0.8.30+commit.73712a01"),
        (Compiler(evm_version="cancun"), "evm_version is shanghai, declared cancun"),
        (Compiler(optimizer=False), "optimizer is True, declared False"),
        (Compiler(runs=1), "runs is 200, declared 1"),
        (Compiler(via_ir=True), "via_ir is False, declared True"),
    ],
)
def test_other_settings_than_declared_are_stale(
    tmp_path: Path, declared: Compiler, text: str
) -> None:
    assert text in str(provenance(built(tmp_path), declared))


def test_settings_as_declared(tmp_path: Path) -> None:
    declared = Compiler(
        version="0.8.30", evm_version="shanghai", optimizer=True, runs=200, via_ir=False
    )
    found = provenance(built(tmp_path), declared)
    assert (found.stale, found.settings, found.compared) == ((), 5, True)


def test_hardhat_3_names_its_sources_with_a_prefix(tmp_path: Path) -> None:
    hardhat = {
        "_format": "hh3-artifact-1",
        "contractName": "Box",
        "sourceName": "src/Box.sol",
        "inputSourceName": "project/src/Box.sol",
        "buildInfoId": "b1",
        "abi": [],
        "bytecode": "0x6001",
        "deployedBytecode": "0x6001",
        "immutableReferences": {},
    }
    build = {
        "solcLongVersion": "0.8.30+commit.73712a01",
        "input": {"sources": {"project/src/Box.sol": {"content": SOURCE}}, "settings": {}},
    }
    folder = tmp_path / "artifacts"
    (folder / "build-info").mkdir(parents=True)
    (folder / "build-info" / "b1.json").write_text(json.dumps(build))
    (folder / "src" / "Box.sol").mkdir(parents=True)
    artifact = folder / "src" / "Box.sol" / "Box.json"
    artifact.write_text(json.dumps(hardhat))
    put(tmp_path, SOURCE)
    assert provenance(load(artifact), None).same == 1
    put(tmp_path, SOURCE + " ")
    assert provenance(load(artifact), None).stale
