"""Six faults under ``-n 2``: the same verdict, item and trigger as alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.faulty import run_with
from tests.system.running import Runs

if TYPE_CHECKING:
    from pathlib import Path

SIX = (
    "api-errors",
    "database-down",
    "wrong-arbiter",
    "old-replica",
    "orders-diverge",
    "tampered-orders-accepted",
)


@pytest.mark.parametrize("fault", SIX)
def test_workers_come_to_the_same_decision(fault: str, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    ran = run_with(runs, fault, "-n", "2")
    assert "gw1" in ran.text or "2 workers" in ran.text, ran.text
    assert runs.left() == []
