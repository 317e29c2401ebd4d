"""What one process keeps for the session: redactor, notebook, and the prepared target."""

from __future__ import annotations

import pytest

from pytest_metarelease.evidence import Notebook
from pytest_metarelease.plugin.secrecy import redactor_of
from pytest_metarelease.plugin.state import RUN
from pytest_metarelease.plugin.target import Target, acquire
from pytest_metarelease.plugin.waiting import WAITING

__all__ = ["NOTEBOOK", "TARGET", "notebook_of", "redactor_of", "target_of"]

NOTEBOOK: pytest.StashKey[Notebook] = pytest.StashKey()
TARGET: pytest.StashKey[Target] = pytest.StashKey()


def notebook_of(config: pytest.Config) -> Notebook:
    """Return the notebook of this process; without a gate it keeps what nobody asks for."""
    return config.stash.setdefault(NOTEBOOK, Notebook(redact=redactor_of(config)))


def target_of(config: pytest.Config) -> Target:
    """Return the target of this run, preparing it where no process has done so yet."""
    if TARGET not in config.stash:
        if WAITING in config.stash:
            # A test without our marks asks for one of our fixtures.
            config.stash[WAITING].wake()
        config.stash[TARGET] = acquire(config.stash[RUN], notebook_of(config), redactor_of(config))
    return config.stash[TARGET]
