"""The page over HTTP: it is served, with its assets, and its scripts carry the right facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.page import fetch_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.ux", "deploy.frontend", "rollback.ux")
@pytest.mark.for_each("page")
def test_the_page_and_its_assets_are_served(
    page: str, release: Target, service: Callable[..., Any]
) -> None:
    """The page has its declared texts; every script and style it names is there."""
    declared = release.environment.services[page].page
    assert declared is not None
    fetch_page(service(page), declared).expect_served()


@pytest.mark.verifies("post.ux", "deploy.addresses")
@pytest.mark.for_each("page")
def test_the_bundle_carries_the_addresses_of_the_release(
    page: str, release: Target, service: Callable[..., Any]
) -> None:
    """Contract addresses and API origins in the scripts are those of the manifest."""
    environment = release.environment
    declared = environment.services[page].page
    assert declared is not None
    found = fetch_page(service(page), declared).expect_texts()
    for name in declared.contracts:
        found.expect_address(name, environment.contracts[name].address)
    for name in declared.services:
        found.expect_origin(name, environment.services[name].url)
