"""``metarelease lock``: write which checks each item has, so that a run cannot choose for itself.

Collects with pytest once per environment, without network and without any variable.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import LockedItem, item_digest
from pytest_metarelease.errors import UsageError
from pytest_metarelease.lockfile import differences, read_lock, write_lock
from pytest_metarelease.manifest import find_manifest, load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Manifest

_COLLECTED = (0, 5)
_REFUSED = 4  # pytest.ExitCode.USAGE_ERROR
_DEADLINE = 300.0


def lock(options: argparse.Namespace) -> int:
    """Write the lock, or with ``--check`` return 1 where it is not current."""
    path = find_manifest(Path.cwd(), options.release_manifest)
    if path is None:
        raise UsageError("no release.yaml here; name it with --release-manifest FILE")
    manifest = load(path).manifest
    fresh = collect(manifest, path, options.paths)
    file = path.parent / "checks.lock"
    if options.check:
        return _compare(file, fresh)
    write_lock(file, fresh)
    checks = {one for item in fresh.values() for ids in item.checks.values() for one in ids}
    print(f"{file}: {len(fresh)} items, {len(checks)} checks")  # noqa: T201 - a command speaks
    return 0


def collect(manifest: Manifest, path: Path, paths: Sequence[str]) -> dict[str, LockedItem]:
    """Return the checks of every item, collected once per environment."""
    found: dict[str, dict[str, list[str]]] = {item.id: {} for item in manifest.checklist}
    for environment in manifest.environments:
        for nodeid, ids in _bindings(path, environment, paths).items():
            for item_id in ids:
                found[item_id].setdefault(environment, []).append(nodeid)
    return {
        item.id: LockedItem(
            item_digest(item),
            {name: tuple(sorted(ids)) for name, ids in sorted(found[item.id].items())},
        )
        for item in manifest.checklist
    }


def _bindings(path: Path, environment: str, paths: Sequence[str]) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory(prefix="metarelease-lock-") as folder:
        target = Path(folder) / "bindings.json"
        command = [
            sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider",
            f"--release-manifest={path}", f"--release-env={environment}", "--release-gate=off",
            f"--release-bindings-to={target}", *paths,
        ]  # fmt: skip
        try:
            finished = subprocess.run(  # noqa: S603 - our own interpreter with an argument list
                command, capture_output=True, text=True, timeout=_DEADLINE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UsageError(
                f"collecting the checks for {environment} took longer than {_DEADLINE:g} s; see "
                "what the test files do when they are imported"
            ) from error
        if finished.returncode not in _COLLECTED or not target.exists():
            # What pytest refuses it says on the one; what it collected before stands on the other.
            refused = finished.stderr if finished.returncode == _REFUSED else ""
            said = refused.strip() or f"{finished.stdout[-3000:]}{finished.stderr[-3000:]}"
            raise UsageError(
                f"the checks for {environment} could not be collected (pytest ended with "
                f"{finished.returncode}):\n{said[-6000:]}"
            )
        bindings: dict[str, list[str]] = json.loads(target.read_text(encoding="utf-8"))
        return bindings


def _compare(file: Path, fresh: dict[str, LockedItem]) -> int:
    changes = differences(read_lock(file), fresh)
    for line in changes:
        print(line)  # noqa: T201
    if changes:
        print(f"{file} is not current: run `metarelease lock` and commit it")  # noqa: T201
        return 1
    print(f"{file} is current")  # noqa: T201
    return 0
