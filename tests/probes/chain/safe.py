"""A real Safe on a node of the tests, from the artifacts of @safe-global/safe-smart-account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_metarelease.manifest.checksum import keccak_256
from pytest_metarelease.probes.chain.codec import checksum
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.probes.chain.signing import sign_digest
from pytest_metarelease.sandbox.accounts import DEPLOYER
from tests.probes.chain.nodes import CHAIN_ID
from tests.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.sandbox.accounts import Account

_PACKAGE = ROOT / ".tools/node_modules/@safe-global/safe-smart-account/build/artifacts/contracts"
_GAS = 8_000_000
_NOBODY = "0x" + "00" * 20
_SETUP = "setup(address[],uint256,address,bytes,address,address,uint256,address)"


def deploy_safe(rpc: Rpc, owners: Sequence[Account], threshold: int) -> str:
    """Deploy singleton, fallback handler and a proxy with these owners; return its address."""
    handler = _deploy(rpc, "handler/CompatibilityFallbackHandler")
    singleton = _deploy(rpc, "Safe")
    safe = _deploy(rpc, "proxies/SafeProxy", ["address"], [singleton])
    kinds = ["address[]", "uint256", "address", "bytes", *["address"] * 2, "uint256", "address"]
    addresses = [one.address for one in owners]
    values = [addresses, threshold, _NOBODY, b"", handler, _NOBODY, 0, _NOBODY]
    _send(rpc, safe, keccak_256(_SETUP.encode())[:4] + _encoded(kinds, values))
    return safe


def safe_signature(safe: str, digest: bytes, owners: Sequence[Account]) -> bytes:
    """Return what these owners sign so that the Safe says yes to ``digest``, sorted by address."""
    domain = keccak_256(b"EIP712Domain(uint256 chainId,address verifyingContract)")
    separator = keccak_256(_encoded(["bytes32", "uint256", "address"], [domain, CHAIN_ID, safe]))
    kind = keccak_256(b"SafeMessage(bytes message)")
    message = keccak_256(kind + keccak_256(digest))
    hashed = keccak_256(b"\x19\x01" + separator + message)
    signing = sorted(owners, key=lambda one: one.address.lower())
    return b"".join(bytes.fromhex(sign_digest(hashed, one.key)[2:]) for one in signing)


def _deploy(rpc: Rpc, name: str, kinds: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
    stem = name.rpartition("/")[2]
    built = json.loads((_PACKAGE / f"{name}.sol" / f"{stem}.json").read_text())
    data = bytes.fromhex(built["bytecode"][2:]) + _encoded(kinds, values)
    return checksum(_send(rpc, None, data).contract)


def _send(rpc: Rpc, to: str | None, data: bytes) -> Any:
    wallet = Wallet(rpc, CHAIN_ID, DEPLOYER.key)
    receipt = wallet.send(to=to, fee=fees(rpc), gas=_GAS, data="0x" + data.hex(), value=0)
    assert receipt.succeeded
    return receipt


def _encoded(kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode

    return encode(list(kinds), list(values))
