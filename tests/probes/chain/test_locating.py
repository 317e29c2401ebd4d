"""Addresses that the manifest leaves to a deployment record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.model import Chain, Contract, Environment
from pytest_metarelease.manifest.scalars import Access, Address, RelativePath, Url
from pytest_metarelease.probes.chain.locating import libraries_of, located

if TYPE_CHECKING:
    from pathlib import Path

BOX = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MATH = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
OTHER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


def environment(chain_id: int = 5, **contracts: Contract) -> Environment:
    chain = Chain(rpc=Url("http://127.0.0.1:1"), id=chain_id)
    return Environment(name="live", access=Access.READ_ONLY, chain=chain, contracts=contracts)


def record(folder: Path) -> RelativePath:
    (folder / "live").mkdir()
    (folder / "live" / ".chainId").write_text("5")
    document = {"address": BOX, "libraries": {"Math": MATH, "Far": MATH}}
    (folder / "live" / "Box.json").write_text(json.dumps(document))
    return RelativePath("live/Box.json")


def test_without_a_record_nothing_is_read(tmp_path: Path) -> None:
    given = environment(box=Contract(artifact=RelativePath("Box.json"), address=Address(BOX)))
    assert located(given, tmp_path / "gone") is given
    assert libraries_of(given, given.contracts["box"], tmp_path) == {}


def test_a_missing_record_is_a_usage_error(tmp_path: Path) -> None:
    gone = Contract(artifact=RelativePath("Box.json"), deployment=RelativePath("live/Box.json"))
    with pytest.raises(UsageError, match="deploy first, or correct `deployment:`"):
        located(environment(box=gone), tmp_path)


def test_the_record_says_where(tmp_path: Path) -> None:
    box = Contract(artifact=RelativePath("Box.json"), deployment=record(tmp_path))
    assert located(environment(box=box), tmp_path).contracts["box"].address == BOX
    with pytest.raises(UsageError, match="chain 5, the manifest declares chain 1"):
        located(environment(1, box=box), tmp_path)


def test_declared_libraries_count_before_recorded_ones(tmp_path: Path) -> None:
    box = Contract(
        artifact=RelativePath("Box.json"), deployment=record(tmp_path), libraries={"Math": "math"}
    )
    math = Contract(artifact=RelativePath("Math.json"), address=Address(OTHER))
    given = environment(box=box, math=math)
    assert libraries_of(given, box, tmp_path) == {"Math": OTHER, "Far": MATH}
