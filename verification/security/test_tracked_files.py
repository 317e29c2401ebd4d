"""No key is in the release tree: what is tracked is in the hands of everybody who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.probes.tracked import judge_tracked_files

if TYPE_CHECKING:
    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.keys-in-tree", "security.environment-variables")
def test_tracked_files_hold_no_keys(release: Target) -> None:
    """Private keys, raw keys under key names, mnemonics, vendors' tokens."""
    judge_tracked_files(release.run.root, release.run.manifest.tree, release.recorder)
