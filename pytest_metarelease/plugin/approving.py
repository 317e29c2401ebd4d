"""The approvals of a run: read by the controller alone, and their signatures looked at.

Accounts that are contracts are asked on the environment's chain, at the block that the whole run
reads from; what they say goes into the record. Whether an approval counts is the gate's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.approvals.model import Approvals, Attestation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.model import Environment


_NOTHING = Approvals()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The approvals with what is known of their signatures, and what accounts were asked."""

    approvals: Approvals = _NOTHING
    attestations: tuple[Attestation, ...] = ()


def standing(root: Path) -> Approvals:
    """Return the approvals beside the manifest as they stand; signatures are not looked at."""
    if not (root / FOLDER).exists() and not (root / FOLDER).is_symlink():
        return _NOTHING
    # Imported only where there is something to read: most runs have no approvals.
    from pytest_metarelease.approvals.folder import read_approvals

    return read_approvals(root)


def gather(
    root: Path,
    signers: Mapping[str, str],
    environment: Environment | None,
    snapshot: Mapping[str, Any] | None,
    recorder: Recorder,
) -> Gathered:
    """Return the approvals beside the manifest in ``root``.

    ``snapshot`` is the pinned block, JSON-ready; without it, or without an environment whose
    variables are known, accounts with a contract cannot be asked.
    """
    found = standing(root)
    if not found.sign_offs:
        return Gathered(found)
    from pytest_metarelease.probes.chain.verifying import verified

    asking = _Asking(environment, snapshot, recorder)
    try:
        made = verified(found, signers, asking)
    finally:
        asking.close()
    return Gathered(made, tuple(asking.asked))


class _Asking:
    """Asks accounts on the environment's chain, connecting once and only where one is asked."""

    def __init__(
        self,
        environment: Environment | None,
        snapshot: Mapping[str, Any] | None,
        recorder: Recorder,
    ) -> None:
        self.asked: list[Attestation] = []
        self._environment = environment
        self._snapshot = snapshot
        self._recorder = recorder
        self._rpc: Any = None

    def __call__(self, account: str, digest: bytes, signature: bytes) -> Attestation:
        from pytest_metarelease.evidence import Judgement
        from pytest_metarelease.probes.chain.attesting import attest, attestation
        from pytest_metarelease.probes.chain.rpc import connect
        from pytest_metarelease.probes.chain.snapshot import Snapshot

        environment, own = self._environment, f"it is not the signature of {account} itself"
        if environment is not None and environment.chain is None:
            text = f"{own}, and the environment declares no chain on which it could be a contract"
            return attestation(account, digest, signature, Judgement.UNMET, text)
        if environment is None or environment.chain is None or self._snapshot is None:
            text = f"{own}, and its chain could not be asked"
            return attestation(account, digest, signature, Judgement.UNKNOWN, text)
        if self._rpc is None:
            self._rpc = connect(environment.chain, environment.access)
        snapshot = Snapshot.from_json(self._snapshot)
        said = attest(self._rpc, snapshot, self._recorder, account, digest, signature)
        self.asked.append(said)
        return said

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._rpc is not None:
            self._rpc.close()
