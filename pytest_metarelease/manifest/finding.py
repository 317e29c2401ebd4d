"""Which manifest a run is about: the one that was named, or the one that is there.

Refuses to choose between two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("release.yaml", "verification/release.yaml")
"""Where a manifest is looked for below the root folder when none is named."""


def find_manifest(rootdir: Path, given: str | None) -> Path | None:
    """Return the path of the manifest, or None where there is none and none was named.

    A named one is relative to the root folder (an ini file) or to where one stands (a command).

    Raises:
        UsageError: The named one does not exist, or two are found.
    """
    if given is not None:
        return _named(rootdir, given)
    found = [rootdir / place for place in PLACES if (rootdir / place).is_file()]
    if len(found) > 1:
        named = " and ".join(str(path.relative_to(rootdir)) for path in found)
        raise UsageError(f"two manifests are found, {named}; name one with --release-manifest")
    return found[0] if found else None


def _named(rootdir: Path, given: str) -> Path:
    candidates = {path.resolve(): path for path in (type(rootdir)(given), rootdir / given)}
    found = [path for path in candidates.values() if path.is_file()]
    if not found:
        raise UsageError(f"there is no manifest {rootdir / given}; correct --release-manifest")
    if len(found) > 1:
        named = " and ".join(str(path) for path in candidates)
        raise UsageError(f"two manifests are meant, {named}; write the whole path")
    return found[0]
