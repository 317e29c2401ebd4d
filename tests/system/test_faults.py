"""Faults of API, database and page are caught: by their item, with what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.faulty import CAUGHT_BY, TRIGGERED, UNKNOWN, WHOLE, faults_of, run_with
from tests.system.running import Runs

if TYPE_CHECKING:
    from pathlib import Path


def test_all_are_tried() -> None:
    tried = [*faults_of("contracts"), *faults_of("chain"), *faults_of("elsewhere")]
    assert sorted(tried) == sorted(CAUGHT_BY)
    assert len(tried) == len(set(tried))
    assert {*TRIGGERED, *UNKNOWN, *WHOLE} <= set(tried)


@pytest.mark.parametrize("fault", faults_of("elsewhere"))
def test_a_fault_is_caught_by_its_item(fault: str, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run_with(runs, fault)
    assert runs.left() == []
