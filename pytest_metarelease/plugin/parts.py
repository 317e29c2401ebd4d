"""The parts of this plugin that a gated run cannot do without, and those of pytest.

A run without one of them is refused: it would measure less than it seems to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = (
    "secrecy", "collection", "fixtures", "recording", "gathering", "witness", "lost tasks",
    "session", "last word",
)  # fmt: skip
# Without these, a check that returns a value, a thread that dies, or a coroutine that is never
# awaited leaves no trace.
_PYTESTS = ("warnings", "threadexception", "unraisableexception")


def refuse_missing_parts(config: pytest.Config) -> None:
    """Refuse to go on when a part was switched off by ``-p no:...`` or unregistered.

    Raises:
        pytest.UsageError: It names what is missing.
    """
    missing = list(_missing(config.pluginmanager))
    if missing:
        raise pytest.UsageError(
            f"{', '.join(missing)}: switched off, and without it no verdict can be made; drop "
            "`-p no:...`, or add --release-gate=off to look around"
        )


def _missing(manager: pytest.PytestPluginManager) -> Iterator[str]:
    for name in _OURS:
        if not manager.has_plugin(f"metarelease: {name}"):
            yield f"metarelease: {name}"
    for name in _PYTESTS:
        if not manager.has_plugin(name):
            yield name
