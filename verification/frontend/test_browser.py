"""The page in a real browser: what a visitor meets, and what visitors do there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import allure
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.browser import BrowsedPage
    from pytest_metarelease.probes.journey import WalkedJourney


@pytest.mark.verifies("monitoring.page")
@pytest.mark.for_each("browsed_page")
def test_the_page_works_in_a_browser(
    browsed_page: str, browsed: Callable[[str], BrowsedPage]
) -> None:
    """No error on the console, no failed request, no host that nobody declared, no mixed content.

    All declared elements are visible, and the core web vitals are within their limits.
    """
    page = browsed(browsed_page)
    allure.attach(page.seen.screenshot, "the page", allure.attachment_type.PNG)
    page.expect_sound().expect_visible().expect_fast()


@pytest.mark.verifies("monitoring.journey")
@pytest.mark.for_each("journey")
def test_a_journey_goes_through(journey: str, walked: Callable[[str], WalkedJourney]) -> None:
    """Every step comes to pass, the page is sound all the way, and it answers acts in time."""
    found = walked(journey)
    allure.attach(found.seen.screenshot, "where it ended", allure.attachment_type.PNG)
    found.expect_walked().expect_sound().expect_fast()
