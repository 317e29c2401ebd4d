"""Pages and journeys in a real browser, once per process, with the screenshot in the packet.

Judges nothing; a second check of the same page or journey judges the same visit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.reports.files import write_atomically

if TYPE_CHECKING:
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.browser import BrowsedPage
    from pytest_metarelease.probes.journey import WalkedJourney


class BrowserDoor:
    """Loads declared pages, and walks declared journeys, when they are first asked for."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._pages: dict[str, BrowsedPage] = {}
        self._journeys: dict[str, WalkedJourney] = {}

    def browsed(self, name: str) -> BrowsedPage:
        """Return what one load of the page of a service showed."""
        from pytest_metarelease.probes.browser import browse

        if name not in self._pages:
            found = browse(name, self._target.environment, self._target.recorder)
            self._keep(f"page-{name}.png", found.seen.screenshot)
            self._pages[name] = found
        return self._pages[name]

    def walked(self, name: str) -> WalkedJourney:
        """Return how one walk of a journey, ``service.journey``, went."""
        from pytest_metarelease.probes.journey import walk_journey

        if name not in self._journeys:
            service, _, own = name.partition(".")
            found = walk_journey(service, own, self._target.environment, self._target.recorder)
            self._keep(f"journey-{name}.png", found.seen.screenshot)
            self._journeys[name] = found
        return self._journeys[name]

    def _keep(self, name: str, screenshot: bytes) -> None:
        folder = self._target.run.packet / "attachments"
        if self._target.run.gate.on and screenshot:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / name, screenshot)
