"""Deployment records of three tools, and what they are refused for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.probes.chain.deployments import find_deployment

if TYPE_CHECKING:
    from pathlib import Path

BOX = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MATH = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"


def put(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def ignition(folder: Path, name: str = "chain-5", chain: int | None = 5) -> Path:
    put(folder / name / "deployed_addresses.json", {"Shop#Box": BOX, "Shop#Math": MATH})
    lines: list[Any] = (
        [] if chain is None else [{"chainId": chain, "type": "DEPLOYMENT_INITIALIZE"}]
    )
    lines.append({"futureId": "Shop#Box", "libraries": {"Math": MATH}})
    put(folder / name / "journal.jsonl", "\n".join(map(json.dumps, lines)))
    return folder / name


def broadcast(folder: Path, **changes: Any) -> Path:
    created = {
        "hash": "0x01",
        "transactionType": "CREATE",
        "contractName": "Box",
        "contractAddress": BOX.lower(),
    }
    document = {
        "transactions": [created, {"transactionType": "CALL", "contractName": "Box"}],
        "receipts": [{"transactionHash": "0x01", "status": "0x1"}],
        "libraries": [f"src/Math.sol:Math:{MATH}"],
        "chain": 5,
        **changes,
    }
    return put(folder / "broadcast/Deploy.s.sol/5/run-latest.json", document)


def hardhat_deploy(folder: Path, chain: str | None = "5", **changes: Any) -> Path:
    document = {"address": BOX, "libraries": {"Math": MATH}, "receipt": {"status": 1}, **changes}
    if chain is not None:
        put(folder / "deployments/live/.chainId", chain)
    return put(folder / "deployments/live/Box.json", document)


def test_nothing_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.json", put(tmp_path / "empty.json", "{}")):
        with pytest.raises(UsageError):
            find_deployment(path, "Box", 5)


@pytest.mark.parametrize("tool", [ignition, broadcast, hardhat_deploy])
def test_each_tool_says_address_chain_and_libraries(tmp_path: Path, tool: Any) -> None:
    found = find_deployment(tool(tmp_path), "Box", 5)
    assert (found.address, found.chain_id, found.libraries) == (BOX, 5, {"Math": MATH})


@pytest.mark.parametrize("tool", [ignition, broadcast, hardhat_deploy])
def test_a_record_of_another_chain_is_refused(tmp_path: Path, tool: Any) -> None:
    path = tool(tmp_path)
    with pytest.raises(UsageError, match="a deployment on chain 5, the manifest declares chain 1"):
        find_deployment(path, "Box", 1)


def test_ignition_by_its_file_and_by_the_whole_name(tmp_path: Path) -> None:
    file = ignition(tmp_path) / "deployed_addresses.json"
    assert find_deployment(file, "Shop#Math", 5).address == MATH


def test_ignition_may_not_contradict_itself_about_its_chain(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="says 5 and 6"):
        find_deployment(ignition(tmp_path, "chain-5", 6), "Box", 5)
    with pytest.raises(UsageError, match="says nothing"):
        find_deployment(ignition(tmp_path, "live", None), "Box", 5)
    assert find_deployment(ignition(tmp_path, "live", 5), "Box", 5).address == BOX


@pytest.mark.parametrize("initialised", [{}, {"chainId": None}, {"chainId": [5]}, {"chainId": "5"}])
def test_a_journal_without_a_chain_id_is_a_usage_error(tmp_path: Path, initialised: Any) -> None:
    folder = ignition(tmp_path, chain=None)
    put(folder / "journal.jsonl", json.dumps({"type": "DEPLOYMENT_INITIALIZE", **initialised}))
    with pytest.raises(UsageError, match="names no chainId"):
        find_deployment(folder, "Box", 5)


def test_a_name_that_is_not_recorded_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"records no Bix.*Shop#Box, Shop#Math"):
        find_deployment(ignition(tmp_path), "Bix", 5)
    with pytest.raises(UsageError, match=r"records no Bix.*Box"):
        find_deployment(broadcast(tmp_path), "Bix", 5)


def test_one_name_deployed_twice_must_be_told_apart(tmp_path: Path) -> None:
    twice = [
        {
            "hash": f"0x0{n}",
            "transactionType": "CREATE",
            "contractName": "Box",
            "contractAddress": a,
        }
        for n, a in enumerate((BOX, MATH))
    ]
    with pytest.raises(UsageError, match="recorded 2 times"):
        find_deployment(broadcast(tmp_path, transactions=twice), "Box", 5)


@pytest.mark.parametrize("receipts", [[], [{"transactionHash": "0x01", "status": "0x0"}]])
def test_a_creation_without_a_good_receipt_is_no_deployment(tmp_path: Path, receipts: Any) -> None:
    with pytest.raises(UsageError, match="no successful receipt"):
        find_deployment(broadcast(tmp_path, receipts=receipts), "Box", 5)


def factory(**changes: Any) -> dict[str, Any]:
    inner = {"transactionType": "CREATE", "contractName": "Lid", "address": MATH.lower()}
    return {
        "hash": "0x02",
        "transactionType": "CALL",
        "contractName": "Factory",
        "contractAddress": BOX.lower(),
        "additionalContracts": [inner | changes],
    }


def test_what_a_transaction_created_within_is_recorded_too(tmp_path: Path) -> None:
    receipts = [{"transactionHash": "0x02", "status": "0x1"}]
    path = broadcast(tmp_path, transactions=[factory()], receipts=receipts)
    assert find_deployment(path, "Lid", 5).address == MATH
    failed = broadcast(tmp_path, transactions=[factory()])
    with pytest.raises(UsageError, match="no successful receipt of the transaction that creates"):
        find_deployment(failed, "Lid", 5)


@pytest.mark.parametrize("change", [{"contractName": None}, {"transactionType": "CALL"}])
def test_what_was_created_within_and_has_no_name_is_not_found(tmp_path: Path, change: Any) -> None:
    path = broadcast(tmp_path, transactions=[factory(**change)])
    with pytest.raises(UsageError, match="records no Lid"):
        find_deployment(path, "Lid", 5)


def test_hardhat_deploy_must_say_its_chain_and_that_it_succeeded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say its chain"):
        find_deployment(hardhat_deploy(tmp_path, None), "Box", 5)
    with pytest.raises(UsageError, match="is no chain id"):
        find_deployment(hardhat_deploy(tmp_path, "main"), "Box", 5)
    with pytest.raises(UsageError, match="the deployment failed"):
        find_deployment(hardhat_deploy(tmp_path, receipt={"status": 0}), "Box", 5)


def test_the_newer_hardhat_deploy_keeps_its_chain_elsewhere(tmp_path: Path) -> None:
    path = hardhat_deploy(tmp_path, None)
    put(path.with_name(".chain"), {"chainId": "5"})
    assert find_deployment(path, "Box", 5).address == BOX


@pytest.mark.parametrize("address", [None, "0x12", "0x" + "00" * 20, 7])
def test_an_address_must_be_one(tmp_path: Path, address: Any) -> None:
    with pytest.raises(UsageError, match="no address of a contract"):
        find_deployment(hardhat_deploy(tmp_path, address=address), "Box", 5)
