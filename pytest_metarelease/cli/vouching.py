"""The approvals of this checkout, for a record that another run made.

Asks no chain: of contract accounts it knows what the run was told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.approvals.folder import read_approvals

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.approvals.model import Approvals
    from pytest_metarelease.gate.values import Record
    from pytest_metarelease.manifest.model import Manifest


def approvals_for(manifest: Manifest, path: Path, record: Record) -> Approvals:
    """Return the approvals beside the manifest at ``path``, with what is known of signatures."""
    found = read_approvals(path.parent)
    if not found.sign_offs:
        return found
    from pytest_metarelease.probes.chain.verifying import from_record, verified

    return verified(found, manifest.signers, from_record(record.attestations))
