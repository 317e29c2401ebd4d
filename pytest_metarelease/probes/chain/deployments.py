"""Where deployment tools recorded what they deployed: addresses, libraries, chain.

Reads Hardhat Ignition, hardhat-deploy and Foundry broadcasts. Refuses a record of another chain, a
record that does not say its chain, and a deployment that the record itself calls failed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest.checksum import ADDRESS, ZERO, checksummed
from pytest_metarelease.probes.chain.artifact_file import read_document, read_text, section

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = "deploy first, or correct `deployment:`"
_CREATES = ("CREATE", "CREATE2")
_IGNITION = "deployed_addresses.json"


@dataclass(frozen=True, slots=True)
class Deployed:
    """One recorded deployment. ``libraries`` maps names to addresses; ``file`` is the record."""

    name: str
    address: str
    chain_id: int
    file: str
    libraries: Mapping[str, str] = field(default_factory=dict)


def find_deployment(path: Path, name: str, chain_id: int) -> Deployed:
    """Return what the record at ``path`` says of ``name`` on the declared chain.

    ``path`` is a folder or ``deployed_addresses.json`` of Ignition, a file of hardhat-deploy, or a
    ``run-latest.json`` of Foundry.

    Raises:
        UsageError: No such record or name, another chain, or a deployment that failed.
    """
    if path.is_dir() or path.name == _IGNITION:
        found = _ignition(path if path.is_dir() else path.parent, name)
    else:
        document = read_document(path, _ADVICE)
        if isinstance(document.get("transactions"), list):
            found = _foundry(path, document, name)
        else:
            found = _hardhat_deploy(path, document, name)
    if found.chain_id != chain_id:
        raise UsageError(
            f"{found.file}: it records a deployment on chain {found.chain_id}, the manifest "
            f"declares chain {chain_id}; name the record of this environment's chain"
        )
    return found


def _ignition(folder: Path, name: str) -> Deployed:
    file = folder / _IGNITION
    addresses = read_document(file, _ADVICE)
    matching = sorted(one for one in addresses if name in (one, one.rpartition("#")[2]))
    if len(matching) != 1:
        raise _ambiguous(file, name, matching, sorted(addresses))
    journal = folder / "journal.jsonl"
    lines = _journal(journal)
    chains = {
        _chain_id(journal, one.get("chainId"))
        for one in lines
        if one.get("type") == "DEPLOYMENT_INITIALIZE"
    }
    in_name = re.fullmatch(r"chain-(\d+)", folder.name)
    if in_name is not None:
        chains.add(int(in_name[1]))
    if len(chains) != 1:
        said = "nothing" if not chains else " and ".join(map(str, sorted(chains)))
        raise UsageError(f"{journal}: of its chain the record says {said}; {_ADVICE}")
    future, libraries = matching[0], {}
    for line in lines:
        if line.get("futureId") == future:
            libraries.update(section(line, "libraries"))
    return Deployed(
        future, _address(file, addresses[future]), chains.pop(), str(file), _strings(libraries)
    )


def _chain_id(journal: Path, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{journal}: DEPLOYMENT_INITIALIZE names no chainId: {value!r:.40}")
    return value


def _journal(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    try:
        lines = [json.loads(one) for one in read_text(path, _ADVICE).splitlines() if one.strip()]
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path}: no journal of Ignition: {problem}") from None
    return [one for one in lines if isinstance(one, dict)]


def _hardhat_deploy(path: Path, document: Mapping[str, Any], name: str) -> Deployed:
    marker, newer = path.with_name(".chainId"), path.with_name(".chain")
    if marker.is_file():
        text = read_text(marker, _ADVICE).strip()
    elif newer.is_file():
        text = str(read_document(newer, _ADVICE).get("chainId", ""))
    else:
        raise UsageError(
            f"{path}: the record does not say its chain: neither .chainId nor .chain stands beside "
            "it; keep what hardhat-deploy wrote"
        )
    status = section(document, "receipt").get("status")
    if status in (0, "0x0"):
        raise UsageError(f"{path}: the record says that the deployment failed; {_ADVICE}")
    if not text.isdecimal():
        raise UsageError(f"{marker}: {text!r:.40} is no chain id")
    return Deployed(
        name,
        _address(path, document.get("address")),
        int(text),
        str(path),
        _strings(section(document, "libraries")),
    )


def _foundry(path: Path, document: Mapping[str, Any], name: str) -> Deployed:
    created = _created(document["transactions"])
    matching = [one for one in created if one.get("contractName") == name]
    addresses = sorted({str(one.get("contractAddress")) for one in matching})
    if len(addresses) != 1:
        raise _ambiguous(
            path,
            name,
            addresses,
            sorted({str(one["contractName"]) for one in created if one.get("contractName")}),
        )
    receipts = {
        str(one.get("transactionHash")): one.get("status")
        for one in document.get("receipts") or ()
        if isinstance(one, dict)
    }
    if receipts.get(str(matching[-1].get("hash"))) != "0x1":
        raise UsageError(
            f"{path}: no successful receipt of the transaction that creates {name}: it was not "
            "sent, not mined or it failed; broadcast again (`forge script --broadcast --resume`)"
        )
    chain = document.get("chain")
    if not isinstance(chain, int) or isinstance(chain, bool):
        raise UsageError(f"{path}: the record does not say its chain; {_ADVICE}")
    libraries = {}
    for one in document.get("libraries") or ():
        parts = str(one).split(":")  # FILE:NAME:ADDRESS
        if len(parts) >= 3:
            libraries[parts[-2]] = parts[-1]
    return Deployed(name, _address(path, addresses[0]), chain, str(path), _strings(libraries))


def _created(transactions: list[Any]) -> list[dict[str, Any]]:
    """Return what transactions created: themselves, or a contract that they called (a factory)."""
    found = []
    for one in transactions:
        if not isinstance(one, dict):
            continue
        if one.get("transactionType") in _CREATES:
            found.append(one)
        for more in one.get("additionalContracts") or ():
            if isinstance(more, dict) and more.get("transactionType") in _CREATES:
                inner = {"contractAddress": more.get("address"), "hash": one.get("hash")}
                found.append({**more, **inner})
    return found


def _ambiguous(path: Path, name: str, found: list[str], known: list[str]) -> UsageError:
    if found:
        return UsageError(
            f"{path}: {name} is recorded {len(found)} times ({', '.join(found)}); write "
            "`deployed_as:` with one of them, or the address itself"
        )
    return UsageError(
        f"{path}: it records no {name}; write `deployed_as:` with one of "
        f"{', '.join(known) or 'nothing'}"
    )


def _strings(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries that are addresses, by the name alone and not its file."""
    return {
        name.rpartition(":")[2]: checksummed(one)
        for name, one in found.items()
        if isinstance(one, str) and ADDRESS.fullmatch(one)
    }


def _address(path: Path, value: Any) -> str:
    if not isinstance(value, str) or not ADDRESS.fullmatch(value) or value == ZERO:
        raise UsageError(f"{path}: no address of a contract: {value!r:.60}; {_ADVICE}")
    return checksummed(value)
