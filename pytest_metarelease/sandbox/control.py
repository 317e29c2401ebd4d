"""What one asks of a sandbox that is up: which part shall be up, down or stalled.

Refuses to believe that it happened before the supervisor says so. Both sides speak by files in the
sandbox's folder: nothing listens, and only who may write there can ask.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_metarelease.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "control"
STATES = ("up", "down", "stalled")
_LOOK_EVERY = 0.02


def ask(folder: Path, part: str, state: str, within: float) -> None:
    """Ask for a state of a part, and wait until it has it.

    Raises:
        SandboxError: it cannot have it, or has not within ``within`` seconds.
    """
    if state not in STATES or not part.isalpha():
        raise SandboxError(f"{part!r} cannot be {state!r}; a part is {', '.join(STATES)}")
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    answer = place / f"{part}.is"
    answer.unlink(missing_ok=True)
    write(place / f"{part}.want", state)
    until = time.monotonic() + within
    while not answer.exists():
        if time.monotonic() > until:
            raise SandboxError(f"the sandbox did not bring {part} {state} within {within:g} s")
        time.sleep(_LOOK_EVERY)
    said = answer.read_text(encoding="utf-8")
    if said != state:
        raise SandboxError(f"the sandbox's {part} cannot be {state}: {said}")


def write(path: Path, text: str) -> None:
    """Write in one step: whoever sees the file sees all of it."""
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
