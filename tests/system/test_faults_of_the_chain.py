"""Faults of callers, signatures, books and nodes are caught: by their item, with a next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.faulty import faults_of, run_with
from tests.system.running import Runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("fault", faults_of("chain"))
def test_a_fault_is_caught_by_its_item(fault: str, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run_with(runs, fault)
    assert runs.left() == []
