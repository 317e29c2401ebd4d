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

    Raises:
        UsageError: The named one does not exist, or two are found.
    """
    if given is not None:
        path = rootdir / given
        if not path.is_file():
            raise UsageError(f"there is no manifest {path}; correct --release-manifest")
        return path
    found = [rootdir / place for place in PLACES if (rootdir / place).is_file()]
    if len(found) > 1:
        named = " and ".join(str(path.relative_to(rootdir)) for path in found)
        raise UsageError(f"two manifests are found, {named}; name one with --release-manifest")
    return found[0] if found else None
