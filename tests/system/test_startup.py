"""Everybody who installs the plugin pays for its imports: no wire library is among them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.system.running import ROOT, Runs

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = (
    "web3",
    "eth_abi",
    "eth_account",
    "httpx",
    "sqlalchemy",
    "pydantic",
    "cryptography",
    "playwright",
    "schemathesis",
    "requests",
    "starlette",
    "uvicorn",
    "jsonschema",
)
SPY = f"""\
import sys
from pathlib import Path

def pytest_unconfigure(config):
    heavy = sorted(set({HEAVY!r}) & sys.modules.keys())
    Path(__file__).with_name("loaded").write_text(" ".join([*heavy, "and no more"]))
"""


def loaded_after(code: str) -> str:
    show = f"import sys; print(*sorted(set({HEAVY!r}) & sys.modules.keys()))"
    command = [sys.executable, "-c", f"{code}; {show}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["pytest_metarelease.plugin", "pytest_metarelease.cli"])
def test_importing_loads_no_wire_library(module: str) -> None:
    assert loaded_after(f"import {module}") == ""


def test_the_question_would_notice() -> None:
    assert loaded_after("import httpx") == "httpx"


@pytest.mark.parametrize("gate", ["--release-gate=off", "-q"])
def test_collecting_the_bundled_checks_loads_none_either(tmp_path: Path, gate: str) -> None:
    assert collected(tmp_path, gate) == "and no more"


def collected(folder: Path, *arguments: str) -> str:
    """Collect with the bundled manifest; which heavy modules the process had at its end."""
    spying = folder / "spying"
    spying.mkdir()
    (spying / "spy_of_modules.py").write_text(SPY)
    plugins = ("-p", "spy_of_modules", "--collect-only", "-o", f"pythonpath=. {spying}")
    ran = Runs(folder / "run").pytest(*plugins, *arguments)
    assert ran.exit_code == 0, ran.text
    assert "test_the_flow_goes_through[escrow-lifecycle]" in ran.text
    return (spying / "loaded").read_text()
