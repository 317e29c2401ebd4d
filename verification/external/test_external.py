"""Services of others, by what they answer and not only by their status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.health", "monitoring.external")
@pytest.mark.for_each("critical_external", optional=True)
def test_critical_dependencies_answer_usefully(
    critical_external: str, release: Target, external: Callable[[str], Any]
) -> None:
    """Status, type and content as declared, within the declared time."""
    declared = release.environment.external[critical_external]
    external(critical_external).get("").expect_answer(
        declared.answer, next_step="see their status page; the product cannot work without them"
    )


@pytest.mark.verifies("monitoring.optional-external")
@pytest.mark.for_each("optional_external")
def test_other_dependencies_answer_usefully(
    optional_external: str, release: Target, external: Callable[[str], Any]
) -> None:
    """The same for those that the product can do without for a while."""
    declared = release.environment.external[optional_external]
    external(optional_external).get("").expect_answer(
        declared.answer, next_step="see their status page"
    )
