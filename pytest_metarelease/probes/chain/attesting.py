"""Whether a contract account, such as a Safe, says that it signed: ERC-1271 at the pinned block.

Refuses to take silence for an answer: a node that cannot be asked leaves the signature unknown,
and only the magic value, whole, says yes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pytest_metarelease.approvals.model import Attestation
from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.chain.measuring import Asking
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Recorder

MAGIC = bytes.fromhex("1626ba7e")
"""The selector of ``isValidSignature(bytes32,bytes)``, and what it returns for yes (ERC-1271)."""

AskAccount: TypeAlias = Callable[[str, bytes, bytes], Attestation]
"""Ask an account whether it signed a digest with a signature."""


def attestation(
    account: str, digest: bytes, signature: bytes, judgement: Judgement, text: str
) -> Attestation:
    """Return what is known of a signature that no chain was asked about."""
    return Attestation(
        account=account,
        digest=digest.hex(),
        signature=hashlib.sha256(signature).hexdigest(),
        judgement=judgement,
        text=text,
    )


def attest(
    rpc: Rpc,
    snapshot: Snapshot,
    recorder: Recorder,
    account: str,
    digest: bytes,
    signature: bytes,
) -> Attestation:
    """Ask ``account`` at the pinned block whether it signed; every answer is a value."""

    def ask() -> tuple[Judgement, str]:
        return _said(rpc, snapshot, account, digest, signature)

    block: int | None = snapshot.number
    try:
        (judgement, text), _measurement = Asking(recorder, f"signer:{account}").ask(
            f"isValidSignature(0x{digest.hex()[:8]}..., {len(signature)} bytes) {snapshot.where}",
            ask,
            show=lambda found: found[1],
        )
    except (ProbeError, UnmetError) as error:
        judgement, block = Judgement.UNKNOWN, None
        text = recorder.redact(f"{account} could not be asked: {error}")
    return Attestation(
        account=account,
        digest=digest.hex(),
        signature=hashlib.sha256(signature).hexdigest(),
        judgement=judgement,
        text=text,
        chain_id=snapshot.chain_id,
        block=block,
    )


def _said(
    rpc: Rpc, snapshot: Snapshot, account: str, digest: bytes, signature: bytes
) -> tuple[Judgement, str]:
    call = {"to": account, "data": "0x" + _call_data(digest, signature).hex()}
    code, answer = read_pinned(
        rpc,
        snapshot,
        [
            Ask("eth_getCode", (account, snapshot.tag)),
            Ask("eth_call", (call, snapshot.tag)),
        ],
    )
    if not payload(settled(code, "eth_getCode"), "code"):
        return Judgement.UNMET, f"it is not {account}'s signature, and no contract is there"
    if isinstance(answer, Revert):
        return Judgement.UNMET, f"{account} refuses it: {answer.reason or 'reverted'}"
    said = payload(settled(answer, "eth_call"), "isValidSignature")
    if said == MAGIC + bytes(28):
        return Judgement.MET, f"{account} says that it signed, {snapshot.where}"
    return Judgement.UNMET, f"{account} says that it did not sign, {snapshot.where}"


def _call_data(digest: bytes, signature: bytes) -> bytes:
    """Return the call, ABI-encoded: the digest, where the bytes start, their length, and they."""
    padded = signature + bytes(-len(signature) % 32)
    head = MAGIC + digest + (64).to_bytes(32, "big")
    return head + len(signature).to_bytes(32, "big") + padded
