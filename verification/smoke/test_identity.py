"""What answers is the release that is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.identity", "deploy.api")
@pytest.mark.for_each("identity")
def test_every_replica_is_the_release_that_is_judged(identity: str, release: Target) -> None:
    """Version and commit over several fresh connections, asked before the first check."""
    release.identity(identity).expect(next_step="wait for the rollout to finish on every replica")
