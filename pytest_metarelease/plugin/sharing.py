"""What the processes of one run share: what a worker is told, and the sandbox that all use."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MetareleaseError

if TYPE_CHECKING:
    from pytest_metarelease.plugin.state import Run


def shared(run: Run) -> dict[str, Any]:
    """Return what a worker must know of the run, JSON-ready."""
    return {
        "run_id": run.run_id,
        "packet": str(run.packet),
        "baseline": str(run.baseline) if run.baseline is not None else None,
        "shared": str(run.shared),
        "owner_pid": os.getpid(),
        "started_at": run.started_at,
    }


def stop_sandbox(run: Run) -> None:
    """End the sandbox of this run, if one was started."""
    state = run.shared / "sandbox" / "state.json"
    if not state.exists():
        return
    from pytest_metarelease import sandbox

    with contextlib.suppress(MetareleaseError, OSError, json.JSONDecodeError):
        sandbox.Running.read(state.parent).stop(deadline=10.0)
    state.unlink(missing_ok=True)
