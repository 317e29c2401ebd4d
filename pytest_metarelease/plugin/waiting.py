"""A session that nobody asked a verdict of reads the manifest only when a test needs it.

Every pytest run in a repository with a manifest would pay for reading it; most of them are about
other tests. Nothing is decided here: what wakes is exactly what a session that does not wait has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.manifest import find_manifest
from pytest_metarelease.plugin import activation, marks, secrecy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_metarelease.plugin.collection import Collection

WAITING: pytest.StashKey[Waiting] = pytest.StashKey()
_FACETS = re.compile(rb"\bfacets:\s*\[([^\]\n]*)\]")
_NAME = re.compile(r"[A-Za-z_]\w*")


class Waiting:
    """Wakes the rest of the plugin for the first test that has one of our marks or fixtures."""

    def __init__(self, config: pytest.Config, wake: Callable[[], Collection | None]) -> None:
        self._config = config
        self._wake = wake

    def wake(self) -> Collection | None:
        """Read the manifest and register what a session with checks has.

        Raises:
            pytest.UsageError: The manifest is wrong.
        """
        self._config.pluginmanager.unregister(self)
        del self._config.stash[WAITING]
        return self._wake()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Wake for a test that runs once per declared thing."""
        if next(metafunc.definition.iter_markers("for_each"), None) is not None:
            collected = self.wake()
            # This call has begun without the one who was registered just now.
            if collected is not None:
                collected.pytest_generate_tests(metafunc)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Wake for a test that verifies items."""
        if next(item.iter_markers("verifies"), None) is not None:
            collected = self.wake()
            if collected is not None:
                collected.pytest_itemcollected(item)


def may_wait(config: pytest.Config) -> bool:
    """Return whether nothing on the command line is about a release or about marks."""
    option = config.option
    if hasattr(config, "workerinput") or activation.distributes(config):
        # The processes of one run share what the first of them prepares.
        return False
    asked = (
        option.help,
        option.version,
        option.markexpr,
        option.release_env,
        option.release_manifest,
        option.release_evidence,
        option.release_fault,
        option.release_advisory,
        option.release_bindings_to,
    )
    return not any(asked) and activation.mode_of(config) != "on"


def begin(config: pytest.Config, wake: Callable[[], Collection | None]) -> bool:
    """Wait for a test that needs the manifest; False where waiting makes no sense."""
    path = find_manifest(config.rootpath, activation.setting(config, "release_manifest"))
    if path is None or not activation.looks_like_ours(path):
        return False
    for name in _facets_in(path.read_bytes()):
        config.addinivalue_line("markers", f"{name}: facet of {path.name}")
    waiting = Waiting(config, wake)
    config.stash[WAITING] = waiting
    secrecy.begin(config, path)
    config.pluginmanager.register(waiting, "metarelease: waiting")
    return True


def _facets_in(text: bytes) -> Iterator[str]:
    """Yield the facets that a manifest names, without reading it: strict marks must know them."""
    found = {
        name
        for listed in _FACETS.findall(text)
        for name in _NAME.findall(listed.decode("utf-8", "replace"))
    }
    yield from sorted(found - marks.FACETS.keys())
