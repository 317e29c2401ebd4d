"""``metarelease sandbox``: what it prints, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_metarelease.sandbox import FAULTS
from pytest_metarelease.sandbox.command import run


def test_the_catalogue_names_every_fault_and_its_item(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--faults"]) == 0
    shown = capsys.readouterr().out
    for fault in FAULTS:
        assert f"  {fault.name}\n" in shown
        assert f"caught by {fault.caught_by}" in shown


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--fault", "databse-down"]) == 4
    assert "did you mean database-down" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["sandbox", "sandbox.command"])
def test_importing_it_is_cheap(module: str) -> None:
    heavy = "web3 eth eth_keys eth_hash starlette uvicorn psycopg sqlalchemy httpx rlp"
    code = (
        f"import sys, pytest_metarelease.{module}\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
