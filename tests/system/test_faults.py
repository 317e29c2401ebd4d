"""Each fault of the sandbox is caught: by its item, with its verdict, with what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.faulty import TRIGGERED, UNKNOWN, names, run_with
from tests.system.running import Runs

if TYPE_CHECKING:
    from pathlib import Path


def test_there_are_eighteen_and_all_that_is_said_of_some_is_said_of_known_ones() -> None:
    assert len(names()) == 18
    assert {*TRIGGERED, *UNKNOWN} <= set(names())


@pytest.mark.parametrize("fault", names())
def test_a_fault_is_caught_by_its_item(fault: str, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run_with(runs, fault)
    assert runs.left() == []
