"""Outages are caused where they are allowed, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_metarelease.errors import ForbiddenError
from pytest_metarelease.manifest.model import Environment
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.plugin.outage_door import OutageDoor


def door(**declared: Any) -> OutageDoor:
    environment = Environment(name="here", access=Access.TRANSACT, **declared)
    # Whatever else the door touched of its target would not be there.
    target: Any = SimpleNamespace(environment=environment)
    return OutageDoor(target)


@pytest.mark.parametrize("sandbox", [True, False])
def test_without_being_allowed_nothing_is_stopped(sandbox: bool) -> None:
    with pytest.raises(ForbiddenError, match="does not say outages: allowed"):
        door(sandbox=sandbox).courses("api.database")
