"""Programs that tests need and Python does not bring: where they are, or what to do about it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".tools" / "node_modules" / ".bin"
_SYSTEM = {"chromium": ("chromium", "chromium-browser", "google-chrome")}


class MissingToolError(Exception):
    """A program is not installed."""


def tool(name: str) -> Path:
    """Return the program: named by ``RELEASE_<NAME>``, on PATH, or installed by scripts/test.

    Raises:
        MissingToolError: It is nowhere, or what the variable names is not there.
    """
    variable = f"RELEASE_{name.upper().replace('-', '_')}"
    named = os.environ.get(variable)
    if named:
        found = shutil.which(named)
        if found is None:
            raise MissingToolError(f"{variable}={named}: no such program")
        return Path(found)
    for candidate in _SYSTEM.get(name, (name,)):
        found = shutil.which(candidate) or shutil.which(candidate, path=str(FOLDER))
        if found:
            return Path(found)
    raise MissingToolError(
        f"{name} is neither on PATH nor in {FOLDER}: run scripts/test, which installs it, or name "
        f"it with {variable}"
    )
