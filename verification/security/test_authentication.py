"""Who may do what: strangers are refused, and what signs or pays checks what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.api import credentials, money
from pytest_metarelease.probes.api.examined import Examined

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target

verifies = pytest.mark.verifies("post.authentication", "security.authentication")


@verifies
@pytest.mark.for_each("protected", optional=True)
def test_strangers_are_refused(
    protected: str, release: Target, service: Callable[..., Any]
) -> None:
    """Anonymous, with a wrong credential, with a changed and with an expired one."""
    credentials.refuses_strangers(Examined.of(protected, release.environment, service))


@verifies
@pytest.mark.for_each("paying", optional=True)
def test_what_signs_or_pays_is_protected(
    paying: str, release: Target, service: Callable[..., Any]
) -> None:
    """Whatever its declaration says of authentication, nobody is served anonymously."""
    credentials.refuses_strangers(Examined.of(paying, release.environment, service))


@verifies
@pytest.mark.for_each("paying", optional=True)
def test_target_amount_and_recipient_are_checked(
    paying: str, release: Target, service: Callable[..., Any]
) -> None:
    """With the right to ask: no other contract, no amount that cannot be, nobody as recipient."""
    one = Examined.of(paying, release.environment, service)
    money.checks_what_it_is_about(one)
    if one.declared.refuses:
        money.refuses_variations(one)


@verifies
@pytest.mark.for_each("paying", optional=True)
def test_no_form_of_another_site_can_drive_it(
    paying: str, release: Target, service: Callable[..., Any]
) -> None:
    """Form posts, as a page of another site can make a visitor's browser send them."""
    money.refuses_forms(Examined.of(paying, release.environment, service))
