"""Parts that are broken and mended by declared commands: mended always, and nothing is believed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.manifest.breaking import Breaking
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.probes.breaking import broken
from pytest_metarelease.probes.mender import carry_out

if TYPE_CHECKING:
    from pathlib import Path

SILENT = (sys.executable, "-c", "")
SLOW = (sys.executable, "-c", "import time; time.sleep(60)")
FAILS = (sys.executable, "-c", "import sys; print('no such part'); sys.exit(3)")
# Breaks, and dies in the middle of it by its own hand.
DIES = """
import os, signal, sys
from pathlib import Path
from pytest_metarelease.manifest.breaking import Breaking
from pytest_metarelease.probes.breaking import broken
with broken(Breaking(run=("touch", "broken"), undo=("touch", "mended")), Path(sys.argv[1])):
    assert Path(sys.argv[1], "broken").exists()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def way(run: tuple[str, ...], undo: tuple[str, ...], within: float = 20) -> Breaking:
    return Breaking(run=run, undo=undo, within=Seconds(within))


def test_what_breaks_nothing_is_no_outage_and_is_mended_all_the_same(tmp_path: Path) -> None:
    with (
        pytest.raises(ProbeError, match=r"broke nothing: it ended with 3: no such part"),
        broken(way(FAILS, ("touch", "mended")), tmp_path),
    ):
        raise AssertionError("it went on with an outage that is none")
    assert (tmp_path / "mended").exists()


def test_both_commands_run_in_the_folder_one_after_the_other(tmp_path: Path) -> None:
    with broken(way(("touch", "broken"), ("mv", "broken", "mended")), tmp_path):
        assert [one.name for one in tmp_path.iterdir()] == ["broken"]
    assert [one.name for one in tmp_path.iterdir()] == ["mended"]


def test_it_is_mended_where_what_happens_meanwhile_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        broken(way(SILENT, ("touch", "mended")), tmp_path),
    ):
        raise KeyboardInterrupt
    assert (tmp_path / "mended").exists()


def test_it_is_mended_where_we_are_killed(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    until = time.monotonic() + 30
    while not (tmp_path / "mended").exists():
        assert time.monotonic() < until, "nobody mended it"
        time.sleep(0.02)


def test_what_cannot_be_mended_says_what_to_run(tmp_path: Path) -> None:
    told = (
        "mended nothing in 3 tries: it ended with 3: no such part; "
        "the part may be broken still; run it by hand: "
    )
    with pytest.raises(ProbeError, match=told), broken(way(SILENT, FAILS), tmp_path):
        pass


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program",), "it cannot be started: No such file or directory"),
        (SLOW, "it was not done after 0.05 s"),
        (FAILS, "it ended with 3: no such part"),
        (SILENT, ""),
    ],
)
def test_why_a_command_failed(command: tuple[str, ...], why: str) -> None:
    assert carry_out(command, 0.05 if command is SLOW else 20) == why


def test_only_the_end_of_what_a_command_says_is_told() -> None:
    told = carry_out((sys.executable, "-c", "print('x' * 9000, 'end'); exit(1)"), 20)
    assert len(told) < 600
    assert told.endswith("x end")
