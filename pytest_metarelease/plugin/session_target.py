"""Where the prepared target of a process is kept: fixtures and session find the same one."""

from __future__ import annotations

import pytest

from pytest_metarelease.evidence import Notebook
from pytest_metarelease.plugin.recording import NOTEBOOK, REDACTOR
from pytest_metarelease.plugin.state import RUN
from pytest_metarelease.plugin.target import Target, acquire
from pytest_metarelease.redaction import Redactor

TARGET: pytest.StashKey[Target] = pytest.StashKey()


def target_of(config: pytest.Config) -> Target:
    """Return the target of this run, preparing it where no process has done so yet."""
    if TARGET not in config.stash:
        redactor = config.stash.setdefault(REDACTOR, Redactor())
        notebook = config.stash.setdefault(NOTEBOOK, Notebook(redact=redactor))
        config.stash[TARGET] = acquire(config.stash[RUN], notebook, redactor)
    return config.stash[TARGET]
