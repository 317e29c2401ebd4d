"""Pages in a real browser, each loaded once per process, with the screenshot in the packet.

Judges nothing; a second check of the same page judges the same load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.reports.files import write_atomically

if TYPE_CHECKING:
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.browser import BrowsedPage


class BrowserDoor:
    """Loads declared pages when they are first asked for."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pages: dict[str, BrowsedPage] = {}

    def browsed(self, name: str) -> BrowsedPage:
        """Return what one load of the page of a service showed."""
        from pytest_metarelease.probes.browser import browse

        if name not in self._pages:
            found = browse(name, self._target.environment, self._target.recorder)
            folder = self._target.run.packet / "attachments"
            if self._target.run.gate.on and found.seen.screenshot:
                folder.mkdir(parents=True, exist_ok=True)
                write_atomically(folder / f"page-{name}.png", found.seen.screenshot)
            self._pages[name] = found
        return self._pages[name]
