"""Who signed the sign-offs: recovered from the signature, or said by the account's contract.

Decides about signatures only; whether a statement is about this release is the gate's to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.statement import digest
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.chain.attesting import AskAccount, attestation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_metarelease.approvals.model import Approvals, Attestation, GivenSignOff


def verified(approvals: Approvals, signers: Mapping[str, str], ask: AskAccount) -> Approvals:
    """Return the approvals with what is known of each signature.

    ``signers`` are the accounts that the manifest names. ``ask`` is asked only about signatures
    that are not the account's own: an account with a key of its own needs no chain.
    """
    made = tuple(
        _verified(one, signers.get(one.sign_off.signer), ask) for one in approvals.sign_offs
    )
    return replace(approvals, sign_offs=made)


def _verified(given: GivenSignOff, account: str | None, ask: AskAccount) -> GivenSignOff:
    # Imported where something is signed: it costs as much as a small test run.
    from pytest_metarelease.probes.chain.signing import recover_digest

    hashed = digest(given.sign_off)
    known = replace(given, digest=hashed.hex(), account=account)
    if account is None:
        return replace(known, said="the manifest names no account for its signer")
    signature = bytes.fromhex(given.sign_off.signature[2:])
    if recover_digest(hashed, signature) == account:
        return replace(known, signed=Judgement.MET, said=f"signed by {account}")
    said = ask(account, hashed, signature)
    return replace(known, signed=said.judgement, said=said.text)


def from_record(attestations: Iterable[Attestation]) -> AskAccount:
    """Return what answers by what a run recorded; what it did not ask is unknown."""
    # Of several answers, as of the shards of a matrix, the worst counts.
    ordered = sorted(attestations, key=lambda one: one.judgement.rank)
    known = {(one.account, one.digest, one.signature): one for one in ordered}

    def ask(account: str, hashed: bytes, signature: bytes) -> Attestation:
        key = (account, hashed.hex(), hashlib.sha256(signature).hexdigest())
        text = (
            f"it is not the signature of {account} itself, and the run did not ask its chain; "
            "run it again with this sign-off in place"
        )
        return known.get(key) or attestation(account, hashed, signature, Judgement.UNKNOWN, text)

    return ask
