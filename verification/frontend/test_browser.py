"""The page in a real browser: what a visitor meets when it is opened once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import allure
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.browser import BrowsedPage


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
